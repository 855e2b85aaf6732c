package bus_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zmqbus/bus"
)

// Whatever runs at once, in whatever order: nothing is lost, doubled or put out of order but as the policies say, every
// loss is counted, told and announced, and the bus ends.
func TestModelCrowd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCrowd(t)
		c.run(t)
		announced := c.announced(t)
		for _, s := range c.subs {
			if s.real == nil {
				continue
			}
			c.check(t, s)
			if st := s.real.Stats(); announced[st.Name] != st.Dropped+st.Conflated {
				t.Fatalf("%+v: %d losses announced", st, announced[st.Name])
			}
		}
		c.checkClose(t)
	})
}

func (c *crowd) announced(t *rapid.T) map[string]uint64 {
	sums := map[string]uint64{}
	for e := range c.losses.C() {
		sums[e.Endpoint] += e.Count
	}
	if c.losses.Lost() > 0 {
		t.Fatal("the stream of losses lost some itself")
	}
	return sums
}

// stays reports whether s was there from the first event to the end of the bus.
func (c *crowd) stays(s *crowdSub) bool {
	return s.late == 0 && errors.Is(s.real.Err(), bus.ErrClosed)
}

// due returns the values of p that s was given, as far as Publish tells: all in their order.
func (s *crowdSub) due(t *rapid.T, p *crowdPublisher) (events []crowdEvent) {
	for _, e := range p.events {
		var partial *bus.PartialError
		isPartial := errors.As(e.err, &partial)
		if e.err != nil && !errors.Is(e.err, bus.ErrClosed) && !errors.Is(e.err, errModelPublish) {
			t.Fatalf("Publish: %v", e.err)
		}
		missed := e.err != nil && (!isPartial || slices.Contains(partial.Missed, s.real.String()))
		if isPartial && missed && errors.Is(e.err, errModelPublish) && s.policy != bus.Block {
			t.Fatalf("Publish: %v: that does not wait", e.err)
		}
		if strings.HasPrefix(e.name, s.prefix) && !missed {
			events = append(events, e)
		}
	}
	return events
}

func (s *crowdSub) decodes(p *crowdPublisher, value string) bool {
	return p.kind == s.kind || s.kind.decodable(value)
}

// check looks at one subscription, when all is over.
func (c *crowd) check(t *rapid.T, s *crowdSub) {
	st := s.real.Stats()
	if st.Accepted != st.Delivered+st.Dropped+st.Conflated+st.Undecodable+st.Discarded || st.Depth+st.InChannel+st.Waiting != 0 ||
		st.Delivered != uint64(len(s.got)) || st.Undecodable != uint64(len(s.hook.payloads)) {
		t.Fatalf("%d read, %d undecodable: %+v", len(s.got), len(s.hook.payloads), st)
	}
	if s.policy == bus.Block && st.Dropped > 0 || s.policy != bus.Latest && st.Conflated > 0 ||
		c.end != "cancelled early" && c.stays(s) && st.Discarded > 0 {
		t.Fatalf("%+v", st)
	}
	told, lost := uint64(0), st.Dropped+st.Conflated
	for _, ev := range s.got {
		told += ev.lost
	}
	if told > lost || told < lost && c.end == "at last" && errors.Is(s.real.Err(), bus.ErrClosed) {
		t.Fatalf("%d losses told: %+v", told, st)
	}
	given, markers := 0, 0
	if c.end == "at last" {
		markers = len(c.subs)
	}
	var givers []*crowdPublisher
	for _, p := range c.pubs {
		due := s.due(t, p)
		if given += len(due); len(due) > 0 {
			givers = append(givers, p)
		}
		c.checkOrder(t, s, p, due)
	}
	if c.stays(s) && (st.Accepted < uint64(given) || st.Accepted > uint64(given+markers)) {
		t.Fatalf("%d given: %+v", given, st)
	}
	if len(givers) == 1 && s.late == 0 {
		c.checkPlaces(t, s, givers[0])
	}
}

// checkOrder looks for what s got of p among what it was due, in the same order; with Latest, that of each topic. With
// Block nothing may be missing before an event that was got.
func (c *crowd) checkOrder(t *rapid.T, s *crowdSub, p *crowdPublisher, due []crowdEvent) {
	at := map[string]int{} // by topic, for Latest
	place := map[string]int{}
	for i, e := range due {
		place[e.value] = i
	}
	next := 0
	for _, ev := range s.got {
		i, ours := place[ev.value]
		if !ours {
			continue
		}
		line := ""
		if s.policy == bus.Latest {
			line = ev.topic
		}
		if due[i].name != ev.topic || i < at[line] {
			t.Fatalf("%+v: %v is out of order", s.real.Stats(), ev)
		}
		at[line] = i + 1
		for ; s.policy == bus.Block && next <= i; next++ {
			if next < i && s.decodes(p, due[next].value) && s.late == 0 {
				t.Fatalf("%+v: %q is missing before %v", s.real.Stats(), due[next].value, ev)
			}
		}
	}
	if s.policy == bus.Block && c.stays(s) && c.end != "cancelled early" {
		for _, e := range due[next:] {
			if s.decodes(p, e.value) {
				t.Fatalf("%+v: %q is missing at the end", s.real.Stats(), e.value)
			}
		}
	}
}

// checkPlaces looks at where losses are told, if all that s got is of p.
func (c *crowd) checkPlaces(t *rapid.T, s *crowdSub, p *crowdPublisher) {
	if s.policy == bus.Latest {
		return
	}
	due := s.due(t, p)
	next := 0
	for _, ev := range s.got {
		lost, bad := 0, 0
		for ; next < len(due) && due[next].value != ev.value; next++ {
			if lost++; !s.decodes(p, due[next].value) {
				bad++
			}
		}
		if next++; next > len(due) {
			return // markers
		}
		if ev.lost > uint64(lost) || ev.lost < uint64(lost-bad) {
			t.Fatalf("%+v: %v comes after %d others, %d of them not to be decoded", s.real.Stats(), ev, lost, bad)
		}
	}
}

// checkClose compares what Close told with what the subscriptions count.
func (c *crowd) checkClose(t *rapid.T) {
	var undelivered *bus.UndeliveredError
	if !errors.As(c.err, &undelivered) {
		if c.err != nil {
			t.Fatalf("Close: %v", c.err)
		}
		undelivered = &bus.UndeliveredError{}
	}
	named := uint64(0)
	for _, s := range c.subs {
		if s.real == nil {
			continue
		}
		st := s.real.Stats()
		if slices.Contains(undelivered.Subscriptions, st.Name) {
			named += st.Discarded
		} else if st.Discarded > 0 && errors.Is(s.real.Err(), bus.ErrClosed) {
			t.Fatalf("Close: %v, not named: %+v", c.err, st)
		}
	}
	if named != uint64(undelivered.Events) {
		t.Fatalf("Close: %v, but they discarded %d", c.err, named)
	}
}
