package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"
)

// floods is how each receiving type of zmq4 is filled until its readers are stuck: by peers of ours, of which each sends
// the message again and again.
var floods = []struct {
	typ, peer zmq4.SocketType
	msg       []string
}{
	{zmq4.Sub, zmq4.Pub, []string{"a"}},
	{zmq4.XSub, zmq4.Pub, []string{"a"}},
	{zmq4.Pull, zmq4.Push, []string{"a"}},
	{zmq4.Pair, zmq4.Pair, []string{"a"}},
	{zmq4.Dealer, zmq4.Dealer, []string{"a"}},
	{zmq4.Router, zmq4.Dealer, []string{"a"}},
	{zmq4.Rep, zmq4.Dealer, []string{"", "a"}},
}

// flood connects peers to ep, and returns when each has made a reader of the adapted socket stuck.
func flood(t *testing.T, a *Adapter, ep string, peer zmq4.SocketType, msg []string, peers int) {
	t.Helper()
	all := make([]*Socket, peers)
	for i := range all {
		all[i] = open(t, peer, &Config{SendHWM: 100})
		dial(t, all[i], ep)
	}
	if a.Type() == zmq4.XSub {
		for _, s := range all { // zmq4 sends it to those that are there
			until(t, "subscribed", func() bool {
				adaptedSend(t, a, "\x01")
				return len(s.Peers()) == 1 && s.Peers()[0].Subscriptions > 0
			})
		}
	}
	until(t, fmt.Sprintf("%d readers are stuck", peers), func() bool {
		for _, s := range all {
			for range 10 {
				_ = s.TrySend(zmq4.NewMsgFromString(msg))
			}
		}
		return stuckReaders() == peers
	})
}

// TestAdapterEndLeaksNothing ends adapters of full sockets, more peers than zmq4's queue has room for, in each way.
func TestAdapterEndLeaksNothing(t *testing.T) {
	for _, c := range floods {
		for name, end := range map[string]func(*Adapter, context.CancelFunc) error{
			"Close":         func(a *Adapter, _ context.CancelFunc) error { return a.Close() },
			"context":       func(_ *Adapter, cancel context.CancelFunc) error { cancel(); return nil },
			"socket closed": func(a *Adapter, _ context.CancelFunc) error { return a.sock.Close() },
		} {
			t.Run(string(c.typ)+" "+name, func(t *testing.T) {
				noLeaks(t)
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				a, ep := adaptBound(t, ctx, c.typ, &AdapterConfig{Queue: 3})
				peers := 12
				if c.typ == zmq4.Pair {
					peers = 1
				}
				flood(t, a, ep, c.peer, c.msg, peers)
				if err := end(a, cancel); err != nil && !errors.Is(err, net.ErrClosed) {
					t.Fatal(err)
				}
				if c.typ == zmq4.Rep && name != "Close" {
					// It takes no second request before the reply, so it does not see the end.
					adaptedRecv(t, a)
					wantErr(t, a.Send(zmq4.NewMsgString("reply")), ErrClosed, context.Canceled)
				}
				for range a.C() { // what it had, to the end
				}
				await0(t, a.Done())
				if name != "Close" {
					_, err := a.Recv()
					wantErr(t, err, ErrClosed, net.ErrClosed, context.Canceled)
				}
				// After another end, zmq4's Recv may still give all that it has.
				if st := a.Stats(); st.Dropped == 0 && name == "Close" || st.Queued != 0 || stuckReaders() != 0 {
					t.Errorf("%+v, %d readers stuck", st, stuckReaders())
				}
				if err := a.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// await0 waits until c is closed.
func await0(t testing.TB, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-testContext(t).Done():
		t.Fatal("no end")
	}
}

// Calls that block end with the adapter, and what was received stays readable.
func TestAdapterCloseEndsCalls(t *testing.T) {
	noLeaks(t)
	a, ep := adaptBound(t, t.Context(), zmq4.Dealer, nil)
	idle := adapt(t, zmq4.NewDealer(t.Context()), nil)
	waiting := []<-chan error{
		meanwhile(t, func() error { _, err := idle.Recv(); return err }),
		meanwhile(t, func() error { return idle.Send(zmq4.NewMsgString("a")) }), // no peer: zmq4 waits
		meanwhile(t, func() error { return idle.SendContext(t.Context(), zmq4.NewMsgString("a")) }),
		meanwhile(t, func() error { return idle.Close() }),
		meanwhile(t, func() error { return idle.Close() }),
	}
	for i, w := range waiting {
		if err := await(t, "call", w); i < 3 && !errors.Is(err, ErrClosed) || i >= 3 && err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
	peer := joined(t, zmq4.Dealer, ep)
	send(t, peer, "kept")
	until(t, "it came", func() bool { return a.Stats().Queued == 1 })
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, adaptedRecv(t, a), "kept")
	_, err := a.TryRecv()
	wantErr(t, err, ErrClosed)
	wantErr(t, a.Send(zmq4.NewMsgString("a")), ErrClosed)
	_, err = a.Claim()
	wantErr(t, err, ErrClosed)
}

// A PUSH has no pump: it notices the end of its context when it sends.
func TestAdapterSendNoticesTheEnd(t *testing.T) {
	noLeaks(t)
	pull := open(t, zmq4.Pull, nil)
	ctx, cancel := context.WithCancel(t.Context())
	push := zmq4.NewPush(ctx)
	a := adapt(t, push, nil)
	if err := push.Dial(bind(t, pull, "tcp://127.0.0.1:0")); err != nil {
		t.Fatal(err)
	}
	adaptedSend(t, a, "a")
	want(t, recv(t, pull), "a")
	cancel()
	wantErr(t, a.Send(zmq4.NewMsgString("b")), ErrClosed, context.Canceled)
	await0(t, a.Done())
	_, err := a.Readiness()
	wantErr(t, err, ErrClosed)
}

// TestAdapterEndsOfOthers adapts sockets that are not zmq4's, or hard to make: each ends, and Recv is not called in a loop.
func TestAdapterEndsOfOthers(t *testing.T) {
	fails := func() (zmq4.Msg, error) { return zmq4.Msg{}, errScripted }
	for _, c := range []struct {
		name  string
		typ   zmq4.SocketType
		recv  func() (zmq4.Msg, error)
		recvs int64 // in a second, at most
		ends  bool  // by itself
	}{
		{"PUSH cannot receive", zmq4.Push, fails, 0, false},
		{"PUB cannot receive", zmq4.Pub, fails, 0, false},
		{"REQ has asked nothing", zmq4.Req, fails, 0, false},
		{"fails for ever", zmq4.Pull, fails, errorRun + 1001, false},
		{"messages, for ever", zmq4.Pull, func() (zmq4.Msg, error) { return zmq4.NewMsgString("a"), nil }, 1001, false},
		{"nothing, for ever", zmq4.Pull, func() (zmq4.Msg, error) { return zmq4.Msg{}, nil }, errorRun + 1001, false},
		{"XPUB tells its end", zmq4.XPub, func() (zmq4.Msg, error) { return zmq4.Msg{}, nil }, 1 + emptyLooks, true},
		{"connection closed here", zmq4.Pull, func() (zmq4.Msg, error) { return zmq4.Msg{}, net.ErrClosed }, 1 + emptyLooks, true},
		{"deadline", zmq4.Pull, func() (zmq4.Msg, error) { return zmq4.Msg{}, context.DeadlineExceeded }, 1 + emptyLooks, true},
		{"waits", zmq4.Pull, nil, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sock := newScripted(c.typ, c.recv)
				a := adapt(t, sock, nil)
				time.Sleep(time.Second)
				if n := sock.recvs.Load(); n > c.recvs {
					t.Errorf("%d calls of Recv", n)
				}
				select {
				case <-a.Done():
					if !c.ends {
						t.Error("it has ended")
					}
					await0(t, sock.closed)
				default:
					if c.ends {
						t.Error("it has not ended")
					}
				}
				if err := a.Close(); err != nil {
					t.Error(err)
				}
				await0(t, sock.closed)
			})
		})
	}
}

func TestAdapterCloseTellsTheSocketsError(t *testing.T) {
	sock := newScripted(zmq4.Pull, nil)
	sock.closeErr = errScripted
	a := adapt(t, sock, nil)
	wantErr(t, a.Close(), errScripted)
	wantErr(t, a.Close(), errScripted)
	harmless := newScripted(zmq4.Pull, nil)
	harmless.closeErr = fmt.Errorf("close: %w", net.ErrClosed)
	if err := adapt(t, harmless, nil).Close(); err != nil {
		t.Error(err)
	}
}

// Close drops what has no place, and counts it.
func TestAdapterCountsWhatCloseDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sock, left := newScripted(zmq4.Pull, nil), 5
		sock.recv = func() (zmq4.Msg, error) {
			if left--; left < 0 {
				return zmq4.Msg{}, context.Canceled
			}
			return zmq4.NewMsgString("a"), nil
		}
		a := adapt(t, sock, &AdapterConfig{Queue: 1})
		synctest.Wait() // one is in the queue, one in the pump's hand
		if st := a.Stats(); st != (AdapterStats{Received: 2, Queued: 1}) {
			t.Errorf("before: %+v", st)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		if st := a.Stats(); st != (AdapterStats{Received: 5, Queued: 1, Dropped: 4}) {
			t.Errorf("after: %+v", st)
		}
	})
}
