package monitor

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// modelStream is what a stream should be: a list that loses its head.
type modelStream struct {
	real    *Stream
	mask    Type
	room    int
	waiting []Event // Type, Conn, Seq, Snapshot only
	seq     uint64
	last    uint64 // Seq that the reader has seen
	lost    uint64
	ended   bool
}

func (m *modelStream) offer(e Event) {
	if e.Type&m.mask == 0 || m.ended {
		return
	}
	if len(m.waiting) == m.room {
		m.waiting = m.waiting[1:]
		m.lost++
	}
	m.seq++
	e.Seq = m.seq
	m.waiting = append(m.waiting, e)
}

func (m *modelStream) end() {
	if m.ended {
		return
	}
	m.ended = true
	if m.mask&MonitorStopped != 0 {
		m.seq++
		m.waiting = append(m.waiting, Event{Type: MonitorStopped, Seq: m.seq})
	}
}

// modelHub is what a hub should be, without locks, channels or maps.
type modelHub struct {
	hub      Hub
	streams  []*modelStream
	standing []Event
	stopped  bool
}

var modelTypes = []Type{Listening, Connected, Accepted, HandshakeSucceeded, Disconnected, Closed, CloseFailed,
	ConnectRetried, HandshakeFailedAuth, Dropped, PipesStats}

func (m *modelHub) record(t *rapid.T) {
	e := Event{
		Type: rapid.SampledFrom(modelTypes).Draw(t, "type"),
		Conn: ConnID(rapid.Uint64Range(0, 4).Draw(t, "conn")),
	}
	m.hub.Record(e)
	if m.stopped {
		return
	}
	switch e.Type {
	case Listening, Connected, Accepted:
		m.forget(e.Conn)
		m.keep(e)
	case HandshakeSucceeded:
		opened := false
		m.filter(func(k Event) bool {
			opened = opened || k.Conn == e.Conn
			return k.Conn != e.Conn || k.Type != HandshakeSucceeded
		})
		if opened {
			m.keep(e)
		}
	case Disconnected, Closed, CloseFailed:
		m.forget(e.Conn)
	}
	for _, s := range m.streams {
		s.offer(e)
	}
}

func (m *modelHub) keep(e Event) {
	if e.Conn != 0 {
		e.Snapshot = true
		m.standing = append(m.standing, e)
	}
}

func (m *modelHub) forget(c ConnID) { m.filter(func(k Event) bool { return k.Conn != c }) }

func (m *modelHub) filter(stays func(Event) bool) {
	var rest []Event
	for _, k := range m.standing {
		if stays(k) {
			rest = append(rest, k)
		}
	}
	m.standing = rest
}

func (m *modelHub) subscribe(t *rapid.T) {
	mask := rapid.SampledFrom([]Type{0, All, Connected | Disconnected, Listening | MonitorStopped, standingTypes,
		All | Dropped | PipesStats}).Draw(t, "mask")
	s := &modelStream{mask: mask, room: rapid.IntRange(1, 4).Draw(t, "buffer")}
	opts := []Option{Buffer(s.room)}
	if mask == 0 {
		s.mask = All
	}
	if rapid.Bool().Draw(t, "snapshot") {
		opts = append(opts, WithSnapshot())
		for _, e := range m.standing {
			if e.Type&s.mask != 0 {
				s.room++
			}
		}
		for _, e := range m.standing {
			s.offer(e)
		}
	}
	s.real = m.hub.Subscribe(mask, opts...)
	if m.stopped {
		s.end()
	}
	m.streams = append(m.streams, s)
}

// read takes up to n events of a stream and compares them with the model's.
func (s *modelStream) read(t *rapid.T, n int) {
	for range min(n, len(s.waiting)) {
		want := s.waiting[0]
		s.waiting = s.waiting[1:]
		want.Lost = want.Seq - s.last - 1
		s.last = want.Seq
		e, err := s.real.Next(t.Context())
		got := Event{Type: e.Type, Conn: e.Conn, Seq: e.Seq, Snapshot: e.Snapshot, Lost: e.Lost}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("%v %s", err, diff)
		}
	}
}

func (m *modelHub) stop() {
	m.hub.Stop()
	m.stopped, m.standing = true, nil
	for _, s := range m.streams {
		s.end()
	}
}

// check compares what can be seen without reading.
func (m *modelHub) check(t *rapid.T) {
	var wanted Type
	for i, s := range m.streams {
		if len(s.real.C()) != len(s.waiting) || s.real.Lost() != s.lost {
			t.Fatalf("stream %d: %d wait, %d lost; want %d, %d", i, len(s.real.C()), s.real.Lost(), len(s.waiting), s.lost)
		}
		if !s.ended {
			wanted |= s.mask
		}
	}
	for _, n := range typeNames {
		if want := (wanted|standingTypes)&n.t != 0; m.hub.Wants(n.t) != want {
			t.Fatalf("Wants(%s) is %v", n.name, !want)
		}
	}
}

// Any sequence of calls gives each stream exactly what the model says: numbers, losses, snapshot and end.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &modelHub{}
		pick := func(t *rapid.T) *modelStream {
			if len(m.streams) == 0 {
				t.Skip("no stream")
			}
			return m.streams[rapid.IntRange(0, len(m.streams)-1).Draw(t, "stream")]
		}
		t.Repeat(map[string]func(*rapid.T){
			"record":    m.record,
			"record2":   m.record, // twice as likely as the rest
			"subscribe": m.subscribe,
			"forget": func(t *rapid.T) {
				c := ConnID(rapid.Uint64Range(0, 4).Draw(t, "conn"))
				m.hub.Forget(c)
				m.forget(c)
			},
			"read": func(t *rapid.T) { pick(t).read(t, rapid.IntRange(1, 3).Draw(t, "n")) },
			"stop stream": func(t *rapid.T) {
				s := pick(t)
				s.real.Stop()
				s.end()
			},
			"stop hub": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "luck") == 0 {
					m.stop()
				}
			},
			"": m.check,
		})
		m.stop()
		for _, s := range m.streams {
			s.read(t, len(s.waiting))
			if e, err := s.real.Next(t.Context()); err != ErrClosed {
				t.Fatalf("after the end: %v, %v", e, err)
			}
		}
	})
}
