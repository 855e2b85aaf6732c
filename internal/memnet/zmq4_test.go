package memnet

import (
	"testing"
	"testing/synctest"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"
)

// TestHandshake shows what the package is for: both sides of zmq4.Open write first, over a buffer that is no deadlock,
// and the message after it arrives, all in a bubble.
func TestHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := connected(t, New())
		opened := make(chan *zmq4.Conn)
		open := func(c *Conn, kind zmq4.SocketType, server bool) *zmq4.Conn {
			z, err := zmq4.Open(c, null.Security(), kind, nil, server, nil)
			if err != nil {
				t.Error(err)
			}
			return z
		}
		go func() { opened <- open(b, zmq4.Pull, true) }() // owned by this test; ends with the handshake
		push := open(a, zmq4.Push, false)
		pull := <-opened
		if push == nil || pull == nil {
			t.FailNow()
		}
		if err := push.SendMsg(zmq4.NewMsgString("hello")); err != nil {
			t.Error(err)
		}
		if msg, err := pull.RecvMsg(); err != nil || string(msg.Bytes()) != "hello" {
			t.Errorf("got %v, %v", msg, err)
		}
		closeAll(t, push, pull)
	})
}
