package reactor

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// modelSource is what the model knows of one source.
type modelSource struct {
	id           ID
	direct       bool
	paused, more bool
	waited       int // events of others taken since it joined the line, at times when it could have been served
	bound        int // what waited may come to
}

// modelCore is what the core should be: slices that are searched.
type modelCore struct {
	real   *core
	budget int
	known  []*modelSource
	line   []*modelSource // in order of arrival
	turn   *modelSource   // nil between turns; one that is removed meanwhile is not in known
	quota  int
	room   int // at the beginning of the turn
	last   ID
}

func (m *modelCore) join(s *modelSource) {
	if !s.more || s.paused || s == m.turn || slices.Contains(m.line, s) {
		return
	}
	others := len(m.known) - 1
	if m.turn != nil && !slices.Contains(m.known, m.turn) {
		others++ // has been removed, and what it takes still comes first
	}
	s.more, s.waited, s.bound = false, 0, m.budget*others
	m.line = append(m.line, s)
}

func (m *modelCore) leave(s *modelSource) {
	if i := slices.Index(m.line, s); i >= 0 {
		m.line = slices.Delete(m.line, i, i+1)
		s.more = true
	}
}

// pick draws a source that is known, or an id that is not, with nil.
func (m *modelCore) pick(t *rapid.T) (ID, *modelSource) {
	n := rapid.IntRange(0, len(m.known)).Draw(t, "source")
	if n == len(m.known) {
		return m.last + 1, nil
	}
	return m.known[n].id, m.known[n]
}

func (m *modelCore) next(t *rapid.T) {
	if m.turn != nil {
		return
	}
	m.room = rapid.SampledFrom([]int{0, 1, 3, 64}).Draw(t, "room")
	id, quota, ok := m.real.next(m.room)
	i := slices.IndexFunc(m.line, func(s *modelSource) bool { return s.direct || m.room > 0 })
	if ok != (i >= 0) {
		t.Fatalf("next is %d, %v; the model has %d in line", id, ok, len(m.line))
	}
	if i < 0 {
		return
	}
	m.turn, m.quota = m.line[i], m.budget
	if !m.turn.direct {
		m.quota = min(m.budget, m.room)
	}
	if id != m.turn.id || quota != m.quota {
		t.Fatalf("next is %d x%d, want %d x%d", id, quota, m.turn.id, m.quota)
	}
	if m.turn.waited > m.turn.bound {
		t.Fatalf("%d is served after %d events, more than %d", id, m.turn.waited, m.turn.bound)
	}
	m.line = slices.Delete(m.line, i, i+1)
}

func (m *modelCore) served(t *rapid.T) {
	if m.turn == nil {
		return
	}
	took, more := rapid.IntRange(0, m.quota).Draw(t, "took"), rapid.Bool().Draw(t, "more")
	s := m.turn
	m.turn = nil
	m.real.served(s.id, more)
	for _, other := range m.line {
		if other.direct || m.room > 0 {
			other.waited += took
		}
	}
	s.more = s.more || more
	if slices.Contains(m.known, s) {
		m.join(s)
	}
}

// Any sequence of calls gives the turns that the model gives, within the bound that the core promises.
func TestCoreModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		budget := rapid.IntRange(1, 16).Draw(t, "budget")
		m := &modelCore{budget: budget, real: newCore(budget)}
		ready := func(t *rapid.T) {
			id, s := m.pick(t)
			m.real.ready(id)
			if s != nil && !slices.Contains(m.line, s) {
				s.more = true
				m.join(s)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				m.last++
				s := &modelSource{id: m.last, direct: rapid.Bool().Draw(t, "direct")}
				m.real.add(s.id, s.direct)
				m.known = append(m.known, s)
			},
			"ready": ready, "ready2": ready, // twice as likely as the rest
			"remove": func(t *rapid.T) {
				id, s := m.pick(t)
				m.real.remove(id)
				if s != nil {
					m.leave(s)
					m.known = slices.DeleteFunc(m.known, func(k *modelSource) bool { return k == s })
				}
			},
			"pause": func(t *rapid.T) {
				id, s := m.pick(t)
				m.real.pause(id)
				if s != nil {
					m.leave(s)
					s.paused = true
				}
			},
			"resume": func(t *rapid.T) {
				id, s := m.pick(t)
				m.real.resume(id)
				if s != nil {
					s.paused = false
					m.join(s)
				}
			},
			"next": m.next, "next2": m.next,
			"served": m.served, "served2": m.served,
		})
		m.served(t)
		for len(m.line) > 0 { // nobody is forgotten
			n := len(m.line)
			if m.next(t); len(m.line) < n {
				m.served(t)
			}
		}
	})
}
