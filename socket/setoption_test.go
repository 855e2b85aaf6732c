package socket

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"
)

// TestZmq4Options: the names that zmq4 defines work as there, through its interface.
func TestZmq4Options(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		pub, sub := open(t, zmq4.Pub, nil), open(t, zmq4.Sub, nil)
		var s zmq4.Socket = sub
		for _, topic := range []any{"a", []byte("b")} {
			if err := s.SetOption(zmq4.OptionSubscribe, topic); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.SetOption(zmq4.OptionHWM, 7); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]any{zmq4.OptionHWM: 7, "sndhwm": 7, "RCVHWM": 7, "type": "SUB"} {
			if got, err := s.GetOption(name); err != nil || got != want {
				t.Errorf("%s: %v, %v; want %v", name, got, err, want)
			}
		}
		dial(t, sub, bind(t, pub, ep))
		waitPeers(t, pub, 1)
		until(t, "both are in force", func() bool { return pub.Peers()[0].Subscriptions == 2 })
		if err := s.SetOption(zmq4.OptionUnsubscribe, "a"); err != nil {
			t.Fatal(err)
		}
		until(t, "one is in force", func() bool { return pub.Peers()[0].Subscriptions == 1 })
		send(t, pub, "a")
		send(t, pub, "b")
		want(t, recv(t, sub), "b")
		wantErr(t, s.SetOption(zmq4.OptionHWM, -1), ErrOption)
	})
}

func TestLastEndpoint(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		s := open(t, zmq4.Pull, nil)
		if got, err := s.GetOption("last_endpoint"); got != "" || err != nil {
			t.Fatalf("%v, %v", got, err)
		}
		bound := bind(t, s, ep)
		if got, _ := s.GetOption("ZMQ_LAST_ENDPOINT"); got != bound {
			t.Fatalf("%v, want %v", got, bound)
		}
	})
}

// TestMarksOfALiveSocket: a higher mark lets waiting senders go on; a lower one holds for what comes next.
func TestMarksOfALiveSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		push := open(t, zmq4.Push, &Config{SendHWM: 2, Inproc: NewInproc()})
		dial(t, push, "inproc://nobody")
		if n := trySends(t, push); n != 2 {
			t.Fatalf("%d accepted", n)
		}
		blocked := meanwhile(t, func() error { return push.SendContext(t.Context(), zmq4.NewMsgString("2")) })
		synctest.Wait()
		for _, step := range []struct{ hwm, room int }{{5, 2}, {3, 0}, {4, 0}, {7, 2}, {0, -1}} {
			if err := push.SetOption("sndhwm", step.hwm); err != nil {
				t.Fatal(err)
			}
			if blocked != nil {
				if err := <-blocked; err != nil {
					t.Fatal(err)
				}
				blocked = nil
			}
			if step.room < 0 {
				send(t, push, "no limit")
			} else if n := trySends(t, push); n != step.room {
				t.Fatalf("SNDHWM %d: %d accepted, want %d", step.hwm, n, step.room)
			}
		}
	})
}

// TestRecvMarkOfALiveSocket: raising RCVHWM lets a peer that waits for room go on.
func TestRecvMarkOfALiveSocket(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		pull, push := pair(t, ep, zmq4.Pull, zmq4.Push, &Config{RecvHWM: 1}, nil)
		for i := range 10 {
			send(t, push, fmt.Sprint(i))
		}
		until(t, "one is there", func() bool { return pull.Stats().In.Queued == 1 })
		if err := pull.SetOption("rcvhwm", 10); err != nil {
			t.Fatal(err)
		}
		until(t, "all are there", func() bool { return pull.Stats().In.Queued == 10 })
		numbers(t, pull, 10)
	})
}

// TestModesOfALiveSocket take effect at once.
func TestModesOfALiveSocket(t *testing.T) {
	router, req := pair(t, "inproc://"+t.Name(), zmq4.Router, zmq4.Req, nil, nil)
	send(t, req, "1")
	wantErr(t, sendErr(req, "2"), ErrState)
	if err := req.SetOption("req_relaxed", 1); err != nil {
		t.Fatal(err)
	}
	send(t, req, "2")
	for _, text := range []string{"1", "2"} {
		m := recv(t, router)
		want(t, m[1:], "", text)
	}
	send(t, router, "nobody", "dropped")
	if err := router.SetOption("router_mandatory", true); err != nil {
		t.Fatal(err)
	}
	wantErr(t, sendErr(router, "nobody", "x"), ErrUnroutable)
	wantErr(t, router.SetOption("req_relaxed", 1), ErrOption)
	if err := req.SetOption("sndtimeo", 1500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if got, _ := req.GetOption("sndtimeo"); got != 1500 {
		t.Fatalf("sndtimeo reads %v", got)
	}
}

// TestRoutingIDOfALiveSocket is told to peers that are met later, on every transport.
func TestRoutingIDOfALiveSocket(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		dealer := open(t, zmq4.Dealer, &Config{RoutingID: "first"})
		for i, id := range []string{"first", "second"} {
			if err := dealer.SetOption("identity", id); err != nil {
				t.Fatal(err)
			}
			router := open(t, zmq4.Router, nil)
			dial(t, router, bind(t, dealer, ep))
			waitPeers(t, router, 1)
			send(t, router, id, "x")
			want(t, recv(t, dealer), "x")
			closeNow(t, router)
			if i == 0 {
				until(t, "it is gone", func() bool { return len(dealer.Peers()) == 0 })
				ep = another(t, ep)
			}
		}
	})
}

// TestSetOptionWhileListening: an option may be set while another goroutine binds and dials.
func TestSetOptionWhileListening(t *testing.T) {
	s := open(t, zmq4.Pull, nil)
	set := meanwhile(t, func() error {
		for range 200 {
			if err := s.SetOption("rcvhwm", 10); err != nil {
				return err
			}
		}
		return nil
	})
	for range 200 {
		if err := s.Unbind(bind(t, s, "tcp://127.0.0.1:0")); err != nil {
			t.Fatal(err)
		}
	}
	if err := await(t, "the end of SetOption", set); err != nil {
		t.Fatal(err)
	}
}
