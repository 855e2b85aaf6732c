package socket

import (
	"log/slog"
	"time"

	"zmqbus/monitor"
)

// dropNoteDelay is how long drops are collected into one DROPPED event.
const dropNoteDelay = 10 * time.Millisecond

// dropKey tells DROPPED events apart: at most one is pending for each.
type dropKey struct {
	endpoint string
	conn     monitor.ConnID
	reason   string
}

// dropNotes collects drops between two DROPPED events.
type dropNotes struct {
	pending map[dropKey]uint64
	timer   *time.Timer // owned by the socket: stopped by Close
}

// noteDrop counts a drop by its reason, and announces it soon if somebody listens.
func (s *Socket) noteDrop(p *pipe, reason string, n uint64) {
	s.stats.reasons[reason] += n
	if !s.hub.Wants(monitor.Dropped) {
		return
	}
	k := dropKey{reason: reason}
	if p != nil {
		k.endpoint, k.conn = p.endpoint(), p.connID()
	}
	if s.drops.pending == nil {
		s.drops.pending = map[dropKey]uint64{}
	}
	s.drops.pending[k] += n
	if s.drops.timer == nil && !s.dead {
		s.drops.timer = time.AfterFunc(dropNoteDelay, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.announceDrops()
		})
	}
}

func (s *Socket) announceDrops() {
	if s.drops.timer != nil {
		s.drops.timer.Stop()
		s.drops.timer = nil
	}
	for k, n := range s.drops.pending {
		s.hub.Record(monitor.Event{Type: monitor.Dropped, Endpoint: k.endpoint, Conn: k.conn, Count: n, Reason: k.reason})
	}
	s.drops.pending = nil
}

// noteFull and noteRelieved announce that a pipe reached its high-water mark, and that it is half empty again.
func (p *pipe) noteFull() {
	if !p.full {
		p.full = true
		p.note(monitor.Full)
	}
}

func (p *pipe) noteRelieved() {
	if p.full && p.pending() <= p.s.st.sendHWM/2 {
		p.full = false
		p.note(monitor.Relieved)
	}
}

func (p *pipe) noteRefused() {
	e := p.event(monitor.Refused, 0)
	e.Reason = "another peer holds its place"
	p.s.hub.Record(e)
	p.s.logLater(slog.LevelWarn, "peer refused: another holds its place", "endpoint", p.endpoint(), "type", p.s.typ, "identity", p.peerInfo.Identity)
}

func (p *pipe) note(t monitor.Type) {
	if p.s.hub.Wants(t) {
		p.s.hub.Record(p.event(t, 0))
	}
}

// event is an event about the pipe's connection, or the pipe itself while it has none.
func (p *pipe) event(t monitor.Type, value int64) monitor.Event {
	if p.conn != nil {
		return p.conn.event(t, value)
	}
	return monitor.Event{Type: t, Value: value, Endpoint: p.endpoint(), Conn: p.connID(), Peer: p.peerInfo}
}

func (p *pipe) connID() monitor.ConnID {
	if p.conn != nil {
		return p.conn.id
	}
	return p.inprocID
}

func (p *pipe) endpoint() string {
	if p.conn != nil {
		return p.conn.endpoint
	}
	return p.ep.resolved
}
