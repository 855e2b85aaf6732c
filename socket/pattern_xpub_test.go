package socket

import (
	"fmt"
	"slices"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// upward receives n (un)subscriptions and returns them as "+topic" and "-topic".
func upward(t testing.TB, xpub *Socket, n int) []string {
	t.Helper()
	var got []string
	for range n {
		m := recv(t, xpub)
		sign := map[byte]string{1: "+", 0: "-"}[m[0][0]]
		got = append(got, sign+m[0][1:])
	}
	return got
}

// TestXPubHandsSubscriptionsUp: what XPUB's user sees of two peers that want the same, in each mode.
func TestXPubHandsSubscriptionsUp(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  Config
		want []string
	}{
		{"plain", Config{}, []string{"+a", "-a"}},
		{"verbose", Config{XPubVerbose: true}, []string{"+a", "+a", "-a"}},
		{"verboser", Config{XPubVerboser: true}, []string{"+a", "+a", "-a", "-a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, ep string) {
				xpub := open(t, zmq4.XPub, &c.cfg)
				events := listen(t, xpub, monitor.Subscribed|monitor.Unsubscribed)
				ep = bind(t, xpub, ep)
				subs := []*Socket{open(t, zmq4.Sub, nil), open(t, zmq4.Sub, nil)}
				step := func(typ monitor.Type, change func(*Socket) error) {
					for _, s := range subs {
						if err := change(s); err != nil {
							t.Fatal(err)
						}
						if e := next(t, events, typ); e.Type != typ || e.Topic != "a" || e.Conn == 0 {
							t.Fatalf("event %+v", e)
						}
					}
				}
				dial(t, subs[0], ep)
				dial(t, subs[1], ep)
				step(monitor.Subscribed, func(s *Socket) error { return s.Subscribe("a") })
				step(monitor.Unsubscribed, func(s *Socket) error { return s.Unsubscribe("a") })
				want(t, upward(t, xpub, len(c.want)), c.want...)
				nothing(t, xpub)
			})
		})
	}
}

// TestXPubHearsOfAPeerThatLeft: the end of a connection ends its subscriptions.
func TestXPubHearsOfAPeerThatLeft(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  Config
		want []string
	}{
		{"plain", Config{}, []string{"-a", "-b"}},
		{"verboser", Config{XPubVerboser: true}, []string{"-a", "-b", "-c"}},
		{"manual", Config{XPubManual: true}, []string{"-a", "-b", "-c"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, ep string) {
				xpub := open(t, zmq4.XPub, &c.cfg)
				ep = bind(t, xpub, ep)
				stays, goes := open(t, zmq4.Sub, nil), open(t, zmq4.Sub, nil)
				for s, topics := range map[*Socket][]string{stays: {"c"}, goes: {"a", "b", "c", "c"}} {
					for _, topic := range topics {
						if err := s.Subscribe(topic); err != nil {
							t.Fatal(err)
						}
					}
				}
				dial(t, stays, ep)
				upward(t, xpub, 1)
				dial(t, goes, ep)
				n := 2
				if c.name != "plain" {
					n = 3
				}
				upward(t, xpub, n)
				closeNow(t, goes)
				got := upward(t, xpub, len(c.want))
				slices.Sort(got)
				want(t, got, c.want...)
				nothing(t, xpub)
			})
		})
	}
}

// TestDuplicateSubscriptions are counted by both sides: as many ends as beginnings.
func TestDuplicateSubscriptions(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		xpub, xsub := open(t, zmq4.XPub, nil), open(t, zmq4.XSub, nil)
		sub := open(t, zmq4.Sub, nil)
		ep = bind(t, xpub, ep)
		dial(t, sub, ep)
		dial(t, xsub, ep)
		for range 2 {
			if err := sub.Subscribe("a"); err != nil {
				t.Fatal(err)
			}
		}
		want(t, upward(t, xpub, 1), "+a")
		if err := sub.Unsubscribe("a"); err != nil {
			t.Fatal(err)
		}
		if err := sub.Unsubscribe("never subscribed"); err != nil {
			t.Fatal(err)
		}
		send(t, xsub, "\x01marker")
		want(t, upward(t, xpub, 1), "+marker")
		send(t, xpub, "a", "still wanted")
		want(t, recv(t, sub), "a", "still wanted")
		if err := sub.Unsubscribe("a"); err != nil {
			t.Fatal(err)
		}
		want(t, upward(t, xpub, 1), "-a")
		send(t, xpub, "a", "not wanted")
		if st := xpub.Stats(); st.Out.Accepted != 1 {
			t.Fatalf("out %+v", st.Out)
		}
	})
}

// TestManualXPub: the user decides for the peer whose subscription was received last.
func TestManualXPub(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		xpub := open(t, zmq4.XPub, &Config{XPubManual: true})
		wantErr(t, xpub.Subscribe("too early"), ErrState)
		ep = bind(t, xpub, ep)
		subs := map[string]*Socket{}
		for _, topic := range []string{"a", "b"} {
			s := open(t, zmq4.XSub, nil)
			subs[topic] = s
			dial(t, s, ep)
			send(t, s, "\x01"+topic)
			want(t, upward(t, xpub, 1), "+"+topic)
			if err := xpub.Subscribe("X" + topic); err != nil {
				t.Fatal(err)
			}
		}
		nothing(t, xpub) // its own decisions do not come back
		send(t, xpub, "a", "nobody")
		send(t, xpub, "Xa", "1")
		send(t, xpub, "Xb", "2")
		want(t, recv(t, subs["a"]), "Xa", "1")
		want(t, recv(t, subs["b"]), "Xb", "2")
		send(t, subs["a"], "\x00a")
		want(t, upward(t, xpub, 1), "-a")
		if err := xpub.Unsubscribe("Xa"); err != nil {
			t.Fatal(err)
		}
		send(t, xpub, "Xa", "3")
		send(t, xpub, "Xb", "4")
		want(t, recv(t, subs["b"]), "Xb", "4")
		nothing(t, subs["a"])
		closeNow(t, subs["b"])
		want(t, upward(t, xpub, 1), "-b")
		if err := xpub.Subscribe("Xb"); err != nil { // as a loop over requests does for each
			t.Fatal(err)
		}
		send(t, xpub, "Xb", "5")
		if st := xpub.Stats(); st.Out.Accepted != 3 {
			t.Fatalf("a peer that is gone was sent to: %+v", st.Out)
		}
		xpub.C()
		wantErr(t, xpub.Subscribe("x"), ErrState)
	})
}

// TestManualIsForXPub: the field means nothing on PUB, whose peers would never get anything.
func TestManualIsForXPub(t *testing.T) {
	pub, sub := pair(t, "inproc://"+t.Name(), zmq4.Pub, zmq4.Sub, &Config{XPubManual: true}, nil)
	send(t, pub, "x")
	want(t, recv(t, sub), "x")
	wantErr(t, pub.Subscribe("x"), ErrNotSupported)
}

func TestWelcomeMessage(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		xpub := open(t, zmq4.XPub, &Config{XPubWelcome: []byte("welcome")})
		ep = bind(t, xpub, ep)
		for range 2 {
			sub := open(t, zmq4.Sub, nil)
			if err := sub.Subscribe("wel"); err != nil {
				t.Fatal(err)
			}
			dial(t, sub, ep)
			want(t, recv(t, sub), "welcome")
		}
		if err := xpub.SetOption("xpub_welcome_msg", ""); err != nil {
			t.Fatal(err)
		}
		xsub := open(t, zmq4.XSub, nil)
		dial(t, xsub, ep)
		send(t, xsub, "\x01x")
		want(t, upward(t, xpub, 2), "+wel", "+x")
		send(t, xpub, "x", "first")
		want(t, recv(t, xsub), "x", "first")
	})
}

func TestInvertMatching(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		pub, sub := open(t, zmq4.Pub, &Config{InvertMatching: true}), open(t, zmq4.Sub, &Config{InvertMatching: true})
		for _, topic := range []string{"no", "never"} {
			if err := sub.Subscribe(topic); err != nil {
				t.Fatal(err)
			}
		}
		dial(t, sub, bind(t, pub, ep))
		waitPeers(t, pub, 1)
		until(t, "both filters are in force", func() bool { return pub.Peers()[0].Subscriptions == 2 })
		for _, m := range []string{"not this", "this", "nevermore", "and this"} {
			send(t, pub, m)
		}
		want(t, recv(t, sub), "this")
		want(t, recv(t, sub), "and this")
		if n := pub.Stats().Out.Accepted; n != 2 {
			t.Fatalf("%d sent", n)
		}
	})
}

// TestMaxSubscriptions: what a peer wants beyond the limit is counted and not in force; others are not touched.
func TestMaxSubscriptions(t *testing.T) {
	for _, manual := range []bool{false, true} {
		t.Run(fmt.Sprint("manual ", manual), func(t *testing.T) {
			xpub := open(t, zmq4.XPub, &Config{MaxSubscriptions: 3, XPubManual: manual})
			ep := bind(t, xpub, "inproc://"+t.Name())
			for range 2 {
				greedy := open(t, zmq4.XSub, nil)
				dial(t, greedy, ep)
				for i := range 5 {
					send(t, greedy, fmt.Sprint("\x01", i))
				}
				send(t, greedy, "\x011") // again: no new topic
				send(t, greedy, "done")
				for recv(t, xpub)[0] != "done" {
				}
			}
			if n := xpub.Stats().Dropped[DropSubscription]; n != 4 {
				t.Fatalf("%d refused", n)
			}
			for _, p := range xpub.Peers() {
				if !manual && p.Subscriptions != 3 {
					t.Fatalf("a peer has %d", p.Subscriptions)
				}
			}
		})
	}
}
