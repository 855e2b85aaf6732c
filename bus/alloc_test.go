package bus_test

import (
	"context"
	"fmt"
	"testing"

	"zmqbus/bus"
)

// A value type that is published to subscriptions of its type is not allocated, nor is anything else, whether there is
// room or it is lost by policy.
func TestPublishDoesNotAllocate(t *testing.T) {
	for _, policy := range []bus.Policy{bus.DropNewest, bus.DropOldest, bus.Block, bus.Latest} {
		for _, subs := range []int{1, 8} {
			t.Run(fmt.Sprintf("%v/%d", policy, subs), func(t *testing.T) {
				b, topic := allocTopic(t)
				var readers []*bus.Subscription[localQuote]
				for range subs {
					readers = append(readers, localSub(t, topic, bus.WithPolicy(policy)))
				}
				ctx := context.Background()
				allocs := testing.AllocsPerRun(500, func() {
					if err := topic.Publish(ctx, "EURUSD", localQuote{1.5}); err != nil {
						t.Fatal(err)
					}
					for _, r := range readers {
						<-r.C()
					}
				})
				if allocs != 0 {
					t.Errorf("%v allocations", allocs)
				}
				allocClose(t, b)
			})
		}
	}
}

func TestPublishThatIsLostDoesNotAllocate(t *testing.T) {
	for _, policy := range []bus.Policy{bus.DropNewest, bus.DropOldest, bus.Latest} {
		t.Run(policy.String(), func(t *testing.T) {
			b, topic := allocTopic(t)
			sub := localSub(t, topic, bus.WithPolicy(policy), bus.Buffer(4)) // never read
			ctx := context.Background()
			allocs := testing.AllocsPerRun(500, func() {
				if err := topic.Publish(ctx, "EURUSD", localQuote{1.5}); err != nil {
					t.Fatal(err)
				}
			})
			if st := sub.Stats(); allocs != 0 || st.Dropped+st.Conflated < 400 {
				t.Errorf("%v allocations; %+v", allocs, st)
			}
			allocClose(t, b)
		})
	}
}

func allocTopic(t *testing.T) (*bus.Bus, *bus.Topic[localQuote]) {
	t.Helper()
	b, err := bus.New(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return b, localTopic[localQuote](t, b, "md.quote.", nil)
}

func allocClose(t *testing.T, b *bus.Bus) {
	t.Helper()
	_ = b.Close(localOver("nobody reads what is left"))
}
