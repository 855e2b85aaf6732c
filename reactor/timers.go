package reactor

import (
	"container/heap"
	"fmt"
	"math"
	"time"
)

// timerFeed is a timer. While it waits it stands in the reactor's heap; once it is due it is out of it until its tick
// is taken, however late, and its count is made then.
type timerFeed struct {
	period time.Duration
	once   bool

	timers *timers
	feed   *feed
	due    time.Time // of the next tick
	index  int       // in the heap; -1 when it is not there
}

func (t *timerFeed) start(r *Reactor, f *feed) error {
	if t.period <= 0 && !t.once {
		return fmt.Errorf("%w: the period is not positive", ErrSource)
	}
	t.timers, t.feed = &r.timers, f
	t.due = time.Now().Add(max(0, t.period))
	t.timers.add(t)
	return nil
}

func (t *timerFeed) take(to []Event) (int, state, error) {
	if t.index >= 0 {
		return 0, idle, nil // not due yet
	}
	now := time.Now()
	if t.once {
		to[0] = Tick{t.feed.entry.id, now, 1}
		return 1, spent, nil
	}
	count := 1 + now.Sub(t.due)/t.period
	to[0] = Tick{t.feed.entry.id, now, int(min(count, math.MaxInt))} // an int may have 32 bits
	t.due = t.due.Add(count * t.period)
	t.timers.add(t)
	return 1, idle, nil
}

func (t *timerFeed) release() {
	if t.index >= 0 {
		heap.Remove(t.timers, t.index) // if the runtime's timer was set to it, the loop wakes up once for nothing
	}
}

// timers is the heap of those that wait, earliest first, and the one timer of the runtime that wakes the loop. The
// reactor's lock guards it, but for the channel of the timer, which the loop receives from.
type timers struct {
	waiting []*timerFeed
	timer   *time.Timer
}

func newTimers() timers {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return timers{timer: t}
}

func (h *timers) add(t *timerFeed) {
	heap.Push(h, t)
	if t.index == 0 {
		h.reset()
	}
}

// reset sets the runtime's timer to the earliest.
func (h *timers) reset() {
	if len(h.waiting) == 0 {
		h.timer.Stop()
		return
	}
	h.timer.Reset(time.Until(h.waiting[0].due))
}

// expire takes out those that are due and calls ready for each, earliest first.
func (h *timers) expire(ready func(ID)) {
	for now := time.Now(); len(h.waiting) > 0 && !h.waiting[0].due.After(now); {
		ready(heap.Pop(h).(*timerFeed).feed.id)
	}
	h.reset()
}

// Len is for package heap.
func (h *timers) Len() int { return len(h.waiting) }

// Less is for package heap. Those that are due at the same time go in the order in which they were added.
func (h *timers) Less(i, j int) bool {
	a, b := h.waiting[i], h.waiting[j]
	if c := a.due.Compare(b.due); c != 0 {
		return c < 0
	}
	return a.feed.id < b.feed.id
}

// Swap is for package heap.
func (h *timers) Swap(i, j int) {
	w := h.waiting
	w[i], w[j] = w[j], w[i]
	w[i].index, w[j].index = i, j
}

// Push is for package heap.
func (h *timers) Push(x any) {
	t := x.(*timerFeed)
	t.index = len(h.waiting)
	h.waiting = append(h.waiting, t)
}

// Pop is for package heap.
func (h *timers) Pop() any {
	last := len(h.waiting) - 1
	t := h.waiting[last]
	h.waiting[last] = nil
	h.waiting = h.waiting[:last]
	t.index = -1
	return t
}
