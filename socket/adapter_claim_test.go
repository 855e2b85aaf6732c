package socket

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/readiness"
)

func TestAdapterClaimIsRefused(t *testing.T) {
	closed := adapt(t, newScripted(zmq4.Pull, nil), nil)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	withC := adapt(t, newScripted(zmq4.Pull, nil), nil)
	withC.C()
	claimed := adapt(t, newScripted(zmq4.Pull, nil), nil)
	if _, err := claimed.Claim(); err != nil {
		t.Fatal(err)
	}
	push := adapt(t, newScripted(zmq4.Push, nil), nil)
	for _, c := range []struct {
		name string
		a    *Adapter
		want error
	}{
		{"closed", closed, ErrClosed},
		{"C is in use", withC, ErrClaimed},
		{"claimed", claimed, ErrClaimed},
		{"PUSH", push, ErrNotSupported},
		{"PUB", adapt(t, newScripted(zmq4.Pub, nil), nil), ErrNotSupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.a.Claim()
			wantErr(t, err, c.want)
		})
	}
	if push.C() != nil {
		t.Error("PUSH has a channel")
	}
	_, err := push.Recv()
	wantErr(t, err, ErrNotSupported)
	_, err = push.TryRecv()
	wantErr(t, err, ErrNotSupported)
}

func TestAdapterClaimExcludesOthers(t *testing.T) {
	noLeaks(t)
	a, ep := adaptBound(t, t.Context(), zmq4.Pull, nil)
	r, err := a.Claim()
	if err != nil {
		t.Fatal(err)
	}
	send(t, joined(t, zmq4.Push, ep), "a")
	_, err = a.Recv()
	wantErr(t, err, ErrClaimed)
	_, err = a.TryRecv()
	wantErr(t, err, ErrClaimed)
	if a.C() != nil {
		t.Error("C is not nil")
	}
	r.Release()
	r.Release()
	_, err = r.Take(make([]Received, 1), nil)
	wantErr(t, err, ErrReleased)
	want(t, adaptedRecv(t, a), "a")
	again, err := a.Claim() // the refused C does not count
	if err != nil {
		t.Fatal(err)
	}
	again.Release()
	if a.C() == nil {
		t.Error("C is nil after Release")
	}
}

// A claim ends a Recv that waits, and Release tells those who wait otherwise what there is.
func TestAdapterClaimWakesOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sock, proceed := newScripted(zmq4.Rep, nil), make(chan struct{})
		sock.recv = func() (zmq4.Msg, error) {
			select {
			case <-proceed:
				proceed = nil
				return zmq4.NewMsgString("a"), nil
			case <-sock.closed:
				return zmq4.Msg{}, context.Canceled
			}
		}
		a := adapt(t, sock, nil)
		waiting := meanwhile(t, func() error { _, err := a.Recv(); return err })
		synctest.Wait()
		r, err := a.Claim()
		if err != nil {
			t.Fatal(err)
		}
		wantErr(t, <-waiting, ErrClaimed)
		proceed <- struct{}{}
		synctest.Wait()
		wakes := 0
		w := readiness.NewWaiter(func() { wakes++ })
		a.Notify(w)
		w.Arm(readiness.In)
		if ev, err := a.Readiness(); ev != 0 || err != nil {
			t.Errorf("claimed: ready for %v, %v, and Recv would fail", ev, err)
		}
		if r.Release(); wakes != 1 {
			t.Error("Release wakes nobody")
		}
		if r, err = a.Claim(); err != nil {
			t.Fatal(err)
		}
		w.Arm(readiness.Out)
		if n, err := r.Take(make([]Received, 2), nil); n != 1 || err != nil || wakes != 2 {
			t.Errorf("%d messages, %v, %d wake-ups", n, err, wakes)
		}
	})
}

// TestAdapterTake reads batches by a waiter only: each message is seen once, in order, and then the end.
func TestAdapterTake(t *testing.T) {
	const messages = 5000
	for _, queue := range []int{1, 7, 0} {
		t.Run(fmt.Sprint("queue ", queue), func(t *testing.T) {
			noLeaks(t)
			i, claimed := 0, make(chan struct{})
			sock := newScripted(zmq4.Pull, nil)
			sock.recv = func() (zmq4.Msg, error) {
				<-claimed
				if i++; i > messages {
					return zmq4.Msg{}, fmt.Errorf("end: %w", context.Canceled)
				}
				return zmq4.NewMsgString(fmt.Sprint(i)), nil
			}
			a := adapt(t, sock, &AdapterConfig{Queue: queue})
			r, err := a.Claim()
			if err != nil {
				t.Fatal(err)
			}
			close(claimed)
			poke := make(chan struct{}, 1)
			w := readiness.NewWaiter(func() {
				select {
				case poke <- struct{}{}:
				default:
				}
			})
			buf := make([]Received, 5)
			for seen := 0; ; {
				n, err := r.Take(buf, w)
				for _, m := range buf[:n] {
					if seen++; string(m.Msg.Bytes()) != fmt.Sprint(seen) || m.Conn != 0 {
						t.Fatalf("message %d is %q of %d", seen, m.Msg.Bytes(), m.Conn)
					}
				}
				if err != nil {
					if wantErr(t, err, ErrClosed); n != 0 || seen != messages {
						t.Fatalf("ended after %d messages, with %d", seen, n)
					}
					return
				}
				if n < len(buf) {
					await(t, "wake-up", poke)
				}
			}
		})
	}
}

// A batch that meets the end wakes its reader once more, to be told.
func TestAdapterTakeAtTheEnd(t *testing.T) {
	left := 3
	sock := newScripted(zmq4.Pull, nil)
	proceed := make(chan struct{})
	sock.recv = func() (zmq4.Msg, error) {
		<-proceed
		if left--; left < 0 {
			return zmq4.Msg{}, context.Canceled
		}
		return zmq4.NewMsgString("a"), nil
	}
	a := adapt(t, sock, nil)
	r, err := a.Claim()
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]Received, 10)
	wakes := make(chan struct{}, 10)
	w := readiness.NewWaiter(func() { wakes <- struct{}{} })
	if n, err := r.Take(nil, w); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	close(proceed)
	await0(t, a.Done())
	if n, err := r.Take(buf[:1], w); n != 1 || err != nil || len(wakes) != 0 {
		t.Fatal(n, err, len(wakes))
	}
	if n, err := r.Take(buf, w); n != 2 || err != nil || len(wakes) != 1 {
		t.Fatal(n, err, len(wakes))
	}
	_, err = r.Take(buf, w)
	if wantErr(t, err, ErrClosed, context.Canceled); len(wakes) != 1 {
		t.Error("woken after the end")
	}
	if _, err := a.Claim(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	r.Release()
}
