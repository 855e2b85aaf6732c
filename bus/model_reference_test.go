package bus_test

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"zmqbus/bus"
)

// refEvent is an event as a subscription has it.
type refEvent struct {
	topic, value string
	at           time.Time
	lost         uint64
	raw          bool // it is still to be decoded
}

// refPublish is a call of Publish.
type refPublish struct {
	ev      refEvent
	kind    refKind
	ctx     context.Context
	targets []*refSub // with policy Block, in order
	next    int       // the target that it is at
	refused error     // nobody got the event
	missed  []string
	cause   error
	over    bool
}

// refSub is what a subscription is to be: what is in C, what waits for a place there, and who waits for a place among
// these, each a list.
type refSub struct {
	kind     refKind
	prefix   string
	policy   bus.Policy
	size     int
	room     int // in C
	inC      []refEvent
	waiting  []refEvent
	line     []*refPublish
	reader   bool       // somebody waits for the next event
	read     []refEvent // what readers got
	gap      uint64     // losses to tell with the next event that comes in
	draining bool
	ended    bool
	err      error
	n        bus.SubscriptionStats
	hooked   []string // payloads that OnDecodeError got
}

// refBus is the rules of a bus without links.
type refBus struct {
	subs      []*refSub // in subscription order, with those that have ended
	closing   bool
	closed    error // what a call gets then
	draining  []*refSub
	decodes   [2]int // by kind
	encodes   [2]int
	published map[bus.TopicStats]bus.TopicStats // by Prefix and Type
}

func (b *refBus) subscribe(s *refSub) {
	s.room = min(s.size, 64)
	if s.policy == bus.DropOldest || s.policy == bus.Latest {
		s.room = 0
	}
	b.subs = append(b.subs, s)
}

func (b *refBus) match(topic string) (subs []*refSub) {
	for _, s := range b.subs {
		if !s.ended && strings.HasPrefix(topic, s.prefix) {
			subs = append(subs, s)
		}
	}
	return subs
}

func (b *refBus) publish(p *refPublish, key bus.TopicStats) {
	matching := b.match(p.ev.topic)
	foreign := slices.ContainsFunc(matching, func(s *refSub) bool { return s.kind != p.kind })
	p.over = true
	switch {
	case p.ctx.Err() != nil:
		p.refused = context.Cause(p.ctx)
		return
	case b.closing:
		p.refused = b.closed
		return
	case foreign:
		b.encodes[p.kind]++
		if !p.kind.encodable(p.ev.value) {
			p.refused = errEncode
			return
		}
	}
	count := b.published[key]
	if count.Published++; foreign {
		count.Encoded++
	}
	b.published[key] = count
	for _, s := range matching {
		if s.policy == bus.Block {
			p.targets = append(p.targets, s)
			continue
		}
		s.take(p.event(s))
		b.settle(s)
	}
	b.advance(p)
}

// event returns what s gets of p.
func (p *refPublish) event(s *refSub) refEvent {
	e := p.ev
	e.raw = s.kind != p.kind
	return e
}

// advance gives p to its targets until one makes it wait.
func (b *refBus) advance(p *refPublish) {
	p.over = false
	for ; p.next < len(p.targets); p.next++ {
		s := p.targets[p.next]
		switch {
		case s.ended:
			if b.closing {
				p.miss(s, b.closed)
			}
		case len(s.line) == 0 && len(s.waiting) < s.size:
			s.take(p.event(s))
			b.settle(s)
		case p.ctx.Err() != nil:
			p.miss(s, context.Cause(p.ctx))
		default:
			s.line = append(s.line, p)
			return
		}
	}
	p.over = true
}

func (p *refPublish) miss(s *refSub, cause error) {
	p.missed = append(p.missed, s.n.Name)
	p.cause = cmp.Or(p.cause, cause)
}

// leave is the end of the context of p, which waits.
func (b *refBus) leave(p *refPublish) {
	s := p.targets[p.next]
	s.line = slices.DeleteFunc(s.line, func(other *refPublish) bool { return other == p })
	p.miss(s, context.Cause(p.ctx))
	p.next++
	b.advance(p)
}

// take is an event that comes in; with Block there is room.
func (s *refSub) take(e refEvent) {
	s.n.Accepted++
	if s.policy == bus.Latest {
		for i, old := range s.waiting {
			if old.topic == e.topic {
				e.lost = old.lost + 1
				s.waiting[i] = e
				s.n.Conflated++
				return
			}
		}
	}
	if len(s.waiting) == s.size {
		s.n.Dropped++
		if s.policy == bus.DropNewest {
			s.gap++
			return
		}
		lost := s.waiting[0].lost + 1
		s.waiting = s.waiting[1:]
		s.owe(lost)
	}
	e.lost, s.gap = s.gap, 0
	s.waiting = append(s.waiting, e)
}

// owe is told with the event that follows.
func (s *refSub) owe(lost uint64) {
	if len(s.waiting) > 0 {
		s.waiting[0].lost += lost
	} else {
		s.gap += lost
	}
}

// settle lets s do what it can do by itself: decode what comes first, move it into C or to who reads, let in who waits.
func (b *refBus) settle(s *refSub) {
	var released []*refPublish
	for again := true; again; {
		for b.move(s) {
		}
		again = false
		for len(s.line) > 0 && len(s.waiting) < s.size {
			p := s.line[0]
			s.line, again = s.line[1:], true
			s.take(p.event(s))
			released = append(released, p)
		}
	}
	if s.draining && len(s.waiting) == 0 {
		b.end(s, b.closed)
	}
	for _, p := range released {
		p.next++
		b.advance(p)
	}
}

// move moves the event that comes first one step on, if it can.
func (b *refBus) move(s *refSub) bool {
	if len(s.waiting) == 0 {
		return false
	}
	e := &s.waiting[0]
	if e.raw {
		e.raw = false
		b.decodes[s.kind]++
		if !s.kind.decodable(e.value) {
			s.n.Undecodable++
			s.hooked = append(s.hooked, e.value)
			lost := e.lost
			s.waiting = s.waiting[1:]
			s.owe(lost)
			return true
		}
	}
	switch {
	case s.reader:
		s.read, s.reader = append(s.read, *e), false
	case len(s.inC) < s.room:
		s.inC = append(s.inC, *e)
	default:
		return false
	}
	s.n.Delivered++
	s.waiting = s.waiting[1:]
	return true
}

// receive is somebody who reads the next event, and waits for it if need be.
func (b *refBus) receive(s *refSub) {
	switch {
	case len(s.inC) > 0:
		s.read = append(s.read, s.inC[0])
		s.inC = s.inC[1:]
	case !s.ended:
		s.reader = true
	}
	b.settle(s)
}

// end is the end of s: at once, or when it is drained.
func (b *refBus) end(s *refSub, err error) {
	if s.ended {
		return
	}
	s.n.Discarded += uint64(len(s.waiting))
	line := s.line
	s.waiting, s.line, s.reader, s.draining, s.ended, s.err = nil, nil, false, false, true, err
	for _, p := range line {
		b.advance(p)
	}
}

// drain is Close: nothing is taken any more.
func (b *refBus) drain(closed error) {
	b.closing, b.closed = true, closed
	for _, s := range b.subs {
		if !s.ended {
			b.draining = append(b.draining, s)
			s.draining = true
			b.settle(s)
		}
	}
}

// hurry ends what Close still waits for.
func (b *refBus) hurry(closed error) {
	b.closed = closed
	for _, s := range b.draining {
		b.end(s, closed)
	}
}
