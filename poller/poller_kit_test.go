package poller

import (
	"errors"
	"sync"
)

// fake is a source whose level a test sets.
type fake struct {
	onLook   func(nth int) // called before a look, without the lock
	onNotify func()        // called before Notify

	mu      sync.Mutex
	level   Events
	end     error
	looks   int
	waiters Waiters
	who     map[*Waiter]bool // the same
	known   int              // how many
}

func (f *fake) Readiness() (Events, error) {
	f.mu.Lock()
	f.looks++
	n := f.looks
	f.mu.Unlock()
	if f.onLook != nil {
		f.onLook(n)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.level, f.end
}

func (f *fake) Notify(w *Waiter) {
	if f.onNotify != nil {
		f.onNotify()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.who == nil {
		f.who = map[*Waiter]bool{}
	}
	f.who[w] = true
	f.known = len(f.who)
	f.waiters.Add(w)
}

func (f *fake) Forget(w *Waiter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.who, w)
	f.known = len(f.who)
	f.waiters.Remove(w)
}

func (f *fake) String() string { return "fake" }

// set makes the source ready for level, and tells those that wait for it.
func (f *fake) set(level Events) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.level = level
	f.waiters.Notify(level)
}

var errFakeEnd = errors.New("the source's end")

// finish ends the source.
func (f *fake) finish() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end = errFakeEnd
	f.waiters.NotifyEnd()
}

// count reads one of the numbers.
func (f *fake) count(n *int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return *n
}
