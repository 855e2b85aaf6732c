package monitor

import (
	"context"
	"iter"
	"sync/atomic"
	"time"

	"zmqbus/internal/readiness"
)

// DefaultBuffer is a stream's room in events, unless Buffer says otherwise. libzmq's monitor holds as many (two
// high-water marks of 1,000) before it blocks; below that, nothing may be lost.
const DefaultBuffer = 2000

// MaxBuffer bounds Buffer, since the room is allocated when the stream is made.
const MaxBuffer = 1 << 20

// Option changes a stream that [Hub.Subscribe] makes.
type Option func(*options)

type options struct {
	buffer   int
	snapshot bool
}

// Buffer gives a stream room for n unread events, about 250 bytes each, allocated at once. Below 1 it is
// [DefaultBuffer], above [MaxBuffer] it is that.
func Buffer(n int) Option {
	return func(o *options) {
		if n < 1 {
			n = DefaultBuffer
		}
		o.buffer = min(n, MaxBuffer)
	}
}

// WithSnapshot starts a stream with what stands: listeners, connections and finished handshakes, as far as the mask
// has their types. They come on top of the buffer's room.
func WithSnapshot() Option { return func(o *options) { o.snapshot = true } }

// Stream is one listener's sequence of events. Its methods may be called from any goroutine. Read it either through
// C, or through Next and All: these see an event that C took as lost.
type Stream struct {
	hub  *Hub
	mask Type
	ch   chan Event // the hub is the only sender and closer, under its lock; the last place is MONITOR_STOPPED's
	lost atomic.Uint64

	seq     uint64            // of the newest event; guarded by hub.mu
	ended   bool              // ch is closed; guarded by hub.mu
	waiters readiness.Waiters // guarded by hub.mu

	turn chan struct{} // held by the one Next that may receive; a mutex that a context can leave
	last uint64        // Seq of the event that Next returned last; belongs to the holder of turn
}

// C returns the channel of events, always the same one. It is closed after the last event. Gaps in [Event.Seq] are
// the caller's to notice.
func (s *Stream) C() <-chan Event { return s.ch }

// Next returns the next event, with [Event.Lost] set, and blocks until there is one. It returns context.Cause when ctx
// has ended, even if events wait, and an error that matches [ErrClosed] after the last event. Concurrent calls take
// turns.
func (s *Stream) Next(ctx context.Context) (Event, error) {
	if ctx == nil {
		return Event{}, errNilContext
	}
	if ctx.Err() != nil {
		return Event{}, context.Cause(ctx)
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return Event{}, context.Cause(ctx)
	}
	defer func() { <-s.turn }()
	select {
	case e, ok := <-s.ch:
		if !ok {
			return Event{}, ErrClosed
		}
		e.Lost = e.Seq - s.last - 1
		s.last = e.Seq
		return e, nil
	case <-ctx.Done():
		return Event{}, context.Cause(ctx)
	}
}

// All returns the events as a sequence that ends after the last one or with ctx. It is Next in a loop, and can be
// left and taken up again.
func (s *Stream) All(ctx context.Context) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for {
			e, err := s.Next(ctx)
			if err != nil || !yield(e) {
				return
			}
		}
	}
}

// Lost returns how many events the stream has lost so far because nobody read them in time. It does not block.
func (s *Stream) Lost() uint64 { return s.lost.Load() }

// Stop ends the stream: MONITOR_STOPPED if the mask has it, then the channel is closed. What is in it stays readable.
// It does not block, and calling it again, or after the hub's Stop, does nothing. Other streams go on.
func (s *Stream) Stop() { s.hub.remove(s) }

// offer numbers e and puts it into the channel if the mask has its type. It does not block: the hub is the only
// sender, so room that is seen or made here stays. The caller holds hub.mu.
func (s *Stream) offer(e Event) {
	if e.Type&s.mask == 0 {
		return
	}
	for len(s.ch) >= cap(s.ch)-1 {
		select {
		case <-s.ch:
			s.lost.Add(1)
		default: // the reader was faster
		}
	}
	s.seq++
	e.Seq = s.seq
	s.ch <- e
	s.waiters.Notify(readiness.In)
}

// end gives MONITOR_STOPPED its place and closes the channel. The caller holds hub.mu and calls it once.
func (s *Stream) end() {
	if s.mask&MonitorStopped != 0 {
		s.seq++
		s.ch <- Event{Type: MonitorStopped, Seq: s.seq, Time: time.Now()}
	}
	s.ended = true
	close(s.ch)
	s.waiters.NotifyEnd()
}
