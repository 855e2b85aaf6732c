package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zmqbus/bus"
	"zmqbus/monitor"
)

var (
	errModelSub     = errors.New("the subscription's context")
	errModelPublish = errors.New("the publisher's context")
	errModelBus     = errors.New("the bus's context")
	errModelClose   = errors.New("the context of Close")
)

// model is a bus and the reference, side by side. It runs in a bubble, where synctest.Wait makes what the bus does with
// one step complete, so that the two must be equal after each.
type model struct {
	ref  refBus
	real *bus.Bus

	topics           [2][]modelTopic // by kind
	encodes, decodes [2]*atomic.Int64
	subs             []*modelSubscription // in the order of ref.subs
	pubs             []*modelPublish
	losses           *monitor.Stream
	published        int
	cancel           context.CancelCauseFunc // of the bus

	hurryClose context.CancelCauseFunc
	hurried    error
	result     chan error // of Close
}

type modelSubscription struct {
	*refSub
	real   modelSub
	hook   *modelHook
	cancel context.CancelCauseFunc
	events chan refEvent // what readers got
	read   []refEvent
	told   uint64 // losses, by lifecycle events
}

type modelPublish struct {
	*refPublish
	cancel context.CancelCauseFunc
	result chan error
}

// newModel returns a bus, with its topics and nothing else. The bus ends with the bubble.
func newModel(t *rapid.T) *model {
	ctx, cancel := context.WithCancelCause(context.Background())
	b, err := bus.New(ctx, &bus.Config{Buffer: rapid.IntRange(1, 5).Draw(t, "default buffer"), Slow: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	m := &model{real: b, cancel: cancel, ref: refBus{published: map[bus.TopicStats]bus.TopicStats{}}}
	m.topics[number], m.encodes[number], m.decodes[number] = newModelTopics(b, number, parseNumber, "", "a.")
	m.topics[text], m.encodes[text], m.decodes[text] = newModelTopics(b, text, parseText, "a")
	for _, topics := range m.topics {
		for _, topic := range topics {
			m.ref.published[topic.key()] = topic.key()
		}
	}
	m.losses = b.Lifecycle(monitor.Dropped, monitor.Buffer(500))
	t.Cleanup(func() {
		cancel(errModelBus)
		for _, p := range m.pubs {
			p.cancel(errModelPublish)
		}
		<-b.Done()
	})
	return m
}

func (m *model) drawTopic(t *rapid.T) (refKind, modelTopic) {
	kind := refKind(rapid.IntRange(0, 1).Draw(t, "kind"))
	return kind, m.topics[kind][rapid.IntRange(0, len(m.topics[kind])-1).Draw(t, "topic of the kind")]
}

func (m *model) subscribe(t *rapid.T) {
	if live := len(m.real.Stats().Subscriptions); live > 5 {
		t.Skip("more happens to a few")
	}
	kind, topic := m.drawTopic(t)
	prefix := rapid.SampledFrom([]string{"", "", "a", ".", "x", "a.x"}).Draw(t, "prefix")
	ctx, cancel := context.WithCancelCause(context.Background())
	s := &modelSubscription{
		refSub: &refSub{
			kind: kind, prefix: topic.key().Prefix + prefix,
			policy: bus.Policy(rapid.IntRange(0, 3).Draw(t, "policy")),
			size:   rapid.IntRange(1, 5).Draw(t, "buffer"),
		},
		hook: &modelHook{}, cancel: cancel, events: make(chan refEvent, 1),
	}
	real, err := topic.subscribe(ctx, bus.Prefix(prefix), bus.WithPolicy(s.policy), bus.Buffer(s.size),
		bus.OnDecodeError(s.hook.add))
	if m.ref.closing {
		if !errors.Is(err, m.ref.closed) {
			t.Fatalf("Subscribe: %v, want %v", err, m.ref.closed)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	s.real = real
	s.n = bus.SubscriptionStats{Name: real.String(), Prefix: s.prefix, Policy: s.policy.String(), Buffer: s.size}
	m.subs = append(m.subs, s)
	m.ref.subscribe(s.refSub)
}

func (m *model) publish(t *rapid.T) {
	kind, topic := m.drawTopic(t)
	suffix := rapid.SampledFrom([]string{"a.x", "a.y", ".x", ".y", "x", "y", ""}).Draw(t, "suffix")
	ctx, cancel := context.WithCancelCause(context.Background())
	p := &modelPublish{
		refPublish: &refPublish{kind: kind, ctx: ctx, ev: refEvent{topic: topic.key().Prefix + suffix}},
		cancel:     cancel, result: make(chan error, 1),
	}
	m.skipRace(t, p.refPublish)
	m.published++
	p.ev.value = fmt.Sprint(m.published)
	switch fault := rapid.IntRange(0, 6).Draw(t, "fault"); {
	case fault == 0:
		p.ev.value = "-" + p.ev.value // Encode refuses it
	case fault == 1 && kind == text:
		p.ev.value = "x" + p.ev.value // a number's Decode refuses it
	case fault == 2:
		cancel(errModelPublish)
	}
	time.Sleep(time.Millisecond) // so that each event has a time of its own
	p.ev.at = time.Now()
	go func() { p.result <- topic.publish(ctx, suffix, p.ev.value) }() // ends with its context, or the bus
	m.ref.publish(p.refPublish, topic.key())
	m.pubs = append(m.pubs, p)
}

// skipRace keeps what happens determined: of the publishers that wait, at most one has more to wait for after that.
// Otherwise two that are released by one step would race for the next subscription.
func (m *model) skipRace(t *rapid.T, p *refPublish) {
	targets := 0
	for _, s := range m.ref.match(p.ev.topic) {
		if s.policy == bus.Block {
			targets++
		}
	}
	if targets > 1 && m.forked() {
		t.Skip("two publishers would race")
	}
}

// forked reports whether a publisher waits, and will have to give its event to others after that.
func (m *model) forked() bool {
	return slices.ContainsFunc(m.pubs, func(p *modelPublish) bool { return !p.over && p.next < len(p.targets)-1 })
}

func (m *model) pick(t *rapid.T) *modelSubscription {
	if len(m.subs) == 0 {
		t.Skip("no subscription")
	}
	return m.subs[rapid.IntRange(0, len(m.subs)-1).Draw(t, "subscription")]
}

// receive reads an event, or has somebody wait for the next one.
func (m *model) receive(t *rapid.T) {
	s := m.pick(t)
	for range rapid.IntRange(1, 8).Draw(t, "events") {
		if s.reader {
			return
		}
		if len(s.inC) == 0 && (s.room > 0 || len(s.waiting) == 0) && rapid.Bool().Draw(t, "nobody waits") {
			return
		}
		go func() { // ends with the subscription at the latest
			if ev, outcome := s.real.receive(true); outcome == received {
				s.events <- ev
			}
		}()
		m.ref.receive(s.refSub)
		m.check(t)
	}
}

func (m *model) closeSubscription(t *rapid.T) {
	s := m.pick(t)
	if rapid.Bool().Draw(t, "by its context") {
		s.cancel(errModelSub)
		m.ref.end(s.refSub, errModelSub)
		return
	}
	if err := s.real.Close(); err != nil {
		t.Fatal(err)
	}
	m.ref.end(s.refSub, nil)
}

func (m *model) leave(t *rapid.T) {
	for _, p := range m.pubs {
		if !p.over && rapid.Bool().Draw(t, "this one") {
			p.cancel(errModelPublish)
			m.ref.leave(p.refPublish)
			return
		}
	}
	t.Skip("no publisher waits")
}

// drain closes the bus, and lets it take its time.
func (m *model) drain() {
	if m.result != nil || m.hurried != nil {
		return
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	m.hurryClose, m.result = cancel, make(chan error, 1)
	go func() { m.result <- m.real.Close(ctx) }() // ends when the subscriptions are read, or with a context
	m.ref.drain(bus.ErrClosed)
}

// hurry ends what a context can end: New's or that of Close.
func (m *model) hurry(t *rapid.T) {
	over := m.ref.closing && !slices.ContainsFunc(m.ref.draining, func(s *refSub) bool { return !s.ended })
	if m.hurried != nil || over || m.forked() {
		t.Skip("it has ended, or a publisher would race with the end")
	}
	if m.result != nil && rapid.Bool().Draw(t, "the context of Close") {
		m.hurried = errModelClose
		m.hurryClose(errModelClose)
		m.ref.hurry(bus.ErrClosed)
		return
	}
	m.hurried = errModelBus
	m.cancel(errModelBus)
	if !m.ref.closing {
		m.ref.drain(errModelBus)
	}
	m.ref.hurry(errModelBus)
}

// The bus does exactly what the reference says: what is in which channel, who waits, every count, every error.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rapid.SyncTest(t, func(t *rapid.T) {
			m := newModel(t)
			seldom := func(action func(*rapid.T)) func(*rapid.T) {
				return func(t *rapid.T) {
					if rapid.IntRange(0, 5).Draw(t, "luck") > 0 {
						t.Skip("not now")
					}
					action(t)
				}
			}
			actions := map[string]func(*rapid.T){
				"subscribe": m.subscribe,
				"publish":   m.publish, "publish2": m.publish, "publish3": m.publish, "publish4": m.publish, // more often
				"receive": m.receive, "receive2": m.receive,
				"leave": m.leave,
				"close": seldom(m.closeSubscription),
				"drain": seldom(seldom(func(*rapid.T) { m.drain() })),
				"hurry": seldom(seldom(m.hurry)),
				"":      m.check,
			}
			for range 6 { // longer stories than one Repeat tells
				t.Repeat(actions)
			}
			m.finish(t)
		})
	})
}
