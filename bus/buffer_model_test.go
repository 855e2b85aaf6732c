package bus

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"zmqbus/internal/queue"
)

// naive is what a buffer has to do, written without care for speed. What the pump offers is not among what waits, and
// each event knows all that was lost directly before it, by number.
type naive struct {
	policy  Policy
	size    int
	waiting []naiveEvent
	held    []naiveEvent // what the pump took; with an offer, the one that is offered
	fresh   bool         // what is offered still has its place
	passed  []int        // lost, and not told yet
	newer   bool         // an offer is not fresh since a newer event of its topic came
	n       counts
}

type naiveEvent struct {
	topic string
	value int
	lost  []int // in any order
}

func (m *naive) room() int {
	used := len(m.waiting)
	if !m.policy.replaces() || m.fresh {
		used += len(m.held)
	}
	return m.size - used
}

// lose puts what was lost before whatever comes next.
func (m *naive) lose(lost ...int) {
	if len(m.waiting) > 0 {
		m.waiting[0].lost = append(m.waiting[0].lost, lost...)
	} else {
		m.passed = append(m.passed, lost...)
	}
}

func (m *naive) put(topic string, value int) {
	m.n.accepted++
	if m.policy == Latest {
		for i, e := range m.waiting {
			if e.topic == topic {
				m.n.conflated++
				m.waiting[i] = naiveEvent{topic, value, append(e.lost, e.value)}
				return
			}
		}
		if m.fresh && m.held[0].topic == topic {
			m.fresh, m.newer = false, true
			m.waiting = slices.Insert(m.waiting, 0, naiveEvent{topic: topic, value: value})
			return
		}
	}
	if m.room() == 0 {
		switch {
		case m.policy == DropNewest:
			m.n.dropped++
			m.passed = append(m.passed, value)
			return
		case m.fresh:
			m.fresh, m.newer = false, false
		default:
			oldest := m.waiting[0]
			m.waiting = m.waiting[1:]
			m.n.dropped++
			m.lose(append(oldest.lost, oldest.value)...)
		}
	}
	m.waiting = append(m.waiting, naiveEvent{topic, value, m.passed})
	m.passed = nil
}

// settle ends an offer, and returns what was delivered.
func (m *naive) settle(delivered bool) []naiveEvent {
	offered := m.held[0]
	fresh := m.fresh
	m.held, m.fresh = nil, false
	switch {
	case delivered:
		return []naiveEvent{offered}
	case fresh:
		m.waiting = slices.Insert(m.waiting, 0, offered)
	default:
		if m.newer {
			m.n.conflated++
		} else {
			m.n.dropped++
		}
		m.lose(append(offered.lost, offered.value)...)
	}
	return nil
}

// bufferPair is a buffer and what it is compared with.
type bufferPair struct {
	buf       buffer[int]
	hand      queue.Queue[item[int]]
	offer     item[int]
	naive     naive
	published int
	told      []int // all that was delivered, or lost before something that was
}

func TestBufferModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := rapid.SampledFrom([]Policy{DropNewest, DropOldest, Block, Latest}).Draw(t, "policy")
		size := rapid.IntRange(1, 5).Draw(t, "size")
		p := &bufferPair{
			buf:   buffer[int]{limit: 1 << 20, policy: policy, size: size},
			naive: naive{policy: policy, size: size},
		}
		actions := map[string]func(*rapid.T){"put": p.put, "": p.check}
		if policy.replaces() {
			actions["offer"], actions["settle"] = p.makeOffer, p.settle
		} else {
			actions["take"], actions["deliver"] = p.take, p.deliver
		}
		t.Repeat(actions)
	})
}

func (p *bufferPair) put(t *rapid.T) {
	if p.buf.policy == Block && p.buf.full() {
		t.Skip("nobody puts into a full one")
	}
	topic := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g"}).Draw(t, "topic")
	p.published++
	fresh := p.naive.fresh
	p.naive.put(topic, p.published)
	it := item[int]{ev: Event[int]{Topic: topic, Value: p.published}}
	if stale := p.buf.put(&it); stale != (fresh && !p.naive.fresh) {
		t.Fatalf("stale: %v", stale)
	}
}

func (p *bufferPair) take(t *rapid.T) {
	if p.hand.Len() > 0 || p.buf.ring.Len() == 0 {
		t.Skip("the pump has its hands full, or nothing to take")
	}
	p.buf.take(&p.hand)
	p.naive.held, p.naive.waiting = p.naive.waiting, nil
}

func (p *bufferPair) deliver(t *rapid.T) {
	if p.hand.Len() == 0 {
		t.Skip("the pump has nothing")
	}
	it := p.hand.Pop()
	p.buf.held--
	p.same(t, it, p.naive.held[0])
	p.naive.held = p.naive.held[1:]
}

func (p *bufferPair) makeOffer(t *rapid.T) {
	if p.buf.offered || p.buf.ring.Len() == 0 {
		t.Skip("it has an offer, or nothing to offer")
	}
	p.buf.show(&p.offer)
	p.naive.held, p.naive.fresh = p.naive.waiting[:1:1], true
	p.naive.waiting = slices.Clone(p.naive.waiting[1:])
}

func (p *bufferPair) settle(t *rapid.T) {
	if !p.buf.offered {
		t.Skip("nothing is offered")
	}
	delivered := rapid.Bool().Draw(t, "delivered")
	p.buf.endOffer(delivered)
	for _, e := range p.naive.settle(delivered) {
		p.same(t, p.offer, e)
	}
}

// same wants the event that was delivered to be e.
func (p *bufferPair) same(t *rapid.T, it item[int], e naiveEvent) {
	if it.ev.Topic != e.topic || it.ev.Value != e.value || it.ev.Lost != uint64(len(e.lost)) {
		t.Fatalf("delivered %s%d with %d lost, want %v", it.ev.Topic, it.ev.Value, it.ev.Lost, e)
	}
	p.told = append(append(p.told, e.lost...), e.value)
}

func (p *bufferPair) check(t *rapid.T) {
	b, m := &p.buf, &p.naive
	if b.n != m.n || b.full() != (m.room() == 0) {
		t.Fatalf("counts %+v, full %v; want %+v, room %d", b.n, b.full(), m.n, m.room())
	}
	waiting := m.waiting
	if m.fresh {
		waiting = slices.Concat(m.held, waiting)
	}
	if b.ring.Len() != len(waiting) {
		t.Fatalf("%d wait, want %v", b.ring.Len(), waiting)
	}
	all := slices.Clone(p.told)
	for i, e := range waiting {
		if ev := b.ring.At(i).ev; ev.Value != e.value || ev.Lost != uint64(len(e.lost)) {
			t.Fatalf("%d: %d with %d lost, want %v", i, ev.Value, ev.Lost, e)
		}
		all = append(append(all, e.lost...), e.value)
	}
	if !m.fresh {
		for _, e := range m.held {
			all = append(append(all, e.lost...), e.value)
		}
	}
	all = append(all, m.passed...)
	slices.Sort(all)
	for i, v := range all { // each event is delivered, told as lost, or waits: once
		if v != i+1 {
			t.Fatalf("of %d events these have a place: %v", p.published, all)
		}
	}
	if len(all) != p.published {
		t.Fatalf("of %d events these have a place: %v", p.published, all)
	}
}
