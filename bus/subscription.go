package bus

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"zmqbus/internal/queue"
)

// channelRoom is the capacity of C where what is in it cannot go stale.
const channelRoom = 64

// Subscription delivers the events of a prefix on a channel. All its methods may be called from any goroutine. It ends
// with the context given to Subscribe, with Close, or with its bus.
type Subscription[T any] struct {
	bus    *Bus
	codec  Codec[T]
	filter string
	name   string
	seq    uint64
	c      chan Event[T]
	hook   func(*DecodeError)
	unhook func() bool // stops watching Subscribe's context

	wake    chan struct{} // pokes the pump; has room for one
	stopped chan struct{} // closed when it ends at once
	done    chan struct{} // closed when the pump has ended

	_    [64]byte             // publishers do not write what the pump writes for each event
	hand queue.Queue[item[T]] // the pump's own: what it has taken
	owed uint64               // the pump's own: losses to be told with the next event, since theirs could not be decoded
	held atomic.Int64         // how much of that it has not delivered yet; written by the pump
	// halted is stopped as a flag, cheap enough to be asked before each event.
	halted atomic.Bool
	_      [64]byte

	mu       sync.Mutex // guards what follows
	buf      buffer[T]
	line     []blocked[T] // who waits for room, first come first served
	idle     bool         // the pump sleeps: the next event has to wake it
	draining bool         // it ends when it is empty
	ended    bool         // nothing is taken any more
	err      error
	slow     slowness
	losses   losses
}

// blocked is an event that waits for room, and who gave it.
type blocked[T any] struct {
	it item[T]
	w  *waiter
}

// C returns the channel of events, always the same one. It is closed when the subscription has ended; what is in it
// stays readable. Several readers share the events. Its capacity is 64, or Buffer if that is less, and 0 with DropOldest
// and Latest, so that nothing in it can go stale.
func (s *Subscription[T]) C() <-chan Event[T] { return s.c }

// Done returns a channel that is closed when the subscription has ended, C included.
func (s *Subscription[T]) Done() <-chan struct{} { return s.done }

// Err returns why the subscription ended: nil while it has not and after Close, context.Cause of the context that
// ended it, or an error that matches [ErrClosed] when the bus did.
func (s *Subscription[T]) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close ends the subscription: what has not been put into C is dropped, and counted as Discarded. It returns when C is
// closed, always nil; upstream is told in the background. It may be called again. It must not be called from
// OnDecodeError's function or from a codec, which run on the subscription's goroutine.
func (s *Subscription[T]) Close() error {
	s.stop(nil)
	<-s.done
	return nil
}

// String returns the subscription's name.
func (s *Subscription[T]) String() string { return s.name }

// Stats returns a snapshot of the counters, also after the end. It does not block.
func (s *Subscription[T]) Stats() SubscriptionStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sync()
	n := s.buf.n
	return SubscriptionStats{
		Name: s.name, Prefix: s.filter, Policy: s.buf.policy.String(), Buffer: s.buf.size,
		Accepted: n.accepted, Delivered: n.delivered, Dropped: n.dropped, Conflated: n.conflated,
		Undecodable: n.undecodable, Discarded: n.discarded,
		Depth: s.buf.depth(), InChannel: len(s.c), Waiting: len(s.line),
	}
}

func (s *Subscription[T]) order() uint64  { return s.seq }
func (s *Subscription[T]) policy() Policy { return s.buf.policy }
func (s *Subscription[T]) prefix() string { return s.filter }

// offer gives the subscription an event, which it copies. It never blocks: with outcome waits, w is in line and is told
// when the event was taken; without a w nothing is given then.
func (s *Subscription[T]) offer(it *item[T], w *waiter) outcome {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return gone
	}
	if s.buf.full() {
		s.sync() // only then: the pump writes held for each event
	}
	if s.buf.policy == Block && (len(s.line) > 0 || s.buf.full()) {
		if w != nil {
			s.line = append(s.line, blocked[T]{*it, w})
			s.slow.begin(s.bus.slow, s.warnSlow)
		}
		s.mu.Unlock()
		return waits
	}
	s.slow.relieve(s.relieved()) // before it takes room, which may be all there is
	poke := s.buf.put(it) || s.idle
	s.idle = false
	s.noteLosses()
	s.mu.Unlock()
	if poke {
		s.poke()
	}
	return taken
}

// sync takes over what the pump has delivered since. The caller holds mu.
func (s *Subscription[T]) sync() {
	if now := int(s.held.Load()); now < s.buf.held {
		s.buf.delivered(now)
	}
}

func (s *Subscription[T]) offerRaw(m raw, w *waiter) outcome {
	it := item[T]{ev: Event[T]{Topic: m.topic, Time: m.time, Source: m.source}, payload: m.payload}
	return s.offer(&it, w)
}

func (s *Subscription[T]) withdraw(w *waiter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.line, func(b blocked[T]) bool { return b.w == w })
	if i < 0 {
		return false
	}
	s.line = slices.Delete(s.line, i, i+1)
	return true
}

// letIn lets those in who wait, as far as there is room. The caller holds mu.
func (s *Subscription[T]) letIn() {
	n := 0
	for n < len(s.line) && !s.buf.full() {
		s.buf.put(&s.line[n].it)
		s.line[n].w.tell(taken)
		n++
	}
	s.line = slices.Delete(s.line, 0, n)
}

func (s *Subscription[T]) poke() {
	select {
	case s.wake <- struct{}{}:
	default: // it has been poked already
	}
}

func (s *Subscription[T]) drain() {
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	s.poke()
}

func (s *Subscription[T]) stop(cause error) {
	s.bus.forget(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.finish(cause)
	s.halted.Store(true)
	close(s.stopped)
}

// finish takes nothing any more. The caller holds mu.
func (s *Subscription[T]) finish(cause error) {
	s.ended, s.err = true, cause
	for _, b := range s.line {
		b.w.tell(gone)
	}
	s.line = nil
	s.slow.end()
	s.losses.alarm.clear()
	if s.unhook != nil {
		s.unhook()
	}
}

func (s *Subscription[T]) undelivered(why error) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != why && !errors.Is(s.err, ErrClosed) {
		return 0
	}
	return int(s.buf.n.discarded)
}
