package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"zmqbus/bus"
)

// What one goroutine publishes arrives in the order of its calls, whatever the topics and types; between publishers
// there is no order, but nothing is lost or comes twice.
func TestPublishOrderPerPublisher(t *testing.T) {
	const publishers, events = 4, 500
	ctx := context.Background()
	b, err := bus.New(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	quotes, text := localTopic[int](t, b, "md.quote.", nil), localTopic[string](t, b, "md.text.", nil)
	all := localTopic[string](t, b, "md.", nil)
	subs := []*bus.Subscription[string]{
		localSub(t, all, bus.WithPolicy(bus.Block), bus.Buffer(3)),
		localSub(t, all, bus.WithPolicy(bus.DropNewest), bus.Buffer(publishers*events)),
		localSub(t, all, bus.WithPolicy(bus.DropOldest), bus.Buffer(publishers*events)),
	}
	var senders, readers sync.WaitGroup
	for p := range publishers {
		senders.Go(func() { // ends after its events
			for i := range events {
				v := p*events + i
				var err error
				if i%3 == 0 {
					err = text.Publish(ctx, fmt.Sprint(i%7), fmt.Sprint(v))
				} else {
					err = quotes.Publish(ctx, fmt.Sprint(i%5), v)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, s := range subs {
		readers.Go(func() { // ends with the channel
			next := [publishers]int{}
			for ev := range s.C() {
				var v int
				if _, err := fmt.Sscan(ev.Value, &v); err != nil || ev.Lost > 0 {
					t.Errorf("%s: received %+v", s, ev)
				}
				if p := v / events; v%events != next[p] {
					t.Errorf("%s: publisher %d: received %d, want %d", s, p, v%events, next[p])
				}
				next[v/events]++
			}
			if next != [publishers]int{events, events, events, events} {
				t.Errorf("%s: received %v", s, next)
			}
		})
	}
	senders.Wait()
	if err := b.Close(ctx); err != nil {
		t.Error(err)
	}
	readers.Wait()
}

func TestPublishWaitsForBlock(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		topic := localTopic[int](t, b, "", nil)
		sub := localSub(t, topic, bus.WithPolicy(bus.Block), bus.Buffer(2))
		localPublish(t, topic, "a", 1, 2, 3, 4) // two in C, two wait
		var calls []*localResult
		for v := 5; v <= 8; v++ {
			calls = append(calls, localCall(func() error { return topic.Publish(context.Background(), "a", v) }))
			if calls[v-5].settled() {
				t.Fatalf("Publish %d did not wait, though there is no room", v)
			}
		}
		if st := sub.Stats(); st.Waiting != 4 || st.Depth != 2 || st.InChannel != 2 || st.Accepted != 4 {
			t.Errorf("stats: %+v, want 4 waiting, 2 in the buffer, 2 in C", st)
		}
		localWant(t, "read", localRead(sub, 1), "a=1")
		// First come, first served, one for each that was read.
		for i, c := range calls {
			if c.settled() != (i == 0) {
				t.Errorf("after one was read, call %d returned: %v", i, c.settled())
			}
		}
		localWant(t, "read", localAll(sub), localRange("a", 2, 8))
		for _, c := range calls {
			if err := c.wait(); err != nil {
				t.Error(err)
			}
		}
		if st := sub.Stats(); st.Waiting != 0 || st.Dropped != 0 || st.Delivered != 8 {
			t.Errorf("stats: %+v, want 8 delivered, none lost", st)
		}
	})
}

// All others have the event before Publish waits, and those behind the full one get it though ctx ends.
func TestPublishPartial(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		topic := localTopic[int](t, b, "t.", nil)
		block := func(name string, n int) *bus.Subscription[int] {
			return localSub(t, topic, bus.WithPolicy(bus.Block), bus.Name(name), bus.Buffer(n))
		}
		full, open, full2 := block("full", 1), block("open", 9), block("full too", 1)
		newest := localSub(t, topic)
		bytes := localSub(t, localTopic[[]byte](t, b, "t.", nil), bus.WithPolicy(bus.Block), bus.Name("bytes"), bus.Buffer(1))
		localPublish(t, topic, "a", 1, 2)
		localWant(t, "newest", localAll(newest), "t.a=1 t.a=2")
		localWant(t, "open", localAll(open), "t.a=1 t.a=2")

		ctx, cancel := context.WithCancelCause(context.Background())
		call := localCall(func() error { return topic.Publish(ctx, "a", 3) })
		if call.settled() {
			t.Fatal("Publish did not wait")
		}
		localWant(t, "not Block, while Publish waits", localAll(newest), "t.a=3")
		localWant(t, "behind the full one, while Publish waits", localAll(open), "")
		cause := errors.New("enough")
		cancel(cause)
		err := call.wait()
		var partial *bus.PartialError
		if !errors.As(err, &partial) || !errors.Is(err, cause) {
			t.Fatalf("Publish returned %v, want a PartialError with the cause", err)
		}
		if want := []string{"full", "full too", "bytes"}; !slices.Equal(partial.Missed, want) || partial.Topic != "t.a" {
			t.Errorf("%+v, want topic t.a, missed %q", partial, want)
		}
		localWant(t, "behind the full one", localAll(open), "t.a=3")
		for i := range 2 { // what was not given does not come later
			localWant(t, "full", localAll(full), []string{"t.a=1 t.a=2", "t.b=4"}[i])
			localWant(t, "full too", localAll(full2), []string{"t.a=1 t.a=2", "t.b=4"}[i])
			localWant(t, "bytes", localAll(bytes), []string{"t.a=[49] t.a=[50]", "t.b=[52]"}[i])
			if i == 0 {
				localPublish(t, topic, "b", 4)
			}
		}
	})
}

// Who gives up leaves no trace: those behind in line move up, and the event does not come later.
func TestPublishGivesUpItsPlace(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		topic := localTopic[int](t, b, "", nil)
		sub := localSub(t, topic, bus.WithPolicy(bus.Block), bus.Buffer(1))
		localPublish(t, topic, "a", 1, 2)
		var calls []*localResult
		var cancels []context.CancelFunc
		for v := 3; v <= 6; v++ {
			ctx, cancel := context.WithCancel(context.Background())
			cancels = append(cancels, cancel)
			calls = append(calls, localCall(func() error { return topic.Publish(ctx, "a", v) }))
			synctest.Wait()
		}
		for _, i := range []int{2, 0} {
			cancels[i]()
			if err := calls[i].wait(); !errors.Is(err, context.Canceled) {
				t.Errorf("call %d returned %v", i, err)
			}
		}
		localWant(t, "received", localAll(sub), "a=1 a=2 a=4 a=6")
		for i, c := range calls {
			if i%2 == 1 {
				if err := c.wait(); err != nil {
					t.Error(err)
				}
			}
			cancels[i]()
		}
		if st := sub.Stats(); st.Accepted != 4 || st.Waiting != 0 {
			t.Errorf("stats: %+v, want 4 accepted", st)
		}
	})
}

func TestPublishGivesNothing(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		topic := localTopic[func()](t, b, "f.", nil) // JSON has no functions
		same := localSub(t, topic)
		over := localOver("over before")
		for _, tc := range []struct {
			name string
			ctx  context.Context
			want string
		}{
			{"ctx had ended", over, `bus: publish "f.a": over before`},
			{"no ctx", nil, `bus: publish "f.a": nil context`},
		} {
			if err := topic.Publish(tc.ctx, "a", nil); err == nil || err.Error() != tc.want {
				t.Errorf("%s: %v, want %s", tc.name, err, tc.want)
			}
		}
		localPublish(t, topic, "a", func() {}) // nobody needs bytes
		if localRead(same, 1) == "" {
			t.Error("a value that cannot be encoded did not reach a subscription of its type")
		}
		other := localSub(t, localTopic[string](t, b, "f.", nil))
		err := topic.Publish(context.Background(), "a", func() {})
		var op *bus.OpError
		if !errors.As(err, &op) || op.Op != "publish" || op.Name != "f.a" || !strings.Contains(err.Error(), "encode func()") {
			t.Errorf("Publish returned %v, want an OpError that names the topic and the type", err)
		}
		localWant(t, "the same type", localAll(same), "")
		localWant(t, "another type", localAll(other), "")
		if st := b.Stats().Topics[0]; st.Published != 1 || st.Encoded != 0 {
			t.Errorf("stats: %+v, want 1 published", st)
		}
	})
}

// A subscription that ends while Publish waits for it is nobody's loss.
func TestPublishToOneThatEnds(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		topic := localTopic[int](t, b, "", nil)
		full := localSub(t, topic, bus.WithPolicy(bus.Block), bus.Buffer(1))
		behind := localSub(t, topic, bus.WithPolicy(bus.Block), bus.Buffer(9))
		localPublish(t, topic, "a", 1, 2)
		call := localCall(func() error { return topic.Publish(context.Background(), "a", 3) })
		if call.settled() {
			t.Fatal("Publish did not wait")
		}
		if err := full.Close(); err != nil {
			t.Fatal(err)
		}
		if err := call.wait(); err != nil {
			t.Errorf("Publish returned %v", err)
		}
		localWant(t, "the one behind", localAll(behind), "a=1 a=2 a=3")
	})
}
