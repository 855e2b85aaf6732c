package socket

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// TestWaitlistModel: as many wake-ups as were given reach waiters, oldest first; who gives up passes his on.
func TestWaitlistModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l waitlist
		var waiting []*waiter       // registered and not woken, oldest first
		woken := map[*waiter]bool{} // holds a token
		var registered []*waiter    // all that have not called done
		drop := func(list []*waiter, w *waiter) []*waiter {
			for i, x := range list {
				if x == w {
					return append(list[:i:i], list[i+1:]...)
				}
			}
			return list
		}
		wakeOldest := func() {
			if len(waiting) > 0 {
				woken[waiting[0]] = true
				waiting = waiting[1:]
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(*rapid.T) {
				w := l.add()
				waiting, registered = append(waiting, w), append(registered, w)
			},
			"wake": func(t *rapid.T) {
				n := rapid.IntRange(0, 3).Draw(t, "n")
				l.wakeN(n)
				for range n {
					wakeOldest()
				}
			},
			"served": func(t *rapid.T) {
				for _, w := range registered {
					if woken[w] {
						<-w.ch
						l.done(w, true)
						delete(woken, w)
						registered = drop(registered, w)
						return
					}
				}
				t.Skip("the model is in no state for this step: another is drawn")
			},
			"give up": func(t *rapid.T) {
				if len(registered) == 0 {
					t.Skip("the model is in no state for this step: another is drawn")
				}
				w := rapid.SampledFrom(registered).Draw(t, "who")
				registered = drop(registered, w)
				waiting = drop(waiting, w)
				if woken[w] {
					delete(woken, w)
					wakeOldest()
				}
				l.done(w, false)
			},
			"": func(t *rapid.T) {
				if len(l.waiting) != len(waiting) {
					t.Fatalf("%d wait, want %d", len(l.waiting), len(waiting))
				}
				for _, w := range registered {
					if got := len(w.ch) == 1; got != woken[w] {
						t.Fatalf("woken %v, want %v", got, woken[w])
					}
				}
				for _, w := range l.free {
					if len(w.ch) != 0 {
						t.Fatal("a free waiter holds a token")
					}
				}
			},
		})
	})
}

// TestNoWakeUpIsLost: takers that give up at random moments never leave a token to nobody.
func TestNoWakeUpIsLost(t *testing.T) {
	const tokens, takers = 2000, 4
	s := &Socket{}
	var l waitlist
	have, taken := 0, 0
	ctx := testContext(t)
	var impatience atomic.Pointer[context.CancelFunc]
	var wg sync.WaitGroup
	for i := range takers {
		wg.Go(func() { // owner: the test; ends when all tokens are taken
			s.mu.Lock()
			defer s.mu.Unlock()
			for taken < tokens && ctx.Err() == nil {
				if have > 0 {
					have, taken = have-1, taken+1
					continue
				}
				c := ctx
				if i%2 == 1 {
					short, cancel := context.WithCancel(ctx)
					c = short
					impatience.Store(&cancel)
					defer cancel()
				}
				_ = s.waitFor(&l, c, nil)
			}
			l.wakeAll()
		})
	}
	for range tokens {
		s.mu.Lock()
		have++
		l.wake()
		s.mu.Unlock()
		if cancel := impatience.Load(); cancel != nil {
			(*cancel)()
		}
		yield()
	}
	wg.Wait()
	if taken != tokens {
		t.Fatalf("%d of %d taken", taken, tokens)
	}
}
