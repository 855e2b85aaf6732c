package socket

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/go-zeromq/zmq4"
	"pgregory.net/rapid"

	"zmqbus/internal/memnet"
	"zmqbus/internal/readiness"
)

// ends returns two joined sockets of their own inproc space, the first bound.
func ends(t testing.TB, bound, dialled zmq4.SocketType, boundCfg, dialledCfg Config) (*Socket, *Socket) {
	t.Helper()
	boundCfg.Inproc = NewInproc()
	dialledCfg.Inproc = boundCfg.Inproc
	return pair(t, "inproc://"+t.Name(), bound, dialled, &boundCfg, &dialledCfg)
}

// roomForOne is room for a single message at each end.
var roomForOne = Config{SendHWM: 1, RecvHWM: 1}

// rises are what makes a socket ready for ev: setup returns the socket, not ready, and what happens.
var rises = []struct {
	name  string
	ev    readiness.Events
	setup func(t *testing.T, net *memnet.Network) (*Socket, func())
}{
	{"PULL, a message comes", readiness.In, func(t *testing.T, _ *memnet.Network) (*Socket, func()) {
		in, out := ends(t, zmq4.Pull, zmq4.Push, Config{}, Config{})
		return in, func() { send(t, out, "a") }
	}},
	{"PULL with C, a message comes", readiness.In, func(t *testing.T, _ *memnet.Network) (*Socket, func()) {
		in, out := ends(t, zmq4.Pull, zmq4.Push, Config{}, Config{})
		in.C()
		return in, func() { send(t, out, "a") }
	}},
	{"PULL with C and Conflate", readiness.In, func(t *testing.T, _ *memnet.Network) (*Socket, func()) {
		in, out := ends(t, zmq4.Pull, zmq4.Push, Config{Conflate: true}, Config{})
		in.C()
		return in, func() { send(t, out, "a") }
	}},
	{"PUSH, a peer is dialled", readiness.Out, func(t *testing.T, _ *memnet.Network) (*Socket, func()) {
		s := open(t, zmq4.Push, &Config{Inproc: NewInproc()})
		return s, func() { dial(t, s, "inproc://later") }
	}},
	{"PUSH with Immediate, the handshake is done", readiness.Out, func(t *testing.T, net *memnet.Network) (*Socket, func()) {
		s := open(t, zmq4.Push, memConfig(net, Config{Immediate: true}))
		in := open(t, zmq4.Pull, memConfig(net, Config{}))
		return s, func() { dial(t, s, bind(t, in, "tcp://127.0.0.1:0")) }
	}},
	{"PUSH, a full peer is read", readiness.Out, func(t *testing.T, _ *memnet.Network) (*Socket, func()) {
		in, out := ends(t, zmq4.Pull, zmq4.Push, roomForOne, roomForOne)
		trySends(t, out)
		return out, func() { numbers(t, in, 2) }
	}},
	{"DEALER, a higher mark", readiness.Out, func(t *testing.T, _ *memnet.Network) (*Socket, func()) {
		_, out := ends(t, zmq4.Dealer, zmq4.Dealer, roomForOne, roomForOne)
		trySends(t, out)
		return out, func() {
			if err := out.SetOption("sndhwm", 10); err != nil {
				t.Fatal(err)
			}
		}
	}},
	{"PAIR, its peer's place is taken by the next", readiness.Out, func(t *testing.T, _ *memnet.Network) (*Socket, func()) {
		a, b := ends(t, zmq4.Pair, zmq4.Pair, roomForOne, roomForOne)
		dial(t, open(t, zmq4.Pair, &Config{Inproc: b.cfg.Inproc}), a.Endpoints()[0].Endpoint)
		trySends(t, a)
		return a, func() { closeNow(t, b) }
	}},
	{"REQ, the reply comes", readiness.In, func(t *testing.T, _ *memnet.Network) (*Socket, func()) {
		rep, req := ends(t, zmq4.Rep, zmq4.Req, Config{}, Config{})
		send(t, req, "q")
		recv(t, rep)
		return req, func() { send(t, rep, "a") }
	}},
	{"REQ, the reply is taken", readiness.Out, func(t *testing.T, _ *memnet.Network) (*Socket, func()) {
		rep, req := ends(t, zmq4.Rep, zmq4.Req, Config{}, Config{})
		send(t, req, "q")
		recv(t, rep)
		send(t, rep, "a")
		return req, func() { recv(t, req) }
	}},
	{"REP, the request is taken", readiness.Out, func(t *testing.T, _ *memnet.Network) (*Socket, func()) {
		rep, req := ends(t, zmq4.Rep, zmq4.Req, Config{}, Config{})
		return rep, func() { send(t, req, "q"); recv(t, rep) }
	}},
	{"REP, the next request after the reply", readiness.In, func(t *testing.T, _ *memnet.Network) (*Socket, func()) {
		rep, a := ends(t, zmq4.Rep, zmq4.Req, Config{}, Config{})
		b := open(t, zmq4.Req, &Config{Inproc: a.cfg.Inproc})
		dial(t, b, rep.Endpoints()[0].Endpoint)
		send(t, a, "q")
		recv(t, rep)
		send(t, b, "q")
		return rep, func() { send(t, rep, "a") }
	}},
	{"REP, the next request after the peer is lost", readiness.In, func(t *testing.T, _ *memnet.Network) (*Socket, func()) {
		rep, a := ends(t, zmq4.Rep, zmq4.Req, Config{}, Config{})
		b := open(t, zmq4.Req, &Config{Inproc: a.cfg.Inproc})
		dial(t, b, rep.Endpoints()[0].Endpoint)
		send(t, a, "q")
		recv(t, rep)
		send(t, b, "q")
		return rep, func() { closeNow(t, a) }
	}},
	{"XPUB, a subscription comes", readiness.In, func(t *testing.T, _ *memnet.Network) (*Socket, func()) {
		space := NewInproc()
		pub, sub := open(t, zmq4.XPub, &Config{Inproc: space}), open(t, zmq4.XSub, &Config{Inproc: space})
		dial(t, sub, bind(t, pub, "inproc://x"))
		return pub, func() { send(t, sub, "\x01a") }
	}},
	{"mandatory ROUTER, a peer comes", readiness.Out, func(t *testing.T, _ *memnet.Network) (*Socket, func()) {
		space := NewInproc()
		s := open(t, zmq4.Router, &Config{RouterMandatory: true, Inproc: space})
		ep := bind(t, s, "inproc://r")
		return s, func() { dial(t, open(t, zmq4.Dealer, &Config{Inproc: space}), ep) }
	}},
	{"mandatory ROUTER, the full peer is read", readiness.Out, func(t *testing.T, _ *memnet.Network) (*Socket, func()) {
		mandatory := roomForOne
		mandatory.RouterMandatory = true
		peer := roomForOne
		peer.RoutingID = "p"
		r, d := ends(t, zmq4.Router, zmq4.Dealer, mandatory, peer)
		trySends(t, r, "p")
		return r, func() { numbers(t, d, 2) }
	}},
}

// TestReadinessWakes arms a waiter on a socket that is not ready, lets something happen, and wants the waiter woken and
// the level there.
func TestReadinessWakes(t *testing.T) {
	for _, c := range rises {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, net *memnet.Network) {
				s, happen := c.setup(t, net)
				synctest.Wait()
				var woken atomic.Int32
				w := readiness.NewWaiter(func() { woken.Add(1) })
				s.Notify(w)
				w.Arm(c.ev)
				if ev, err := s.Readiness(); err != nil || ev&c.ev != 0 {
					t.Fatalf("before: ready for %v, %v", ev, err)
				}
				happen()
				synctest.Wait()
				if ev, err := s.Readiness(); err != nil || ev&c.ev == 0 {
					t.Errorf("after: ready for %v, %v", ev, err)
				}
				if n := woken.Load(); n != 1 {
					t.Errorf("woken %d times, want 1", n)
				}
				s.Forget(w)
				w.Arm(c.ev)
				closeNow(t, s)
				if n := woken.Load(); n != 1 {
					t.Errorf("woken after Forget")
				}
			})
		})
	}
}

func TestReadinessAtTheEnd(t *testing.T) {
	s := open(t, zmq4.Dealer, nil)
	woken := make(chan struct{}, 1)
	w := readiness.NewWaiter(func() { woken <- struct{}{} })
	s.Notify(w)
	w.Arm(0)
	bind(t, s, "inproc://"+t.Name())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "the end", woken)
	_, err := s.Readiness()
	wantErr(t, err, ErrClosed)
	if got, want := s.String(), "DEALER inproc://"+t.Name(); got != want {
		t.Errorf("a closed socket is called %q, want %q", got, want)
	}
}

// TestReadinessIsWhatTriesFind makes random calls on both ends of a pair, and compares each with the level before it.
func TestReadinessIsWhatTriesFind(t *testing.T) {
	for _, types := range [][2]zmq4.SocketType{
		{zmq4.Push, zmq4.Pull}, {zmq4.Dealer, zmq4.Router}, {zmq4.Dealer, zmq4.Rep}, {zmq4.Req, zmq4.Rep},
		{zmq4.Pair, zmq4.Pair}, {zmq4.XPub, zmq4.XSub}, {zmq4.Pub, zmq4.Sub},
	} {
		t.Run(fmt.Sprint(types), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				mark, calls := rapid.IntRange(1, 3).Draw(rt, "mark"), rapid.SliceOfN(rapid.IntRange(0, 3), 1, 60).Draw(rt, "calls")
				synctest.Test(t, func(t *testing.T) { tinyPair(t, types, mark, calls) })
			})
		})
	}
}

// tinyPair makes calls on two sockets with room for hwm messages: bit 0 says on which, bit 1 whether to send.
func tinyPair(t *testing.T, types [2]zmq4.SocketType, hwm int, calls []int) {
	space := NewInproc()
	var both [2]*Socket
	for i, typ := range types {
		s, err := New(context.Background(), typ, &Config{Inproc: space, SendHWM: hwm, RecvHWM: hwm, Linger: None})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		both[i] = s
	}
	if err := errors.Join(both[0].Listen("inproc://x"), both[1].Dial("inproc://x")); err != nil {
		t.Fatal(err)
	}
	if types[1] == zmq4.Sub {
		if err := both[1].Subscribe(""); err != nil {
			t.Fatal(err)
		}
	}
	last := zmq4.NewMsgFromString([]string{"x", "", "x"})
	for i, call := range calls {
		s := both[call&1]
		synctest.Wait()
		ev, err := s.Readiness()
		if err != nil {
			t.Fatal(err)
		}
		if call&2 != 0 {
			m := zmq4.NewMsgFromString([]string{fmt.Sprint(i), "", "x"})
			if s.Type() == zmq4.Router {
				m = last
			}
			if err := s.TrySend(m); (err == nil) != (ev&readiness.Out != 0) {
				t.Fatalf("%s was ready for %v, and send says %v", s.Type(), ev, err)
			}
			continue
		}
		m, err := s.TryRecv()
		if (err == nil) != (ev&readiness.In != 0) {
			t.Fatalf("%s was ready for %v, and recv says %v", s.Type(), ev, err)
		}
		if err == nil && s.Type() == zmq4.Router {
			last = m
		}
	}
}
