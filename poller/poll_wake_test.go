package poller

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
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
