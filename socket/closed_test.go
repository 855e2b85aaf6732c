package socket

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"
)

// TestCloseWakesBlockedCalls: every blocked call returns ErrClosed, and with it what ended the socket's context.
func TestCloseWakesBlockedCalls(t *testing.T) {
	cause := errors.New("the operator said so")
	ends := map[string]func(*Socket, context.CancelCauseFunc){
		"Close":  func(s *Socket, _ context.CancelCauseFunc) { _ = s.Close() },
		"cancel": func(_ *Socket, cancel context.CancelCauseFunc) { cancel(cause) },
	}
	calls := map[string]struct {
		typ  zmq4.SocketType
		call func(context.Context, *Socket) error
	}{
		"Send":           {zmq4.Push, func(_ context.Context, s *Socket) error { return sendX(s) }},
		"SendContext":    {zmq4.Req, func(ctx context.Context, s *Socket) error { return s.SendContext(ctx, zmq4.NewMsgString("x")) }},
		"Recv":           {zmq4.Pull, func(_ context.Context, s *Socket) error { return recvX(s) }},
		"Recv on PUSH":   {zmq4.Push, func(_ context.Context, s *Socket) error { return recvX(s) }},
		"Recv on PUB":    {zmq4.Pub, func(_ context.Context, s *Socket) error { return recvX(s) }},
		"Recv on REP":    {zmq4.Rep, func(_ context.Context, s *Socket) error { return recvX(s) }},
		"RecvFrom":       {zmq4.Router, func(ctx context.Context, s *Socket) error { _, _, err := s.RecvFrom(ctx); return err }},
		"Recv through C": {zmq4.Pull, func(_ context.Context, s *Socket) error { s.C(); return recvX(s) }},
		"WaitPeers":      {zmq4.Dealer, func(ctx context.Context, s *Socket) error { return s.WaitPeers(ctx, 1) }},
	}
	for end, stop := range ends {
		for name, c := range calls {
			t.Run(name+" by "+end, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancelCause(context.Background())
					defer cancel(nil)
					s, err := New(ctx, c.typ, nil)
					if err != nil {
						t.Fatal(err)
					}
					result := meanwhile(t, func() error { return c.call(t.Context(), s) })
					synctest.Wait() // it blocks
					start := time.Now()
					stop(s, cancel)
					err = <-result
					wantErr(t, err, ErrClosed, net.ErrClosed)
					if end == "cancel" {
						wantErr(t, err, cause)
					}
					<-s.Done()
					if took := time.Since(start); took != 0 {
						t.Fatalf("took %v", took)
					}
				})
			})
		}
	}
}

// TestCallsAfterClose: nothing but ErrClosed, and no panic.
func TestCallsAfterClose(t *testing.T) {
	for _, typ := range allTypes {
		s := open(t, typ, nil)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		_, recvErr := s.Recv()
		_, fromErr := s.RecvContext(t.Context())
		for name, err := range map[string]error{
			"Send": sendX(s), "TrySend": sendErr(s, "x"), "SendContext": s.SendContext(t.Context(), zmq4.NewMsgString("x")),
			"Recv": recvErr, "RecvContext": fromErr, "Listen": s.Listen("inproc://x"), "Dial": s.Dial("inproc://x"),
			"Unbind": s.Unbind("inproc://x"), "Disconnect": s.Disconnect("inproc://x"), "Subscribe": s.Subscribe("x"),
			"Unsubscribe": s.Unsubscribe("x"), "SetOption": s.SetOption("sndhwm", 1), "WaitPeers": s.WaitPeers(t.Context(), 1),
		} {
			if !errors.Is(err, ErrClosed) || !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: %s: %v", typ, name, err)
			}
		}
		if _, err := s.GetOption("sndhwm"); err != nil {
			t.Errorf("%s: GetOption: %v", typ, err)
		}
		if s.Addr() != nil || len(s.Endpoints()) != 0 || len(s.Peers()) != 0 {
			t.Errorf("%s: something is left", typ)
		}
		if c := s.C(); c != nil {
			if _, ok := <-c; ok {
				t.Errorf("%s: C is not closed", typ)
			}
		}
		s.Stats()
		select {
		case <-s.Done():
		default:
			t.Errorf("%s: not done", typ)
		}
	}
}

var allTypes = []zmq4.SocketType{zmq4.Pair, zmq4.Pub, zmq4.Sub, zmq4.Req, zmq4.Rep, zmq4.Dealer, zmq4.Router,
	zmq4.Pull, zmq4.Push, zmq4.XPub, zmq4.XSub}

// TestCancelledReceiversLoseNothing: receivers that give up at random moments leave every message to others.
func TestCancelledReceiversLoseNothing(t *testing.T) {
	push, pull := open(t, zmq4.Push, nil), open(t, zmq4.Pull, nil)
	dial(t, push, bind(t, pull, "inproc://"+t.Name()))
	const messages, receivers = 500, 3
	var mu sync.Mutex
	got := map[string]int{}
	ctx, all := context.WithCancel(testContext(t))
	defer all()
	var wg sync.WaitGroup
	for range receivers {
		wg.Go(func() { // owner: the test; ends with ctx
			for ctx.Err() == nil {
				c, cancel := context.WithCancel(ctx)
				wg.Go(cancel) // owner: the test; ends at once
				m, err := pull.RecvContext(c)
				if err != nil {
					continue
				}
				mu.Lock()
				got[string(m.Frames[0])]++
				if len(got) == messages {
					all()
				}
				mu.Unlock()
			}
		})
	}
	for i := range messages {
		send(t, push, string(rune(i)))
	}
	wg.Wait()
	for m, n := range got {
		if n != 1 {
			t.Fatalf("%q came %d times", m, n)
		}
	}
	if len(got) != messages {
		t.Fatalf("%d of %d came", len(got), messages)
	}
}
