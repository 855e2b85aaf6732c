package poller

import (
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/socket"
)

// pollTypes is libzmq's answer per socket type and state, IN and OUT asked for; "n/a" where the state cannot be.
var pollTypes = []struct {
	typ, peer               zmq4.SocketType
	fresh, bound            string
	absent, immediate       string // connected to nobody; the same with IMMEDIATE, on tcp
	onePeer, got1, received string
	gone                    string
}{
	{zmq4.Pair, zmq4.Pair, "0", "0", "OUT", "0", "OUT", "IN+OUT", "OUT", "0"},
	{zmq4.Pub, zmq4.Sub, "OUT", "OUT", "OUT", "OUT", "OUT", "n/a", "n/a", "OUT"},
	{zmq4.Sub, zmq4.Pub, "0", "0", "0", "0", "0", "IN", "0", "0"},
	{zmq4.Req, zmq4.Rep, "0", "0", "OUT", "0", "OUT", "n/a", "n/a", "0"},
	{zmq4.Rep, zmq4.Req, "0", "0", "0", "0", "0", "IN", "OUT", "n/a"},
	{zmq4.Dealer, zmq4.Router, "0", "0", "OUT", "0", "OUT", "n/a", "n/a", "0"},
	{zmq4.Router, zmq4.Dealer, "OUT", "OUT", "OUT", "OUT", "OUT", "IN+OUT", "OUT", "OUT"},
	{zmq4.Push, zmq4.Pull, "0", "0", "OUT", "0", "OUT", "n/a", "n/a", "0"},
	{zmq4.Pull, zmq4.Push, "0", "0", "0", "0", "0", "IN", "0", "0"},
	{zmq4.XPub, zmq4.XSub, "OUT", "OUT", "OUT", "OUT", "OUT", "n/a", "n/a", "IN+OUT"},
	{zmq4.XSub, zmq4.XPub, "OUT", "OUT", "OUT", "OUT", "OUT", "IN+OUT", "OUT", "OUT"},
}

// TestPollTypes walks every socket type through its states.
func TestPollTypes(t *testing.T) {
	for _, r := range pollTypes {
		t.Run(string(r.typ), func(t *testing.T) {
			onStages(t, func(g *pollStage) {
				g.is("fresh", g.open(r.typ, socket.Config{}), r.fresh)
				k := g.open(r.typ, socket.Config{})
				g.dial(k, g.absent())
				g.is("connected to nobody", k, r.absent)
				if g.scheme == "tcp" {
					k := g.open(r.typ, socket.Config{Immediate: true})
					g.dial(k, g.absent())
					g.is("the same with Immediate", k, r.immediate)
				}

				s, p := g.open(r.typ, socket.Config{}), g.open(r.peer, socket.Config{})
				ep := g.listen(s)
				g.is("bound, no peer", s, r.bound)
				g.meet(s, p, ep)
				g.is("one peer", s, r.onePeer)
				if r.typ == zmq4.XSub {
					g.send(s, "\x01")
					g.recv(p) // the subscription has arrived
				}
				if r.got1 != "n/a" {
					g.send(p, "m")
					g.is("peer sent 1", s, r.got1)
					g.recv(s)
					g.is("after recv", s, r.received)
				}
				if r.typ == zmq4.XPub {
					g.send(p, "\x01")
					g.is("peer subscribed", s, "IN+OUT")
					g.recv(s)
					g.is("subscription read", s, "OUT")
				}
				if r.gone != "n/a" {
					g.close(p)
					g.is("peer gone", s, r.gone)
				}
			})
		})
	}
	t.Run("STREAM", func(t *testing.T) {
		t.Log("libzmq: OUT in every state. Here: there are no STREAM sockets")
	})
}
