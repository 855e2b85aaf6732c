package bus_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"zmqbus/bus"
	"zmqbus/monitor"
)

// droppedNow returns the DROPPED events that are there: how many, and the sum of their counts. It wants each to name
// the subscription.
func droppedNow(t *testing.T, stream *monitor.Stream, sub interface{ Stats() bus.SubscriptionStats }) (events int, sum uint64) {
	time.Sleep(collected)
	synctest.Wait()
	t.Helper()
	synctest.Wait()
	st := sub.Stats()
	for {
		select {
		case e, ok := <-stream.C():
			if !ok {
				return events, sum
			}
			events++
			sum += e.Count
			if e.Type != monitor.Dropped || e.Endpoint != st.Name || e.Topic != st.Prefix || e.Reason != st.Policy || e.Count == 0 || e.Conn != 0 {
				t.Errorf("event %+v, want DROPPED of %q, prefix %q, reason %q", e, st.Name, st.Prefix, st.Policy)
			}
		default:
			return events, sum
		}
	}
}

// collected is how long losses are collected into one event.
const collected = 10 * time.Millisecond

func TestDroppedIsAnnounced(t *testing.T) {
	const most = 3 // one each time that it looks
	for _, policy := range []bus.Policy{bus.DropNewest, bus.DropOldest, bus.Latest} {
		t.Run(policy.String(), func(t *testing.T) {
			localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
				stream := b.Lifecycle(monitor.Dropped)
				topic := localTopic[int](t, b, "md.", nil)
				sub := localSub(t, topic, bus.Prefix("a"), bus.WithPolicy(policy), bus.Buffer(1), bus.Name("screen"))
				for round := range 3 {
					before := sub.Stats()
					localPublish(t, topic, "a", 1, 2)
					early, sumEarly := droppedNow(t, stream, sub) // 1 and 2 fit, or 2 takes the place of 1
					for range 10 {
						localPublish(t, topic, "a", 3)
					}
					first, sumFirst := droppedNow(t, stream, sub)
					if first == 0 {
						t.Error("nobody was told while nobody reads")
					}
					localAll(sub)
					events, sum := droppedNow(t, stream, sub)
					st := sub.Stats()
					lost := st.Dropped + st.Conflated - before.Dropped - before.Conflated
					if got := sum + sumFirst + sumEarly; lost < 10 || got != lost {
						t.Errorf("round %d: %d lost, %d announced when all was read", round, lost, got)
					}
					if events+first+early > most {
						t.Errorf("round %d: %d events, want %d at most", round, events+first+early, most)
					}
				}
			})
		})
	}
}

// What is lost at one go is one event.
func TestDroppedIsCoalesced(t *testing.T) {
	const lost = 5000
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		stream := b.Lifecycle(monitor.Dropped)
		topic := localTopic[int](t, b, "", nil)
		sub := localSub(t, topic, bus.Buffer(1))
		for i := range lost + 2 {
			if err := topic.Publish(context.Background(), "a", i); err != nil {
				t.Fatal(err)
			}
			if i < 2 {
				synctest.Wait() // until its place is in C, or with the pump
			}
		}
		first, told := droppedNow(t, stream, sub)
		if first != 1 || told != lost {
			t.Errorf("%d events while nobody reads that tell of %d, want 1 of %d", first, told, lost)
		}
		localAll(sub)
		rest, untold := droppedNow(t, stream, sub)
		if rest != 0 || untold != 0 {
			t.Errorf("%d events more, of %d", rest, untold)
		}
	})
}

// The end of a subscription, or of the bus, keeps no loss to itself. What is discarded there is not DROPPED.
func TestDroppedIsAnnouncedAtTheEnd(t *testing.T) {
	for name, end := range map[string]func(*bus.Bus, *bus.Subscription[int]) error{
		"subscription": func(_ *bus.Bus, s *bus.Subscription[int]) error { return s.Close() },
		"bus":          func(b *bus.Bus, _ *bus.Subscription[int]) error { _ = b.Close(localOver("")); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
				stream := b.Lifecycle(monitor.Dropped)
				topic := localTopic[int](t, b, "", nil)
				sub := localSub(t, topic, bus.Buffer(1))
				localPublish(t, topic, "a", 1, 2, 3, 4, 5)
				if err := end(b, sub); err != nil {
					t.Fatal(err)
				}
				if _, sum := droppedNow(t, stream, sub); sum != 3 {
					t.Errorf("%d announced, want 3", sum)
				}
			})
		})
	}
}

// Only who asks for DROPPED hears of it, and without a loss there is none.
func TestDroppedIsOptIn(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		all, dropped := b.Lifecycle(0), b.Lifecycle(monitor.Dropped)
		topic := localTopic[int](t, b, "", nil)
		read := localSub(t, topic)
		for i := range 100 {
			localPublish(t, topic, "a", i)
			localAll(read)
		}
		if n := len(dropped.C()); n > 0 {
			t.Errorf("%d events, though nothing was lost", n)
		}
		localSub(t, topic, bus.Buffer(1))
		localPublish(t, topic, "a", 1, 2, 3, 4)
		time.Sleep(collected)
		synctest.Wait()
		if len(all.C()) != 0 || len(dropped.C()) != 1 {
			t.Errorf("%d events for mask 0, %d for DROPPED; want 0 and 1", len(all.C()), len(dropped.C()))
		}
		if err := b.Close(localOver("")); err == nil {
			t.Error("nothing was undelivered")
		}
		if e := <-all.C(); e.Type != monitor.MonitorStopped {
			t.Errorf("the last event is %v", e)
		}
		if _, open := <-all.C(); open {
			t.Error("the stream goes on behind the end of the bus")
		}
	})
}
