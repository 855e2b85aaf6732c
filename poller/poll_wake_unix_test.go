//go:build unix

package poller

import (
	"context"
	"errors"
	"testing"
)

// pollIdleFD is an item that is never ready: it makes Poll sleep in poll(2).
func pollIdleFD(t *testing.T) Item {
	r, _ := (&pollStage{t: t}).pipe()
	return r.is(In)
}

// TestPollMissesNothingFD is TestPollMissesNothing with a sleep in poll(2).
func TestPollMissesNothingFD(t *testing.T) { pollPingPong(t, 5_000, pollIdleFD(t)) }

// TestPollBetweenLookAndSleepFD is TestPollBetweenLookAndSleep with a sleep in poll(2).
func TestPollBetweenLookAndSleepFD(t *testing.T) { pollSly(t, pollIdleFD(t)) }

// TestPollFDWoken: the end of a source, or of the context, and a descriptor reach a sleep in poll(2).
func TestPollFDWoken(t *testing.T) {
	idle := pollIdleFD(t)
	t.Run("source ends", func(t *testing.T) {
		for range 200 {
			f := &fake{}
			go f.finish() // ends at once; before, during or after the call has fallen asleep
			items := []Item{idle, {Socket: f}}
			n, err := Poll(t.Context(), items, -1)
			var item *ItemError
			if n != 0 || !errors.Is(err, errFakeEnd) || !errors.As(err, &item) || item.Index != 1 || pollWaiters(f) != 0 {
				t.Fatalf("%d, %v, %d waiters", n, err, pollWaiters(f))
			}
		}
	})
	t.Run("context ends", func(t *testing.T) {
		for range 200 {
			ctx, cancel := context.WithCancelCause(t.Context())
			go cancel(errPollCause) // ends at once
			if n, err := Poll(ctx, []Item{idle}, -1); n != 0 || err != errPollCause {
				t.Fatalf("%d, %v", n, err)
			}
		}
	})
	t.Run("descriptor becomes ready", func(t *testing.T) {
		g := &pollStage{t: t}
		for range 200 {
			r, w := g.pipe()
			written := make(chan struct{})
			go func() { defer close(written); w.write("x") }() // ends at once
			f := &fake{}
			items := []Item{{Socket: f, Events: In}, idle, r.is(In)}
			if n, err := Poll(t.Context(), items, -1); n != 1 || err != nil || items[2].Revents != In {
				t.Fatalf("%d, %v, %+v", n, err, items)
			}
			<-written
			r.close()
			w.close()
		}
	})
	t.Run("late poke", func(t *testing.T) {
		s, err := newFDSleeper(t.Context(), &fdSet{}, -1)
		if err != nil {
			t.Fatal(err)
		}
		s.close()
		g := &pollStage{t: t}
		x, y := g.socketpair() // one has the number that the sleeper had, and either end takes what is written
		if x.n != s.wake.r && y.n != s.wake.r {
			t.Fatalf("%d and %d, want %d", x.n, y.n, s.wake.r)
		}
		s.poke()
		if got := g.fds(0, x.is(In), y.is(In)); got != "rc=0 [0,0]" {
			t.Errorf("wrote to another file: %s", got)
		}
	})
}
