package monitor

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// standingTypes are the events that the hub must see even when no stream wants them, since a snapshot that is asked
// for later is made of them.
const standingTypes = Listening | Connected | Accepted | HandshakeSucceeded | Disconnected | Closed | CloseFailed

// Hub takes a socket's events and gives them to its streams. The zero value is ready; a Hub must not be copied. All
// methods may be called from any goroutine, and none blocks for longer than handing one event to each stream takes.
type Hub struct {
	wanted atomic.Uint64 // union of the streams' masks; written under mu, read without

	mu       sync.Mutex // guards what follows and every send to and close of a stream's channel
	streams  []*Stream
	standing map[ConnID][]kept // what a snapshot tells: per id the opening event, then the handshake's
	order    uint64            // counts kept events, so that a snapshot can be sorted
	stopped  bool
}

type kept struct {
	order uint64
	event Event
}

// Wants reports whether recording an event of type t could have an effect, so that a caller can skip the work of
// making one. It takes no lock. Events that a later snapshot depends on are always wanted.
func (h *Hub) Wants(t Type) bool {
	return (Type(h.wanted.Load())|standingTypes)&t != 0
}

// Record gives e to every stream whose mask has its type. It never blocks: a full stream loses its oldest event.
// Time is filled in when it is zero; Seq, Snapshot and Lost belong to the streams, what the caller put there is
// ignored. Concurrent calls are ordered by the hub, the same way for all streams. After Stop it does nothing; nor
// does it for MONITOR_STOPPED, which the hub itself sends.
func (h *Hub) Record(e Event) {
	if !h.Wants(e.Type) || e.Type == MonitorStopped {
		return
	}
	e.Snapshot, e.Lost = false, 0
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return
	}
	// The clock is read under the lock, so that times ascend as Seq does.
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	h.keep(e)
	for _, s := range h.streams {
		s.offer(e)
	}
}

// keep brings what stands up to date. The caller holds mu.
func (h *Hub) keep(e Event) {
	if e.Conn == 0 {
		return
	}
	switch e.Type {
	case Listening, Connected, Accepted:
		if h.standing == nil {
			h.standing = make(map[ConnID][]kept)
		}
		h.order++
		h.standing[e.Conn] = []kept{{h.order, e}}
	case HandshakeSucceeded:
		// Only behind its connection: one that was forgotten meanwhile must not come back.
		if k := h.standing[e.Conn]; len(k) > 0 {
			h.order++
			h.standing[e.Conn] = append(k[:1], kept{h.order, e})
		}
	case Closed, CloseFailed, Disconnected:
		delete(h.standing, e.Conn)
	}
}

// Forget takes connection or listener c out of later snapshots without an event, since a voluntary local close has
// none. Streams that exist are told nothing. An unknown id is no error.
func (h *Hub) Forget(c ConnID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.standing, c)
}

// Subscribe returns a new stream of the events in mask, 0 meaning [All]. It does not block and starts no goroutine.
// The stream ends with its Stop or the hub's; one that is neither read nor stopped costs its buffer until then. After
// Stop, the stream holds MONITOR_STOPPED if mask has it, and has ended.
func (h *Hub) Subscribe(mask Type, opts ...Option) *Stream {
	if mask == 0 {
		mask = All
	}
	o := options{buffer: DefaultBuffer}
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var past []Event
	if o.snapshot {
		past = h.snapshot(mask)
	}
	s := &Stream{hub: h, mask: mask, ch: make(chan Event, o.buffer+len(past)+1), turn: make(chan struct{}, 1)}
	for _, e := range past {
		s.offer(e)
	}
	if h.stopped {
		s.end()
		return s
	}
	h.streams = append(h.streams, s)
	h.wanted.Or(uint64(mask))
	return s
}

// snapshot returns the events in mask of all that stands, oldest first. The caller holds mu.
func (h *Hub) snapshot(mask Type) []Event {
	var all []kept
	for _, ks := range h.standing {
		for _, k := range ks {
			if k.event.Type&mask != 0 {
				all = append(all, k)
			}
		}
	}
	slices.SortFunc(all, func(a, b kept) int { return cmp.Compare(a.order, b.order) })
	events := make([]Event, len(all))
	for i, k := range all {
		events[i] = k.event
		events[i].Snapshot = true
	}
	return events
}

// Stop gives MONITOR_STOPPED to every stream that wants it, as its last event, and closes them all. Events recorded
// later are ignored. It does not block, and calling it again does nothing.
func (h *Hub) Stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return
	}
	h.stopped = true
	for _, s := range h.streams {
		s.end()
	}
	h.streams, h.standing = nil, nil
	h.wanted.Store(0)
}

// remove ends one stream, if it has not ended yet.
func (h *Hub) remove(s *Stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.Index(h.streams, s)
	if i < 0 {
		return
	}
	h.streams = slices.Delete(h.streams, i, i+1)
	s.end()
	var union Type
	for _, s := range h.streams {
		union |= s.mask
	}
	h.wanted.Store(uint64(union))
}
