package bus_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"pgregory.net/rapid"

	"zmqbus/bus"
	"zmqbus/monitor"
)

// crowd is a bus whose publishers, readers and closers run at once, each at its own pace. What they get depends on
// luck, so that only what holds in any case is checked, when all is over.
type crowd struct {
	real   *bus.Bus
	topics [2][]modelTopic
	losses *monitor.Stream
	pubs   []*crowdPublisher
	subs   []*crowdSub
	end    string // how the bus ends
	endAt  int    // after how many publications, if not after all
	count  atomic.Int64
	cancel context.CancelCauseFunc
	err    error // of Close
}

// crowdPublisher publishes its events from one goroutine.
type crowdPublisher struct {
	kind   refKind
	pace   int // yields between events
	events []crowdEvent
}

type crowdEvent struct {
	topic       modelTopic
	suffix      string
	name, value string
	patience    int // in yields, until its context ends; 0: it does not
	err         error
}

type crowdSub struct {
	kind   refKind
	prefix string
	policy bus.Policy
	late   int // yields before it subscribes
	pace   int // yields between events
	leaves int // after how many events it closes or cancels; 0: it stays
	close  bool
	cancel context.CancelCauseFunc

	subscribe  func()
	subscribed chan struct{} // closed when that is over
	real       modelSub      // nil: the bus had ended before
	hook       modelHook
	got        []refEvent
	n          atomic.Int64 // events that it got
}

func yield(n int) {
	for range n {
		runtime.Gosched()
	}
}

func drawCrowd(t *rapid.T) *crowd {
	ctx, cancel := context.WithCancelCause(context.Background())
	b, err := bus.New(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{real: b, cancel: cancel}
	c.topics[number], _, _ = newModelTopics(b, number, parseNumber, "", "a.")
	c.topics[text], _, _ = newModelTopics(b, text, parseText, "a")
	c.losses = b.Lifecycle(monitor.Dropped, monitor.Buffer(5000))
	c.end = rapid.SampledFrom([]string{"at last", "at last", "drained early", "cancelled early"}).Draw(t, "end")
	total := 0
	for i := range rapid.IntRange(1, 3).Draw(t, "publishers") {
		p := c.drawPublisher(t, i+1)
		total += len(p.events)
		c.pubs = append(c.pubs, p)
	}
	if c.end != "at last" {
		c.endAt = rapid.IntRange(1, total).Draw(t, "the end comes at")
	}
	for range rapid.IntRange(1, 5).Draw(t, "subscriptions") {
		c.drawSub(t)
	}
	return c
}

func (c *crowd) drawPublisher(t *rapid.T, id int) *crowdPublisher {
	p := &crowdPublisher{
		kind: refKind(rapid.IntRange(0, 1).Draw(t, "kind")),
		pace: rapid.SampledFrom([]int{0, 0, 1, 20}).Draw(t, "publisher's pace"),
	}
	topic := c.topics[p.kind][rapid.IntRange(0, len(c.topics[p.kind])-1).Draw(t, "topic")]
	suffixes := rapid.SliceOfN(rapid.SampledFrom([]string{"a.x", "a.y", ".x", ".y", ""}), 1, 3).Draw(t, "suffixes")
	impatient := rapid.SampledFrom([]int{0, 0, 3, 40}).Draw(t, "patience")
	faulty := rapid.Bool().Draw(t, "some are not to be decoded")
	for seq := range rapid.IntRange(1, 120).Draw(t, "events") {
		e := crowdEvent{topic: topic, suffix: suffixes[seq%len(suffixes)], value: fmt.Sprintf("%d%03d1", id, seq)}
		e.name = topic.key().Prefix + e.suffix
		if faulty && seq%7 == 3 {
			e.value = map[refKind]string{number: e.value + "0", text: "x" + e.value}[p.kind]
		}
		if seq%5 == 0 {
			e.patience = impatient
		}
		p.events = append(p.events, e)
	}
	return p
}

func (c *crowd) drawSub(t *rapid.T) {
	kind := refKind(rapid.IntRange(0, 1).Draw(t, "kind"))
	topic := c.topics[kind][rapid.IntRange(0, len(c.topics[kind])-1).Draw(t, "topic")]
	prefix := rapid.SampledFrom([]string{"", "", "a", ".x"}).Draw(t, "prefix")
	s := &crowdSub{
		kind: kind, prefix: topic.key().Prefix + prefix,
		policy:     bus.Policy(rapid.IntRange(0, 3).Draw(t, "policy")),
		late:       rapid.SampledFrom([]int{0, 0, 0, 30}).Draw(t, "late"),
		pace:       rapid.SampledFrom([]int{0, 0, 1, 10, 60}).Draw(t, "reader's pace"),
		leaves:     rapid.SampledFrom([]int{0, 0, 0, 1, 10}).Draw(t, "leaves after"),
		close:      rapid.Bool().Draw(t, "by Close"),
		subscribed: make(chan struct{}),
	}
	opts := []bus.SubscribeOption{
		bus.Prefix(prefix), bus.WithPolicy(s.policy), bus.OnDecodeError(s.hook.add),
		bus.Buffer(rapid.SampledFrom([]int{1, 2, 5, 100}).Draw(t, "buffer")), bus.Name(fmt.Sprint("s", len(c.subs))),
	}
	s.subscribe = func() {
		var ctx context.Context
		ctx, s.cancel = context.WithCancelCause(context.Background())
		if real, err := topic.subscribe(ctx, opts...); err == nil { // else the bus has ended
			s.real = real
		}
		close(s.subscribed)
	}
	c.subs = append(c.subs, s)
}

// run returns when the bus and all goroutines have ended.
func (c *crowd) run(t *rapid.T) {
	var publishers, others sync.WaitGroup
	for _, s := range c.subs {
		if s.late == 0 {
			s.subscribe()
		}
		others.Go(s.read) // ends with the subscription
	}
	for _, p := range c.pubs {
		publishers.Go(func() { // ends with its events
			for i := range p.events {
				p.publish(&p.events[i], &others)
				yield(p.pace)
				if c.count.Add(1) == int64(c.endAt) {
					others.Go(c.endEarly) // ends with the bus
				}
			}
		})
	}
	publishers.Wait()
	if c.end == "at last" {
		c.publishMarkers(t)
	}
	c.err = c.real.Close(context.Background())
	others.Wait()
}

func (c *crowd) endEarly() {
	if c.end == "cancelled early" {
		c.cancel(errModelBus)
	} else {
		_ = c.real.Close(context.Background()) // run's tells the same
	}
}

func (p *crowdPublisher) publish(e *crowdEvent, others *sync.WaitGroup) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	if e.patience > 0 {
		others.Go(func() {
			yield(e.patience)
			cancel(errModelPublish)
		})
	}
	e.err = e.topic.publish(ctx, e.suffix, e.value)
}

func (s *crowdSub) read() {
	if s.late > 0 {
		yield(s.late)
		s.subscribe()
	}
	if s.real == nil {
		return
	}
	for {
		ev, outcome := s.real.receive(true)
		if outcome == closed {
			return
		}
		s.got = append(s.got, ev)
		if len(s.got) == s.leaves {
			if s.close {
				_ = s.real.Close()
			} else {
				s.cancel(errModelSub)
			}
		}
		s.n.Add(1)
		yield(s.pace)
	}
}

// publishMarkers gives each subscription that has not ended an event after all others, so that it tells its last
// losses. It publishes only when the subscriptions are empty, and a marker fits.
func (c *crowd) publishMarkers(t *rapid.T) {
	c.quiet()
	for _, s := range c.subs {
		topic := c.topics[number][0]
		if err := topic.publish(context.Background(), s.prefix, "1"); err != nil {
			t.Fatal(err)
		}
		c.quiet()
	}
}

// quiet returns when every subscription has ended, or has given its reader all that it accepted and did not lose. It
// asks again and again: a loss or a payload that cannot be decoded is no event to wait for.
func (c *crowd) quiet() {
	for _, s := range c.subs {
		for !s.isQuiet() {
			runtime.Gosched()
		}
	}
}

func (s *crowdSub) isQuiet() bool {
	<-s.subscribed
	select {
	case <-s.real.Done():
		return true
	default:
	}
	st := s.real.Stats()
	return uint64(s.n.Load()) == st.Accepted-st.Dropped-st.Conflated-st.Undecodable
}
