package bus_test

import (
	"context"
	"errors"
	"slices"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"zmqbus/bus"
)

// check compares the bus with the reference, when nothing moves.
func (m *model) check(t *rapid.T) {
	time.Sleep(collected) // losses are announced by then
	synctest.Wait()
	m.readLosses(t)
	st := m.real.Stats()
	for _, s := range m.subs {
		s.check(t)
		if !s.ended {
			if len(st.Subscriptions) == 0 || st.Subscriptions[0] != s.stats() {
				t.Fatalf("Bus.Stats has %+v, want next %+v", st.Subscriptions, s.stats())
			}
			st.Subscriptions = st.Subscriptions[1:]
		}
	}
	if len(st.Subscriptions) > 0 {
		t.Fatalf("Bus.Stats also has %+v", st.Subscriptions)
	}
	for _, topic := range st.Topics {
		key := bus.TopicStats{Prefix: topic.Prefix, Type: topic.Type}
		if want := m.ref.published[key]; topic != want {
			t.Fatalf("a topic has %+v, want %+v", topic, want)
		}
	}
	m.pubs = slices.DeleteFunc(m.pubs, func(p *modelPublish) bool { return p.check(t) })
	for kind := range m.decodes {
		encodes, decodes := int(m.encodes[kind].Load()), int(m.decodes[kind].Load())
		if encodes != m.ref.encodes[kind] || decodes != m.ref.decodes[kind] {
			t.Fatalf("kind %d: %d encoded, %d decoded; want %d, %d",
				kind, encodes, decodes, m.ref.encodes[kind], m.ref.decodes[kind])
		}
	}
	m.checkWait(t)
}

// stats are what Stats should tell.
func (s *modelSubscription) stats() bus.SubscriptionStats {
	n := s.n
	n.Depth, n.InChannel, n.Waiting = len(s.waiting), len(s.inC), len(s.line)
	return n
}

func (s *modelSubscription) check(t *rapid.T) {
	if diff := cmp.Diff(s.stats(), s.real.Stats()); diff != "" {
		t.Fatalf("%s: %s", s.n.Name, diff)
	}
	for len(s.events) > 0 {
		s.read = append(s.read, <-s.events)
	}
	if !slices.Equal(s.read, s.refSub.read) {
		t.Fatalf("%s, %+v: read %v, want %v", s.n.Name, s.stats(), s.read, s.refSub.read)
	}
	s.read, s.refSub.read = nil, nil
	if !slices.Equal(s.hook.payloads, s.hooked) {
		t.Fatalf("%s: OnDecodeError got %v, want %v", s.n.Name, s.hook.payloads, s.hooked)
	}
	ended := false
	select {
	case <-s.real.Done():
		ended = true
	default:
	}
	if err := s.real.Err(); ended != s.ended || !errors.Is(err, s.err) || s.err == nil && err != nil {
		t.Fatalf("%s: ended %v with %v, want %v with %v", s.n.Name, ended, err, s.ended, s.err)
	}
	lost := s.n.Dropped + s.n.Conflated
	if s.told != lost {
		t.Fatalf("%s: lost %d, announced %d; ended: %v", s.n.Name, lost, s.told, ended)
	}
}

// readLosses takes what the bus announces.
func (m *model) readLosses(t *rapid.T) {
	for len(m.losses.C()) > 0 {
		e := <-m.losses.C()
		i := slices.IndexFunc(m.subs, func(s *modelSubscription) bool { return s.n.Name == e.Endpoint })
		if i < 0 || e.Topic != m.subs[i].prefix || e.Reason != m.subs[i].policy.String() || e.Count == 0 {
			t.Fatalf("a loss of %q, topic %q, reason %q, count %d", e.Endpoint, e.Topic, e.Reason, e.Count)
		}
		m.subs[i].told += e.Count
	}
}

// check compares a call of Publish, and reports whether it is over.
func (p *modelPublish) check(t *rapid.T) bool {
	if len(p.result) == 0 {
		if p.over {
			t.Fatalf("the publisher of %v still waits", p.ev)
		}
		return false
	}
	err := <-p.result
	var partial *bus.PartialError
	var op *bus.OpError
	switch {
	case !p.over:
		t.Fatalf("the publisher of %v does not wait: %v", p.ev, err)
	case p.refused != nil:
		if !errors.Is(err, p.refused) || !errors.As(err, &op) {
			t.Fatalf("Publish: %v, want %v", err, p.refused)
		}
	case p.missed == nil:
		if err != nil {
			t.Fatalf("Publish: %v", err)
		}
	case !errors.As(err, &partial) || partial.Topic != p.ev.topic || !slices.Equal(partial.Missed, p.missed) ||
		!errors.Is(err, p.cause):
		t.Fatalf("Publish: %v, want %q missed, %v", err, p.missed, p.cause)
	}
	return true
}

// checkWait asks WaitSubscribers, which needs not wait, how many subscriptions match.
func (m *model) checkWait(t *rapid.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, topic := range []string{"a.x", "a"} {
		n := len(m.ref.match(topic))
		enough := m.real.WaitSubscribers(ended, topic, n)
		short := m.real.WaitSubscribers(ended, topic, n+1)
		want := [2]error{nil, context.Canceled}
		if m.ref.closing {
			want = [2]error{m.ref.closed, m.ref.closed}
		}
		if !errors.Is(enough, want[0]) || !errors.Is(short, want[1]) {
			t.Fatalf("%d subscribers of %q: %v, %v; want %v", n, topic, enough, short, want)
		}
	}
}

// finish ends the bus in order, and reads what there is.
func (m *model) finish(t *rapid.T) {
	m.drain()
	m.check(t)
	for _, s := range m.subs {
		for len(s.inC)+len(s.waiting)+len(s.line) > 0 {
			m.ref.receive(s.refSub)
			ev, _ := s.real.receive(false)
			s.events <- ev
			m.check(t)
		}
	}
	synctest.Wait()
	for _, s := range m.subs {
		if !s.ended {
			t.Fatalf("%s has not ended", s.n.Name)
		}
		if ev, outcome := s.real.receive(false); outcome != closed {
			t.Fatalf("%s: %v (%d) after the end", s.n.Name, ev, outcome)
		}
	}
	m.checkEnd(t)
}

// checkEnd compares what Close tells, when all subscriptions have ended.
func (m *model) checkEnd(t *rapid.T) {
	synctest.Wait()
	select {
	case <-m.real.Done():
	default:
		t.Fatal("the bus has not ended")
	}
	var want *bus.UndeliveredError
	for _, s := range m.ref.draining {
		if s.n.Discarded > 0 && m.hurried != nil && (s.err == m.hurried || errors.Is(s.err, bus.ErrClosed)) { // else it ended by itself
			if want == nil {
				want = &bus.UndeliveredError{Err: m.hurried}
			}
			want.Events += int(s.n.Discarded)
			want.Subscriptions = append(want.Subscriptions, s.n.Name)
		}
	}
	results := []error{m.real.Close(context.Background())}
	if m.result != nil {
		results = append(results, <-m.result)
	}
	for _, err := range results {
		var got *bus.UndeliveredError
		if errors.As(err, &got) != (want != nil) || err != nil && want == nil {
			t.Fatalf("Close: %v, want %v", err, want)
		}
		if want != nil && (got.Events != want.Events || !slices.Equal(got.Subscriptions, want.Subscriptions) ||
			got.Messages != 0 || got.Err != want.Err) {
			t.Fatalf("Close: %v, want %v", err, want)
		}
	}
}
