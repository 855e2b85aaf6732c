package socket

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/memnet"
)

// TestChannelOfEachType: capacity, and that it is always the same channel.
func TestChannelOfEachType(t *testing.T) {
	for _, typ := range allTypes {
		for hwm, capacity := range map[int]int{0: 128, 5: 5, 128: 128, 1000: 128, Unlimited: 128} {
			s := open(t, typ, &Config{RecvHWM: hwm})
			switch typ {
			case zmq4.Push, zmq4.Pub:
				if s.C() != nil {
					t.Errorf("%s has a channel", typ)
				}
				continue
			case zmq4.Req, zmq4.Rep:
				capacity = 1
			}
			if c := s.C(); cap(c) != capacity || c != s.C() {
				t.Errorf("%s, RecvHWM %d: capacity %d, want %d", typ, hwm, cap(s.C()), capacity)
			}
		}
	}
}

// TestChannelKeepsOrderWithRecv: Recv takes from the channel; switching between the two loses and reorders nothing.
func TestChannelKeepsOrderWithRecv(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		pull, push := pair(t, ep, zmq4.Pull, zmq4.Push, &Config{RecvHWM: 7}, nil)
		const messages = 400
		sent := meanwhile(t, func() error {
			for i := range messages {
				if err := push.SendContext(testContext(t), zmq4.NewMsgString(fmt.Sprint(i))); err != nil {
					return err
				}
			}
			return nil
		})
		for i := range messages {
			var m zmq4.Msg
			var err error
			switch {
			case i < 100: // the channel does not exist yet
				m, err = pull.RecvContext(testContext(t))
			case i%3 == 0:
				m = await(t, "message", pull.C())
			case i%3 == 1:
				m, err = pull.Recv()
			default:
				for m, err = pull.TryRecv(); err != nil && testContext(t).Err() == nil; m, err = pull.TryRecv() {
					yield()
				}
			}
			if err != nil || string(m.Frames[0]) != fmt.Sprint(i) {
				t.Fatalf("message %d: %q, %v", i, m.Frames, err)
			}
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	})
}

// TestChannelWakesRecv: a Recv that waits for the queues goes on when somebody asks for the channel.
func TestChannelWakesRecv(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := &Config{Inproc: NewInproc()}
		pull, push := pair(t, "inproc://x", zmq4.Pull, zmq4.Push, cfg, cfg)
		got := meanwhile(t, func() string {
			m, err := pull.Recv()
			if err != nil {
				return err.Error()
			}
			return string(m.Frames[0])
		})
		synctest.Wait()
		pull.C()
		send(t, push, "x")
		if m := <-got; m != "x" {
			t.Fatalf("got %q", m)
		}
	})
}

// TestChannelEndsARange: after Close what is in the channel is still read, and then the range ends.
func TestChannelEndsARange(t *testing.T) {
	inBubble(t, func(t *testing.T, net *memnet.Network) {
		pull, push := open(t, zmq4.Pull, memConfig(net, Config{RecvHWM: 3})), open(t, zmq4.Push, memConfig(net, Config{Linger: None}))
		bind(t, pull, "tcp://"+at)
		dial(t, push, "tcp://"+at)
		c := pull.C()
		for i := range 20 {
			send(t, push, fmt.Sprint(i))
		}
		synctest.Wait()
		if err := pull.Close(); err != nil {
			t.Fatal(err)
		}
		n := 0
		for m := range c {
			if string(m.Frames[0]) != fmt.Sprint(n) {
				t.Fatalf("message %d: %q", n, m.Frames)
			}
			n++
		}
		st := pull.Stats()
		if n != 3 || st.In.Delivered != 3 || st.In.Queued != 0 || st.Dropped[DropClosed] != st.In.Received-3 {
			t.Fatalf("%d read, stats %+v, dropped %v", n, st.In, st.Dropped)
		}
	})
}

// TestUnreadSubscriptionsAtClose: what XPUB's user does not read of subscriptions is no loss of messages.
func TestUnreadSubscriptionsAtClose(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		xpub, xsub := open(t, zmq4.XPub, &Config{RecvHWM: 1}), open(t, zmq4.XSub, nil)
		dial(t, xsub, bind(t, xpub, ep))
		for i := range 5 {
			send(t, xsub, fmt.Sprint("\x01", i))
		}
		until(t, "all are in force", func() bool { p := xpub.Peers(); return len(p) == 1 && p[0].Subscriptions == 5 })
		closeNow(t, xsub)
		until(t, "all have ended", func() bool { return len(xpub.Peers()) == 0 })
		until(t, "the channel is full", func() bool { return len(xpub.C()) == 1 })
		closeNow(t, xpub)
		if st := xpub.Stats(); st.In.Delivered != 5 || st.In.Received != 5 || st.In.Dropped != 0 || len(st.Dropped) != 0 {
			t.Fatalf("in %+v, dropped %v", st.In, st.Dropped)
		}
	})
}

// TestOut sends what it is given, in order, and counts what cannot be sent.
func TestOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := &Config{Inproc: NewInproc(), SendHWM: 1, RecvHWM: 1}
		pull, push := pair(t, "inproc://x", zmq4.Pull, zmq4.Push, cfg, cfg)
		out := push.Out()
		if out == nil || cap(out) != 0 || push.Out() != out {
			t.Fatal("not one unbuffered channel")
		}
		for i := range 3 {
			out <- zmq4.NewMsgString(fmt.Sprint(i))
		}
		synctest.Wait() // two are queued, the pump waits with the third
		select {
		case out <- zmq4.NewMsgString("3"):
			t.Fatal("taken beyond the high-water mark")
		default:
		}
		numbers(t, pull, 3)
		out <- zmq4.Msg{} // cannot be sent
		out <- zmq4.NewMsgString("after it")
		want(t, recv(t, pull), "after it")
		if st := push.Stats(); st.Dropped[DropOut] != 1 || st.Out.Accepted != 5 || st.Out.Written != 4 {
			t.Fatalf("stats %+v, dropped %v", st.Out, st.Dropped)
		}
		closeNow(t, push)
		select {
		case out <- zmq4.NewMsgString("nobody takes it"):
			t.Fatal("taken after Close")
		case <-push.Done():
		}
	})
}

// TestOutLosesCounted: what the pump of Out holds when the socket closes is counted as unsent.
func TestOutLosesCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		push := open(t, zmq4.Push, nil)
		push.Out() <- zmq4.NewMsgString("12345")
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		unsent, _ := push.CloseContext(ctx).(*UnsentError)
		if unsent == nil || unsent.Messages != 1 || unsent.Bytes != 5 {
			t.Fatalf("got %v", unsent)
		}
		if d := push.Stats().Dropped[DropOut]; d != 1 {
			t.Fatalf("%d counted", d)
		}
	})
}

func TestOutOfEachType(t *testing.T) {
	for _, typ := range allTypes {
		s := open(t, typ, nil)
		if (s.Out() == nil) != (typ == zmq4.Pull || typ == zmq4.Sub) {
			t.Errorf("%s: %v", typ, s.Out())
		}
		closeNow(t, s)
		select {
		case s.Out() <- zmq4.NewMsgString("x"):
			t.Errorf("%s takes messages after Close", typ)
		default:
		}
	}
}

// TestBothPumpsInOneSelect is the program that the package is for.
func TestBothPumpsInOneSelect(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		a, b := pair(t, ep, zmq4.Dealer, zmq4.Dealer, nil, nil)
		const messages = 500
		sent, echoed, back := 0, 0, 0
		ctx := testContext(t)
		var echo []zmq4.Msg
		for back < messages {
			var out, in chan<- zmq4.Msg
			var request, reply zmq4.Msg
			if sent < messages {
				out, request = a.Out(), zmq4.NewMsgString(fmt.Sprint(sent))
			}
			if len(echo) > 0 {
				in, reply = b.Out(), echo[0]
			}
			select {
			case out <- request:
				sent++
			case m := <-b.C():
				echo = append(echo, m)
			case in <- reply:
				echo = echo[1:]
				echoed++
			case m := <-a.C():
				if string(m.Frames[0]) != fmt.Sprint(back) {
					t.Fatalf("message %d: %q", back, m.Frames)
				}
				back++
			case <-ctx.Done():
				t.Fatalf("%d sent, %d echoed, %d back", sent, echoed, back)
			}
		}
	})
}
