package poller

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// tokens is a source that is ready while it holds some.
type tokens struct {
	mu      sync.Mutex // guards both
	n       int
	waiters Waiters
}

func (k *tokens) Readiness() (Events, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.n > 0 {
		return In, nil
	}
	return 0, nil
}

func (k *tokens) Notify(w *Waiter) { k.mu.Lock(); defer k.mu.Unlock(); k.waiters.Add(w) }
func (k *tokens) Forget(w *Waiter) { k.mu.Lock(); defer k.mu.Unlock(); k.waiters.Remove(w) }

func (k *tokens) put() { k.mu.Lock(); defer k.mu.Unlock(); k.n++; k.waiters.Notify(In) }

func (k *tokens) take() (ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if ok = k.n > 0; ok {
		k.n--
	}
	return ok
}

// pollPingPong gives one token at a time to sources in turn, waits with Poll, and takes it: one wake-up that is missed
// ends it with the context. more are polled as well and never ready.
func pollPingPong(t *testing.T, rounds int, more ...Item) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), pollPatience)
	defer cancel()
	sources := []*tokens{{}, {}, {}}
	var items []Item
	for _, k := range sources {
		items = append(items, Item{Socket: k, Events: In})
	}
	items = append(items, more...)
	next := make(chan *tokens)
	ended := make(chan struct{})
	go func() { // owner: this test, which waits for it; ends when next is closed
		defer close(ended)
		for k := range next {
			k.put()
		}
	}()
	defer func() { close(next); <-ended }()
	for i := range rounds {
		k := sources[i%len(sources)]
		next <- k
		n, err := Poll(ctx, items, -1)
		if err != nil || n != 1 || items[i%len(sources)].Revents != In || !k.take() {
			t.Fatalf("round %d: %d, %v, %+v", i, n, err, items)
		}
	}
}

// TestPollMissesNothing races what makes a source ready against the Poll that waits for it.
func TestPollMissesNothing(t *testing.T) { pollPingPong(t, 20_000) }

// slySource does something after each look at it, before the one who looks knows what was seen.
type slySource struct {
	fake
	after func(look int)
}

func (s *slySource) Readiness() (Events, error) {
	ev, err := s.fake.Readiness()
	s.after(s.looks) // only this call's goroutine looks
	return ev, err
}

// pollSly plays a source that wakes a Poll for nothing between its look and its sleep, and is ready only then, again
// between look and sleep; and one that is not ready at all. more are polled as well and never ready.
func pollSly(t *testing.T, more ...Item) {
	t.Helper()
	s := &slySource{}
	s.after = func(look int) {
		switch look {
		case 2:
			s.mu.Lock()
			s.waiters.Notify(In)
			s.mu.Unlock()
		case 3:
			s.set(In)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), pollPatience)
	defer cancel()
	if n, err := Poll(ctx, append(more, Item{Socket: s, Events: In}), -1); n != 1 || err != nil || s.looks < 4 {
		t.Errorf("%d, %v after %d looks", n, err, s.looks)
	}
	s.set(0)
	s.looks = 0
	ready := s.after
	s.after = func(look int) {
		if look == 2 {
			ready(look)
		}
	}
	// It looks at first, when registered, when woken and when the time is over; a signal may cost one more.
	start := time.Now()
	n, err := Poll(ctx, append(more, Item{Socket: s, Events: In}), 20*pollTick)
	if took := time.Since(start); n != 0 || err != nil || s.looks > 20 || took < 20*pollTick {
		t.Errorf("%d, %v after %d looks and %v", n, err, s.looks, took)
	}
}

// TestPollBetweenLookAndSleep: what happens there is not missed, and a wake-up for nothing costs a look.
func TestPollBetweenLookAndSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { pollSly(t) })
}

// TestPollTogether: calls of several goroutines on the same source all see it.
func TestPollTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		var polls sync.WaitGroup
		for range 5 {
			polls.Go(func() { // ends with its Poll
				items := []Item{{Socket: f, Events: In}}
				if n, err := Poll(t.Context(), items, -1); n != 1 || err != nil {
					t.Errorf("%d, %v", n, err)
				}
			})
		}
		synctest.Wait()
		f.set(Out) // of interest to nobody
		synctest.Wait()
		if k := pollWaiters(f); k != 5 {
			t.Fatalf("%d waiters, want 5", k)
		}
		f.set(In)
		polls.Wait()
		if k := pollWaiters(f); k != 0 {
			t.Fatalf("%d waiters stay", k)
		}
	})
}
