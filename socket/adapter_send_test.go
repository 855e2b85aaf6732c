package socket

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/readiness"
)

func adaptedReady(t *testing.T, a *Adapter, want readiness.Events) {
	t.Helper()
	if ev, err := a.Readiness(); ev != want || err != nil {
		t.Fatalf("%v is ready for %v, %v; want %v", a, ev, err, want)
	}
}

func TestAdapterSendErrors(t *testing.T) {
	msg := zmq4.NewMsgString("a")
	sock := newScripted(zmq4.Dealer, nil)
	sock.send = func(m zmq4.Msg) error { return m.Err() }
	a := adapt(t, sock, nil)
	for _, c := range []struct {
		name string
		send func(zmq4.Msg) error
		want error
	}{
		{"sent", func(zmq4.Msg) error { return nil }, nil},
		{"zmq4's timeout", func(zmq4.Msg) error { return context.DeadlineExceeded }, ErrAgain},
		{"a peer's error", func(zmq4.Msg) error { return fmt.Errorf("frame 1: %w", errScripted) }, errScripted},
		{"the end", func(zmq4.Msg) error { return context.Canceled }, ErrClosed},
		{"after the end", func(zmq4.Msg) error { return nil }, ErrClosed},
	} {
		sock.send = c.send
		if err := a.Send(msg); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, typ := range []zmq4.SocketType{zmq4.Pull, zmq4.Sub} {
		a := adapt(t, newScripted(typ, nil), nil)
		wantErr(t, a.Send(msg), ErrNotSupported)
		adaptedReady(t, a, 0)
	}
	wantErr(t, adapt(t, newScripted(zmq4.Router, nil), nil).Send(zmq4.Msg{}), ErrBadMessage)
}

// A send that its context left goes on, the next one waits for it, and Close ends both.
func TestAdapterSendContext(t *testing.T) {
	noLeaks(t)
	started, proceed := make(chan string, 1), make(chan error)
	sock := newScripted(zmq4.Push, nil)
	sock.send = func(m zmq4.Msg) error {
		started <- string(m.Bytes())
		select {
		case err := <-proceed:
			return err
		case <-sock.closed:
			return nil // as zmq4 does for a message that waits for a peer
		}
	}
	a := adapt(t, sock, nil)
	adaptedReady(t, a, readiness.Out)
	cause := errors.New("enough")
	begin := func(text string) (<-chan error, context.CancelCauseFunc) {
		ctx, cancel := context.WithCancelCause(t.Context())
		return meanwhile(t, func() error { return a.SendContext(ctx, zmq4.NewMsgString(text)) }), cancel
	}
	first, cancel := begin("1")
	if m := await(t, "the first", started); m != "1" {
		t.Fatal(m)
	}
	cancel(cause)
	wantErr(t, await(t, "the first", first), cause)
	second, cancel := begin("2")
	cancel(cause)
	wantErr(t, await(t, "the second", second), cause) // it never began
	third, cancel := begin("3")
	defer cancel(nil)
	proceed <- nil
	if m := await(t, "the third", started); m != "3" {
		t.Fatal(m)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	wantErr(t, await(t, "the third", third), ErrClosed)
}

func TestAdapterCloseWaitsForSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sock, returned := newScripted(zmq4.Push, nil), false
		sock.send = func(zmq4.Msg) error {
			<-sock.closed
			time.Sleep(time.Second)
			returned = true
			return nil
		}
		a := adapt(t, sock, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancelled := meanwhile(t, func() error { return a.SendContext(ctx, zmq4.NewMsgString("a")) })
		synctest.Wait()
		cancel()
		wantErr(t, <-cancelled, context.Canceled)
		if err := a.Close(); err != nil || !returned {
			t.Error(err, returned)
		}
	})
}

// A request that could not be sent may be sent again.
func TestAdapterRequestFails(t *testing.T) {
	sock := newScripted(zmq4.Req, nil)
	a := adapt(t, sock, nil)
	wakes := 0
	w := readiness.NewWaiter(func() { wakes++ })
	a.Notify(w)
	sock.send = func(zmq4.Msg) error {
		w.Arm(readiness.Out)
		adaptedReady(t, a, 0)
		return errScripted
	}
	for i := range 2 {
		wantErr(t, a.Send(zmq4.NewMsgString("a")), errScripted)
		if adaptedReady(t, a, readiness.Out); wakes != i+1 {
			t.Errorf("%d wake-ups", wakes)
		}
	}
	sock.send = func(zmq4.Msg) error { return nil }
	if err := a.Send(zmq4.NewMsgString("a")); err != nil {
		t.Fatal(err)
	}
	adaptedReady(t, a, 0)
}

// REQ and REP of zmq4, both adapted, take turns.
func TestAdapterLockstep(t *testing.T) {
	noLeaks(t)
	rep, ep := adaptBound(t, t.Context(), zmq4.Rep, nil)
	sock := zmq4.NewReq(t.Context())
	req := adapt(t, sock, nil)
	if err := sock.Dial(ep); err != nil {
		t.Fatal(err)
	}
	msg := zmq4.NewMsgString("out of turn")
	woken := map[*Adapter]chan struct{}{req: make(chan struct{}, 1), rep: make(chan struct{}, 1)}
	waiters := map[*Adapter]*readiness.Waiter{}
	for a, c := range woken {
		waiters[a] = readiness.NewWaiter(func() { c <- struct{}{} })
		a.Notify(waiters[a])
		defer a.Forget(waiters[a])
	}
	wait := func(a *Adapter, ev readiness.Events, change func()) {
		t.Helper()
		waiters[a].Arm(ev)
		if now, err := a.Readiness(); now&ev != 0 || err != nil {
			t.Fatalf("%v is ready for %v already, %v", a, now, err)
		}
		change()
		await(t, "wake-up", woken[a])
		adaptedReady(t, a, ev)
	}
	adaptedReady(t, req, readiness.Out)
	wantErr(t, rep.Send(msg), ErrState)
	for i := range 20 {
		wait(rep, readiness.In, func() { adaptedSend(t, req, fmt.Sprint("ask ", i)) })
		wantErr(t, req.Send(msg), ErrState) // the reply is not there
		wantErr(t, rep.Send(msg), ErrState) // the request is not taken
		wait(rep, readiness.Out, func() { want(t, adaptedRecv(t, rep), fmt.Sprint("ask ", i)) })
		wait(req, readiness.In, func() { adaptedSend(t, rep, fmt.Sprint("answer ", i)) })
		wantErr(t, req.Send(msg), ErrState) // the reply is not taken
		wait(req, readiness.Out, func() { want(t, adaptedRecv(t, req), fmt.Sprint("answer ", i)) })
	}
}

// A REQ whose peer went may ask the next one.
func TestAdapterRequestSurvivesItsPeer(t *testing.T) {
	noLeaks(t)
	sock := zmq4.NewReq(t.Context())
	a := adapt(t, sock, nil)
	woken := make(chan struct{}, 1)
	w := readiness.NewWaiter(func() { woken <- struct{}{} })
	a.Notify(w)
	for i := range 3 {
		rep := open(t, zmq4.Rep, nil)
		if err := sock.Dial(bind(t, rep, "tcp://127.0.0.1:0")); err != nil {
			t.Fatal(err)
		}
		if err := a.Send(zmq4.NewMsgString("a")); err != nil {
			t.Fatal(err)
		}
		want(t, recv(t, rep), "a")
		w.Arm(readiness.Out)
		if err := rep.Close(); err != nil {
			t.Fatal(err)
		}
		await(t, "wake-up", woken)
		adaptedReady(t, a, readiness.Out)
		if n := a.Stats().PeerErrors; n != uint64(i+1) {
			t.Errorf("%d errors", n)
		}
	}
}

// A REP answers one request after the other, each to its peer, also from a flood.
func TestAdapterRepliesToTheRightPeer(t *testing.T) {
	noLeaks(t)
	rep, ep := adaptBound(t, t.Context(), zmq4.Rep, nil)
	peers := []*Socket{joined(t, zmq4.Dealer, ep), joined(t, zmq4.Dealer, ep), joined(t, zmq4.Dealer, ep)}
	const each = 30
	for i, p := range peers {
		for j := range each {
			send(t, p, "", fmt.Sprint(i, " ", j))
		}
	}
	for range each * len(peers) {
		q := adaptedRecv(t, rep)
		adaptedSend(t, rep, "to "+q[0])
	}
	for i, p := range peers {
		for j := range each {
			want(t, recv(t, p), "", fmt.Sprint("to ", i, " ", j))
		}
	}
}
