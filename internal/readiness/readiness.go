// Package readiness is how a source tells those who wait that it has become ready: sockets, monitor streams and
// adapters are the producers, poller and reactor the waiters. package poller shows the types to users.
//
// The protocol, which loses no wake-up:
//
//   - A producer first makes what it has visible, then calls Waiter.Notify (or Waiters.Notify).
//   - A waiter first calls Waiter.Arm, then looks at the level, then sleeps until its wake function is called.
//
// Whichever comes second sees the other. Between two calls of Arm the wake function is called at most once, so a
// producer under load pays an atomic load.
package readiness

import "sync/atomic"

// Events is a set of conditions, with the numbers of zmq_poll(3).
type Events uint16

// What a source can be ready for.
const (
	In  Events = 1 // a message can be received, or a descriptor read
	Out Events = 2 // a message can be sent, or a descriptor written
	Err Events = 4 // descriptors only: hung up, in error, or not open
	Pri Events = 8 // descriptors only: urgent data
)

// armed marks an armed waiter that is interested in no event: the end of its source still wakes it.
const armed = 1 << 16

// all is every event, and the end of the source.
const all = 1<<17 - 1

// Waiter is one interest in one source. Its methods may be called from any goroutine.
type Waiter struct {
	interest atomic.Uint32 // 0 while not armed
	wake     func()
}

// NewWaiter returns a waiter that is not armed. wake is called by the producer, under the producer's locks: it must
// not block and not call the source.
func NewWaiter(wake func()) *Waiter { return &Waiter{wake: wake} }

// Arm asks for one wake-up, when the source has become ready for one of ev, or has ended. The caller looks at the
// source's level after it.
func (w *Waiter) Arm(ev Events) { w.interest.Store(armed | uint32(ev)) }

// Disarm takes Arm back. A wake-up that has begun is not stopped by it.
func (w *Waiter) Disarm() { w.interest.Store(0) }

// Notify wakes the waiter if it is armed for one of ev. The caller has made the new level visible before.
func (w *Waiter) Notify(ev Events) { w.notify(uint32(ev)) }

// NotifyEnd wakes the waiter if it is armed: its source has ended, and its level is an error now.
func (w *Waiter) NotifyEnd() { w.notify(all) }

func (w *Waiter) notify(what uint32) {
	if w.interest.Load()&what != 0 && w.interest.Swap(0) != 0 {
		w.wake()
	}
}

// Waiters is a producer's set of waiters. The producer's lock guards it.
type Waiters struct{ list []*Waiter }

// Add puts w into the set. A waiter is in it once.
func (l *Waiters) Add(w *Waiter) {
	l.Remove(w)
	l.list = append(l.list, w)
}

// Remove takes w out. One that is not in it is ignored.
func (l *Waiters) Remove(w *Waiter) {
	for i, x := range l.list {
		if x == w {
			last := len(l.list) - 1
			l.list[i], l.list[last] = l.list[last], nil
			l.list = l.list[:last]
			return
		}
	}
}

// Notify is Waiter.Notify for all.
func (l *Waiters) Notify(ev Events) {
	for _, w := range l.list {
		w.notify(uint32(ev))
	}
}

// NotifyEnd is Waiter.NotifyEnd for all.
func (l *Waiters) NotifyEnd() {
	for _, w := range l.list {
		w.notify(all)
	}
}
