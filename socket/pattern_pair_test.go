package socket

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/memnet"
	"zmqbus/monitor"
)

// TestSecondPairPeer stays connected and unread until the first goes.
func TestSecondPairPeer(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		s := open(t, zmq4.Pair, nil)
		events := listen(t, s, monitor.Refused)
		ep = bind(t, s, ep)
		first, second := open(t, zmq4.Pair, nil), open(t, zmq4.Pair, nil)
		dial(t, first, ep)
		waitPeers(t, s, 1)
		dial(t, second, ep)
		waitPeers(t, s, 2)
		if e := next(t, events, monitor.Refused); e.Peer.Type != zmq4.Pair || e.Conn != s.Peers()[1].Conn || !s.Peers()[1].Refused {
			t.Fatalf("event %+v", e)
		}
		send(t, second, "from the second")
		send(t, first, "from the first")
		want(t, recv(t, s), "from the first")
		nothing(t, s)
		send(t, s, "for the first")
		want(t, recv(t, first), "for the first")
		nothing(t, second)
		closeNow(t, first)
		want(t, recv(t, s), "from the second")
		send(t, s, "for the second")
		want(t, recv(t, second), "for the second")
	})
}

// TestPairDialsTwice: the second endpoint is a spare that takes over when the first is given up.
func TestPairDialsTwice(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		s, a, b := open(t, zmq4.Pair, nil), open(t, zmq4.Pair, nil), open(t, zmq4.Pair, nil)
		toA, toB := bind(t, a, ep), bind(t, b, another(t, ep))
		dial(t, s, toA)
		dial(t, s, toB)
		waitPeers(t, s, 2)
		send(t, s, "1")
		want(t, recv(t, a), "1")
		if err := s.Disconnect(toA); err != nil {
			t.Fatal(err)
		}
		until(t, "the first is gone", func() bool { return len(s.Peers()) == 1 })
		send(t, s, "2")
		want(t, recv(t, b), "2")
		send(t, b, "3")
		want(t, recv(t, s), "3")
	})
}

// TestImmediate queues for peers that are there, and for nobody else.
func TestImmediate(t *testing.T) {
	for _, c := range []struct{ typ, peer zmq4.SocketType }{
		{zmq4.Push, zmq4.Pull}, {zmq4.Dealer, zmq4.Dealer}, {zmq4.Req, zmq4.Rep}, {zmq4.Pair, zmq4.Pair},
	} {
		t.Run(string(c.typ), func(t *testing.T) {
			inBubble(t, func(t *testing.T, net *memnet.Network) {
				s := open(t, c.typ, memConfig(net, Config{Immediate: true, ReconnectInterval: time.Second}))
				dial(t, s, "tcp://"+at)
				wantErr(t, sendErr(s, "x"), ErrAgain)
				blocked := meanwhile(t, func() error { return s.SendContext(t.Context(), zmq4.NewMsgString("first")) })
				synctest.Wait()
				peer := open(t, c.peer, memConfig(net, Config{}))
				bind(t, peer, "tcp://"+at)
				want(t, recv(t, peer), "first")
				if err := <-blocked; err != nil {
					t.Fatal(err)
				}
				closeNow(t, peer)
				synctest.Wait()
				if c.typ != zmq4.Req {
					wantErr(t, sendErr(s, "x"), ErrAgain)
				}
			})
		})
	}
}

// TestImmediateInprocAndRoutes: the same for an inproc name that nobody has bound, for a route and for XSUB.
func TestImmediateInprocAndRoutes(t *testing.T) {
	for _, c := range []struct{ typ, peer zmq4.SocketType }{
		{zmq4.Push, zmq4.Pull}, {zmq4.Router, zmq4.Dealer}, {zmq4.XSub, zmq4.XPub},
	} {
		t.Run(string(c.typ), func(t *testing.T) {
			s := open(t, c.typ, &Config{Immediate: true, ConnectRoutingID: "peer"})
			dial(t, s, "inproc://"+t.Name())
			err := sendErr(s, "peer", "too early")
			if c.typ == zmq4.Push {
				wantErr(t, err, ErrAgain)
			} else if err != nil {
				t.Fatal(err)
			}
			peer := open(t, c.peer, nil)
			bind(t, peer, "inproc://"+t.Name())
			waitPeers(t, s, 1)
			send(t, s, "peer", "now")
			m := recv(t, peer)
			want(t, m[len(m)-1:], "now")
		})
	}
}

// TestConflateKeepsTheNewest on both sides, for each type that has it.
func TestConflateKeepsTheNewest(t *testing.T) {
	for _, c := range []struct{ out, in zmq4.SocketType }{{zmq4.Push, zmq4.Pull}, {zmq4.Pub, zmq4.Sub}, {zmq4.Dealer, zmq4.Dealer}} {
		for _, side := range []string{"sender", "receiver"} {
			t.Run(fmt.Sprint(c.out, " by the ", side), func(t *testing.T) {
				inBubble(t, func(t *testing.T, net *memnet.Network) {
					r := open(t, c.in, memConfig(net, Config{Conflate: side == "receiver"}))
					s := open(t, c.out, memConfig(net, Config{Conflate: side == "sender"}))
					if c.in == zmq4.Sub {
						if err := r.Subscribe(""); err != nil {
							t.Fatal(err)
						}
					}
					if side == "receiver" || c.out == zmq4.Pub {
						bind(t, s, "tcp://"+at)
						dial(t, r, "tcp://"+at)
						waitPeers(t, s, 1)
						waitPeers(t, r, 1)
					} else {
						dial(t, s, "tcp://"+at)
					}
					if side == "sender" && c.out == zmq4.Pub {
						s.mu.Lock() // the writer cannot start between two sends
						for i := range 5 {
							if err := s.sendLocked(zmq4.NewMsgString(fmt.Sprint(i))); err != nil {
								t.Error(err)
							}
						}
						s.mu.Unlock()
					} else {
						for i := range 5 {
							send(t, s, fmt.Sprint(i))
						}
					}
					if side == "sender" && c.out != zmq4.Pub {
						bind(t, r, "tcp://"+at)
					}
					synctest.Wait()
					time.Sleep(time.Second) // for the reconnect
					want(t, recv(t, r), "4")
					nothing(t, r)
					st := map[string]Stats{"sender": s.Stats(), "receiver": r.Stats()}[side]
					if st.Dropped[DropConflated] != 4 || st.In.Queued != 0 || st.Out.Queued != 0 {
						t.Fatalf("stats %+v", st)
					}
				})
			})
		}
	}
}

// TestConflateInprocNeverBlocks: neither end's high-water mark counts.
func TestConflateInprocNeverBlocks(t *testing.T) {
	cfg := &Config{Conflate: true, SendHWM: 1, RecvHWM: 1}
	pull, push := pair(t, "inproc://"+t.Name(), zmq4.Pull, zmq4.Push, cfg, cfg)
	for i := range 1000 {
		if err := sendErr(push, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the last is there", func() bool { return push.Stats().Out.Queued == 0 })
	want(t, recv(t, pull), "999")
}

// TestConflateThroughC: a channel without room always offers the newest.
func TestConflateThroughC(t *testing.T) {
	inBubble(t, func(t *testing.T, net *memnet.Network) {
		pull, push := open(t, zmq4.Pull, memConfig(net, Config{Conflate: true})), open(t, zmq4.Push, memConfig(net, Config{}))
		bind(t, pull, "tcp://"+at)
		dial(t, push, "tcp://"+at)
		c := pull.C()
		if cap(c) != 0 {
			t.Fatalf("capacity %d", cap(c))
		}
		for round := range 3 {
			for i := range 5 {
				send(t, push, fmt.Sprint(round, i))
				synctest.Wait() // the pump holds it
			}
			if m := <-c; string(m.Frames[0]) != fmt.Sprint(round, 4) {
				t.Fatalf("round %d: got %q", round, m.Frames)
			}
			synctest.Wait()
			select {
			case m := <-c:
				t.Fatalf("an old one: %q", m.Frames)
			default:
			}
		}
		if st := pull.Stats(); st.Dropped[DropConflated] != 12 || st.In.Delivered != 3 || st.In.Queued != 0 {
			t.Fatalf("stats %+v", st)
		}
		send(t, push, "left over")
		synctest.Wait()
		closeNow(t, pull)
		if _, ok := <-c; ok {
			t.Fatal("offered after Close")
		}
		if d := pull.Stats().Dropped[DropClosed]; d != 1 {
			t.Fatalf("%d counted as closed", d)
		}
	})
}
