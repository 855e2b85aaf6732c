package poller

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/socket"
)

// pollBig is a message that kernels' buffers do not hold many of.
var pollBig = strings.Repeat("x", 200_000)

// try sends without blocking and reports whether the message was taken.
func (g *pollStage) try(s *socket.Socket, frames ...string) bool {
	g.t.Helper()
	err := s.TrySend(zmq4.NewMsgFromString(frames))
	if err != nil && !errors.Is(err, socket.ErrAgain) {
		g.t.Fatalf("%s: send %.20q: %v", s, frames, err)
	}
	return err == nil
}

// fill sends until s has not taken a message for a while, and returns how many it took.
func (g *pollStage) fill(s *socket.Socket, frames ...string) (n int) {
	g.t.Helper()
	for items := []Item{{Socket: s, Events: Out}}; ; {
		for g.try(s, frames...) {
			n++
		}
		switch ready, err := Poll(g.ctx(), items, 100*time.Millisecond); {
		case err != nil:
			g.t.Fatal(err)
		case ready == 0:
			return n
		}
	}
}

// full returns a sender and the one peer of it that it has filled, both with marks of hwm.
func (g *pollStage) full(typ, peer zmq4.SocketType, hwm int, frames ...string) (s, p *socket.Socket, n int) {
	g.t.Helper()
	s, p = g.open(typ, socket.Config{SendHWM: hwm}), g.open(peer, socket.Config{RecvHWM: hwm})
	g.meet(s, p, g.listen(s))
	return s, p, g.fill(s, frames...)
}

// TestPollFull: the types that wait for a full peer are not ready to send, and not able to.
func TestPollFull(t *testing.T) {
	for _, c := range []struct{ typ, peer zmq4.SocketType }{
		{zmq4.Push, zmq4.Pull}, {zmq4.Dealer, zmq4.Router}, {zmq4.Pair, zmq4.Pair},
	} {
		t.Run(string(c.typ), func(t *testing.T) {
			onStages(t, func(g *pollStage) {
				s, _, _ := g.full(c.typ, c.peer, 5, pollBig)
				g.is("the only peer is full", s, "0")
				if g.try(s, pollBig) {
					g.t.Error("took a message")
				}
			})
		})
	}
}

// TestPollFullDrops: the types that drop for a full peer are always ready to send.
func TestPollFullDrops(t *testing.T) {
	for _, c := range []struct{ typ, peer zmq4.SocketType }{
		{zmq4.Pub, zmq4.Sub}, {zmq4.XPub, zmq4.Sub}, {zmq4.Router, zmq4.Dealer},
	} {
		t.Run(string(c.typ), func(t *testing.T) {
			onStages(t, func(g *pollStage) {
				s := g.open(c.typ, socket.Config{SendHWM: 5})
				p := g.open(c.peer, socket.Config{RecvHWM: 5, RoutingID: "x"})
				g.meet(s, p, g.listen(s))
				if c.typ == zmq4.XPub {
					g.recv(s) // the subscription
				}
				for i := 0; s.Stats().Dropped[socket.DropFull] == 0; i++ {
					if !g.try(s, "x", pollBig) {
						g.t.Fatalf("did not take message %d", i)
					}
				}
				g.is("the only peer is full", s, "OUT")
			})
		})
	}
}

// TestPollMandatory: a mandatory ROUTER is ready to send while any of its peers has room.
func TestPollMandatory(t *testing.T) {
	onStages(t, func(g *pollStage) {
		s := g.open(zmq4.Router, socket.Config{SendHWM: 3, RouterMandatory: true})
		ep := g.listen(s)
		g.is("no peer", s, "0")
		d := g.open(zmq4.Dealer, socket.Config{RecvHWM: 1, RoutingID: "D"})
		g.meet(s, d, ep)
		g.is("one peer", s, "OUT")
		g.fill(s, "D", pollBig)
		g.is("the only peer is full", s, "0")
		g.meet(s, g.open(zmq4.Dealer, socket.Config{RoutingID: "E"}), ep)
		g.is("one of two is full", s, "OUT")
		if g.try(s, "D", pollBig) {
			g.t.Error("the full peer took a message")
		}
	})
}

// TestPollRoom: how much a connection holds, and after how many messages received a full sender is ready again: in
// libzmq when half of both marks together is free (the low-water mark), here when half of the receiver's queue is and it
// is filled up again, since a queue with free places is writable. On tcp the kernels' buffers hold a part.
func TestPollRoom(t *testing.T) {
	for _, c := range []struct {
		scheme       string
		hwm          int // of each end
		message      string
		holds        int // 0: depends on the kernel
		libzmq, ours int // ready again at this receive
	}{
		{"inproc", 10, "x", 20, 10, 5},
		{"inproc", 5, "x", 10, 5, 3},
		{"tcp", 5, pollBig, 0, 3, 3},
	} {
		for typ, peer := range map[zmq4.SocketType]zmq4.SocketType{
			zmq4.Push: zmq4.Pull, zmq4.Dealer: zmq4.Router, zmq4.Pair: zmq4.Pair,
		} {
			t.Run(fmt.Sprint(c.scheme, " ", c.hwm, "+", c.hwm, " ", typ), func(t *testing.T) {
				inPollBubble(t, c.scheme, func(g *pollStage) {
					s, p, n := g.full(typ, peer, c.hwm, c.message)
					t.Logf("OUT comes back after receive %d of %d, in libzmq after %d", c.ours, n, c.libzmq)
					if c.holds != 0 && n != c.holds {
						t.Errorf("holds %d, want %d", n, c.holds)
					}
					for i := 1; i <= c.ours; i++ {
						if got := g.level(s); got != 0 {
							t.Errorf("before receive %d: %s", i, pollBits(got))
						}
						g.recv(p)
					}
					g.is("after the last receive", s, "OUT")
				})
			})
		}
	}
}
