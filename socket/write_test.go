package socket

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/transport"

	"zmqbus/internal/memnet"
	"zmqbus/monitor"
)

// TestWriteErrorLosesNothingInbound: a peer sends and goes; our write to it fails while what it sent still waits to be
// read, behind a full queue. All of it arrives.
func TestWriteErrorLosesNothingInbound(t *testing.T) {
	inBubble(t, func(t *testing.T, net *memnet.Network) {
		on := map[string]transport.Transport{"tcp": net}
		a := open(t, zmq4.Dealer, &Config{Transports: on, RecvHWM: 10})
		b := open(t, zmq4.Dealer, &Config{Transports: on, SendHWM: 5000, Linger: Unlimited})
		dial(t, b, bind(t, a, "tcp://127.0.0.1:0"))
		waitPeers(t, a, 1)
		const count = 2000
		for i := range count {
			send(t, b, fmt.Sprint(i))
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		send(t, a, "to nobody")
		synctest.Wait()
		for i := range count {
			want(t, recv(t, a), fmt.Sprint(i))
		}
		synctest.Wait()
		if n := len(a.Peers()); n != 0 {
			t.Fatalf("%d peers are left", n)
		}
		if st := a.Stats(); st.Out.Accepted != 1 || st.Out.Dropped+st.Out.Written != 1 {
			t.Fatalf("the message to nobody: %+v", st.Out)
		}
	})
}

// TestWriteErrorThatReadsDoNotNotice: a transport whose writes fail while its reads wait for ever is given muteTime.
func TestWriteErrorThatReadsDoNotNotice(t *testing.T) {
	inBubble(t, func(t *testing.T, mem *memnet.Network) {
		deaf := &deafTransport{Transport: mem}
		a := open(t, zmq4.Pair, &Config{Transports: map[string]transport.Transport{"tcp": mem}})
		b := open(t, zmq4.Pair, &Config{Transports: map[string]transport.Transport{"tcp": deaf}})
		lost := b.Lifecycle(monitor.Disconnected)
		dial(t, b, bind(t, a, "tcp://127.0.0.1:0"))
		waitPeers(t, b, 1)
		deaf.broken.Store(true)
		start := time.Now()
		send(t, b, "stays")
		if e := next(t, lost, monitor.Disconnected); time.Since(start) != muteTime || !e.Retry {
			t.Fatalf("%v after %v", e, time.Since(start))
		}
		deaf.broken.Store(false)
		want(t, recv(t, a), "stays") // on the next connection
	})
}

// deafTransport dials connections whose writes fail while broken is set.
type deafTransport struct {
	transport.Transport
	broken atomic.Bool
}

func (d *deafTransport) Dial(ctx context.Context, dialer transport.Dialer, addr string) (net.Conn, error) {
	c, err := d.Transport.Dial(ctx, dialer, addr)
	return &deafConn{c, d}, err
}

type deafConn struct {
	net.Conn
	of *deafTransport
}

func (c *deafConn) Write(b []byte) (int, error) {
	if c.of.broken.Load() {
		return 0, syscall.EPIPE
	}
	return c.Conn.Write(b)
}
