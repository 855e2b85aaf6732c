package socket

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/memnet"
	"zmqbus/monitor"
)

// TestInprocHoldsBothMarks: an inproc connection holds SNDHWM+RCVHWM, and takes them at once; it goes on when the
// receiver has taken half of its share.
func TestInprocHoldsBothMarks(t *testing.T) {
	for _, hwm := range []int{1, 5, 10} {
		for _, types := range [][2]zmq4.SocketType{{zmq4.Pull, zmq4.Push}, {zmq4.Dealer, zmq4.Dealer}, {zmq4.Pair, zmq4.Pair}} {
			t.Run(fmt.Sprint(types, hwm), func(t *testing.T) {
				ep := "inproc://" + t.Name()
				receiver, sender := pair(t, ep, types[0], types[1], &Config{RecvHWM: hwm}, &Config{SendHWM: hwm})
				if n := trySends(t, sender); n != 2*hwm {
					t.Fatalf("%d accepted, want %d", n, 2*hwm)
				}
				wantErr(t, sendErr(sender, "too much"), ErrAgain)
				more := meanwhile(t, func() error { return sender.SendContext(testContext(t), zmq4.NewMsgString(fmt.Sprint(2*hwm))) })
				numbers(t, receiver, 2*hwm+1)
				if err := await(t, "blocked send", more); err != nil {
					t.Fatal(err)
				}
				if n := trySends(t, sender); n != 2*hwm {
					t.Fatalf("drained, it accepted %d, want %d", n, 2*hwm)
				}
			})
		}
	}
}

// TestAbsentPeerHoldsSendHWM: a dialled pipe without a peer queues SNDHWM messages, and the peer gets them all.
func TestAbsentPeerHoldsSendHWM(t *testing.T) {
	for _, typ := range []zmq4.SocketType{zmq4.Push, zmq4.Dealer, zmq4.Pair} {
		t.Run(string(typ), func(t *testing.T) {
			inBubble(t, func(t *testing.T, net *memnet.Network) {
				s := open(t, typ, memConfig(net, Config{SendHWM: 7}))
				dial(t, s, "tcp://"+at)
				if n := trySends(t, s); n != 7 {
					t.Fatalf("%d accepted, want 7", n)
				}
				peer := map[zmq4.SocketType]zmq4.SocketType{zmq4.Push: zmq4.Pull, zmq4.Dealer: zmq4.Dealer, zmq4.Pair: zmq4.Pair}[typ]
				r := open(t, peer, memConfig(net, Config{}))
				bind(t, r, "tcp://"+at)
				numbers(t, r, 7)
			})
		})
	}
}

func TestNoPeerNoSend(t *testing.T) {
	for _, typ := range []zmq4.SocketType{zmq4.Push, zmq4.Dealer, zmq4.Req, zmq4.Pair} {
		t.Run(string(typ), func(t *testing.T) {
			s := open(t, typ, nil)
			wantErr(t, sendErr(s, "x"), ErrAgain)
			bind(t, s, "inproc://"+t.Name())
			wantErr(t, sendErr(s, "x"), ErrAgain)
			if st := s.Stats(); st.Out.Accepted != 0 {
				t.Fatalf("%d accepted", st.Out.Accepted)
			}
		})
	}
}

// TestPushGoesOnWithoutTheFullPeer: a peer at its mark is passed over, not waited for.
func TestPushGoesOnWithoutTheFullPeer(t *testing.T) {
	push := open(t, zmq4.Push, &Config{SendHWM: 2})
	ep := bind(t, push, "inproc://"+t.Name())
	stuck, quick := open(t, zmq4.Pull, &Config{RecvHWM: 2}), open(t, zmq4.Pull, nil)
	dial(t, stuck, ep)
	dial(t, quick, ep)
	waitPeers(t, push, 2)
	for i := range 100 {
		send(t, push, fmt.Sprint(i))
	}
	for range 96 {
		recv(t, quick)
	}
	for range 4 {
		recv(t, stuck)
	}
	nothing(t, quick)
	nothing(t, stuck)
}

// TestFullPublisherDrops: PUB, XPUB and ROUTER drop for the peer at its mark, count it, and never block.
func TestFullPublisherDrops(t *testing.T) {
	for _, typ := range []zmq4.SocketType{zmq4.Pub, zmq4.XPub, zmq4.Router} {
		t.Run(string(typ), func(t *testing.T) {
			peer := zmq4.Sub
			if typ == zmq4.Router {
				peer = zmq4.Dealer
			}
			s, r := pair(t, "inproc://"+t.Name(), typ, peer, &Config{SendHWM: 3}, &Config{RecvHWM: 4, RoutingID: "r"})
			events := listen(t, s, monitor.Dropped)
			for i := range 10 {
				if err := sendErr(s, "r", fmt.Sprint(i)); err != nil {
					t.Fatal(err)
				}
			}
			st := s.Stats()
			if st.Dropped[DropFull] != 3 || st.Out.Accepted != 10 || st.Out.Dropped != 3 {
				t.Fatalf("dropped %v, out %+v", st.Dropped, st.Out)
			}
			numbers(t, r, 7)
			nothing(t, r)
			if e := next(t, events, monitor.Dropped); e.Count != 3 || e.Reason != DropFull || e.Conn != s.Peers()[0].Conn {
				t.Fatalf("event %+v", e)
			}
		})
	}
}

// TestNoDropBlocks: with NoDrop a full subscriber makes PUB wait, and sends to others topics do not.
func TestNoDropBlocks(t *testing.T) {
	for _, typ := range []zmq4.SocketType{zmq4.Pub, zmq4.XPub} {
		t.Run(string(typ), func(t *testing.T) {
			pub := open(t, typ, &Config{SendHWM: 2, NoDrop: true})
			ep := bind(t, pub, "inproc://"+t.Name())
			a, b := open(t, zmq4.Sub, &Config{RecvHWM: 2}), open(t, zmq4.Sub, &Config{RecvHWM: 2})
			for s, topic := range map[*Socket]string{a: "a", b: "b"} {
				if err := s.Subscribe(topic); err != nil {
					t.Fatal(err)
				}
				dial(t, s, ep)
			}
			waitPeers(t, pub, 2)
			for _, topic := range []string{"a", "b"} {
				if n := trySends(t, pub, topic); n != 4 {
					t.Fatalf("%q: %d accepted, want 4", topic, n)
				}
			}
			toA := meanwhile(t, func() error { return pub.SendContext(testContext(t), zmq4.NewMsgFromString([]string{"a", "4"})) })
			until(t, "one sender waits", func() bool { return waiters(pub) == 1 })
			toB := meanwhile(t, func() error { return pub.SendContext(testContext(t), zmq4.NewMsgFromString([]string{"b", "4"})) })
			until(t, "two senders wait", func() bool { return waiters(pub) == 2 })
			numbers(t, b, 5) // room for b wakes b's sender, although a's has waited longer
			if err := await(t, "send to b", toB); err != nil {
				t.Fatal(err)
			}
			closeNow(t, a) // who waited for a goes on without it
			if err := await(t, "send to a", toA); err != nil {
				t.Fatal(err)
			}
			if d := pub.Stats().Dropped[DropFull]; d != 0 {
				t.Fatalf("%d dropped", d)
			}
		})
	}
}

func waiters(s *Socket) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sendWait.waiting)
}

// TestSubscriptionsAreOutsideSendHWM: a SUB with a mark of 1 tells a slow publisher all its topics.
func TestSubscriptionsAreOutsideSendHWM(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		xpub, sub := open(t, zmq4.XPub, &Config{RecvHWM: 1}), open(t, zmq4.Sub, &Config{SendHWM: 1})
		dial(t, sub, bind(t, xpub, ep))
		const topics = 2000
		for i := range topics {
			if err := sub.Subscribe(fmt.Sprint("topic ", i)); err != nil {
				t.Fatal(err)
			}
		}
		told := map[string]bool{}
		for range topics {
			told[recv(t, xpub)[0]] = true
		}
		for i := range topics {
			if m := fmt.Sprint("\x01topic ", i); !told[m] {
				t.Fatalf("%q is missing", m)
			}
		}
	})
}

// TestSendTimeout and its kin run on fake time: they end exactly when they should.
func TestTimeouts(t *testing.T) {
	none := func(*Socket) error { return nil }
	for _, c := range []struct {
		name string
		typ  zmq4.SocketType
		cfg  Config
		prep func(*Socket) error
		call func(*Socket) error
		took time.Duration
	}{
		{"send", zmq4.Push, Config{SendTimeout: 300 * time.Millisecond}, none, sendX, 300 * time.Millisecond},
		{"send at once", zmq4.Push, Config{SendTimeout: None}, none, sendX, 0},
		{"SendMulti", zmq4.Dealer, Config{SendTimeout: time.Second}, none, func(s *Socket) error { return s.SendMulti(zmq4.NewMsgString("x")) }, time.Second},
		{"recv", zmq4.Pull, Config{RecvTimeout: 2 * time.Second}, none, recvX, 2 * time.Second},
		{"recv at once", zmq4.Dealer, Config{RecvTimeout: None}, none, recvX, 0},
		{"recv with C", zmq4.Dealer, Config{RecvTimeout: time.Second}, func(s *Socket) error { s.C(); return nil }, recvX, time.Second},
		{"set later", zmq4.Pull, Config{}, func(s *Socket) error { return s.SetOption("rcvtimeo", 40) }, recvX, 40 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, c.typ, &c.cfg)
				if err := c.prep(s); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				wantErr(t, c.call(s), ErrAgain)
				if took := time.Since(start); took != c.took {
					t.Fatalf("took %v, want %v", took, c.took)
				}
			})
		})
	}
}

func sendX(s *Socket) error { return s.Send(zmq4.NewMsgString("x")) }
func recvX(s *Socket) error { _, err := s.Recv(); return err }

// TestContextEndsACall: a call ends with its context, whose cause it returns, at once and without loss.
func TestContextEndsACall(t *testing.T) {
	cause := errors.New("changed my mind")
	for name, call := range map[string]func(context.Context, *Socket) error{
		"SendContext": func(ctx context.Context, s *Socket) error { return s.SendContext(ctx, zmq4.NewMsgString("lost?")) },
		"RecvContext": func(ctx context.Context, s *Socket) error { _, err := s.RecvContext(ctx); return err },
		"RecvFrom":    func(ctx context.Context, s *Socket) error { _, _, err := s.RecvFrom(ctx); return err },
		"WaitPeers":   func(ctx context.Context, s *Socket) error { return s.WaitPeers(ctx, 5) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := &Config{Inproc: NewInproc(), SendTimeout: time.Millisecond, RecvTimeout: time.Millisecond}
				s := open(t, zmq4.Dealer, cfg)
				bind(t, s, "inproc://x")
				ctx, cancel := context.WithCancelCause(t.Context())
				start := time.Now()
				time.AfterFunc(time.Minute, func() { cancel(cause) })
				wantErr(t, call(ctx, s), cause)
				if took := time.Since(start); took != time.Minute {
					t.Fatalf("took %v", took)
				}
				wantErr(t, call(ctx, s), cause) // ended before it began
				peer := open(t, zmq4.Dealer, cfg)
				dial(t, peer, "inproc://x")
				send(t, peer, "kept")
				send(t, s, "mine")
				want(t, recv(t, s), "kept")
				want(t, recv(t, peer), "mine")
			})
		})
	}
}
