package bus_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"zmqbus/bus"
)

// localRange writes what localAll does for the values from first to last of one topic.
func localRange(topic string, first, last int) string {
	var parts []string
	for v := first; v <= last; v++ {
		parts = append(parts, fmt.Sprintf("%s=%d", topic, v))
	}
	return strings.Join(parts, " ")
}

// Nobody reads while ten events are published, and one follows when all is read: how much waits, what goes, and where
// the loss is told.
func TestPolicies(t *testing.T) {
	for _, tc := range []struct {
		policy           bus.Policy
		buffer           int
		published        string // a1 b2: value 1 on topic a, 2 on b
		waits            string
		after            string // what comes of a99 and b98, published when all was read
		dropped, replace uint64
	}{
		// Buffer wait besides those in C, which has room for as many.
		{bus.DropNewest, 2, "a1 a2 a3 a4 a5 a6 a7", "a=1 a=2 a=3 a=4", "a=99(lost 3) b=98", 3, 0},
		{bus.DropNewest, 1, "a1 b2 a3", "a=1 b=2", "a=99(lost 1) b=98", 1, 0},
		{bus.DropNewest, 3, "a1 b2 a3 b4 a5 b6", "a=1 b=2 a=3 b=4 a=5 b=6", "a=99 b=98", 0, 0},
		// Buffer wait, none in C.
		{bus.DropOldest, 2, "a1 a2 a3 a4 a5 a6 a7", "a=6(lost 5) a=7", "a=99 b=98", 5, 0},
		{bus.DropOldest, 1, "a1 b2 a3", "a=3(lost 2)", "a=99 b=98", 2, 0},
		{bus.DropOldest, 3, "a1 b2 a3", "a=1 b=2 a=3", "a=99 b=98", 0, 0},
		{bus.Latest, 2, "a1 b2 a3 b4 b5 a6", "a=6(lost 2) b=5(lost 2)", "a=99 b=98", 0, 4},
		{bus.Latest, 2, "a1 b2 a3 c4", "b=2(lost 2) c=4", "a=99 b=98", 1, 1},
		{bus.Latest, 1, "a1 b2 c3", "c=3(lost 2)", "a=99 b=98", 2, 0},
		{bus.Latest, 3, "a1 b2 c3", "a=1 b=2 c=3", "a=99 b=98", 0, 0},
	} {
		t.Run(fmt.Sprintf("%v/%d/%s", tc.policy, tc.buffer, tc.published), func(t *testing.T) {
			localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
				topic := localTopic[string](t, b, "", nil)
				sub := localSub(t, topic, bus.WithPolicy(tc.policy), bus.Buffer(tc.buffer))
				for e := range strings.FieldsSeq(tc.published) {
					localPublish(t, topic, e[:1], e[1:])
				}
				localWant(t, "waited", localAll(sub), tc.waits)
				localPublish(t, topic, "a", "99")
				after := localAll(sub)
				localPublish(t, topic, "b", "98")
				localWant(t, "after it was read", after+" "+localAll(sub), tc.after)
				if st := sub.Stats(); st.Dropped != tc.dropped || st.Conflated != tc.replace || st.Policy != tc.policy.String() {
					t.Errorf("stats: %+v, want %d dropped, %d conflated", st, tc.dropped, tc.replace)
				}
			})
		})
	}
}

// Without any option a subscription drops the newest beyond 1,000, libzmq's mark, and the 64 in C.
func TestPolicyDefaults(t *testing.T) {
	for _, tc := range []struct {
		cfg  *bus.Config
		opts []bus.SubscribeOption
		room int
	}{
		{nil, nil, 1000},
		{&bus.Config{Buffer: 100}, nil, 100},
		{&bus.Config{Buffer: 100}, []bus.SubscribeOption{bus.Buffer(200), nil}, 200},
	} {
		localBubble(t, tc.cfg, func(t *testing.T, b *bus.Bus) {
			topic := localTopic[int](t, b, "", nil)
			sub := localSub(t, topic, tc.opts...)
			for v := range tc.room + 64 + 5 {
				localPublish(t, topic, "a", v)
			}
			localWant(t, "received", localAll(sub), localRange("a", 0, tc.room+63))
			if st := sub.Stats(); st.Policy != bus.DropNewest.String() || st.Buffer != tc.room || st.Dropped != 5 {
				t.Errorf("%+v, want drop newest, room for %d, 5 dropped", st, tc.room)
			}
		})
	}
}

func TestPolicyRoomInTheChannel(t *testing.T) {
	for policy, want := range map[bus.Policy][]int{
		bus.DropNewest: {1, 64, 64}, bus.Block: {1, 64, 64}, bus.DropOldest: {0, 0, 0}, bus.Latest: {0, 0, 0},
	} {
		localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
			topic := localTopic[int](t, b, "", nil)
			for i, buffer := range []int{1, 64, 1000} {
				sub := localSub(t, topic, bus.WithPolicy(policy), bus.Buffer(buffer))
				if cap(sub.C()) != want[i] {
					t.Errorf("%v, Buffer %d: C has room for %d, want %d", policy, buffer, cap(sub.C()), want[i])
				}
			}
		})
	}
}

// Each policy but Block lets publishers go on, and a full subscription takes nothing from those that are read.
func TestPolicySlowSubscriptionsDelayNobody(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		topic := localTopic[int](t, b, "", nil)
		for _, policy := range []bus.Policy{bus.DropNewest, bus.DropOldest, bus.Latest} {
			localSub(t, topic, bus.WithPolicy(policy), bus.Buffer(1)) // never read
		}
		fast := localSub(t, topic, bus.WithPolicy(bus.Block), bus.Buffer(1))
		for v := range 100 {
			call := localCall(func() error { return topic.Publish(context.Background(), "a", v) })
			if !call.settled() {
				t.Fatalf("Publish %d waits for a subscription that nobody reads", v)
			}
			localWant(t, "the fast one", localAll(fast), fmt.Sprintf("a=%d", v))
		}
		for _, s := range b.Stats().Subscriptions[:3] {
			if s.Dropped+s.Conflated < 90 {
				t.Errorf("%+v: nothing was lost by one that nobody reads", s)
			}
		}
	})
}

// Several readers share a subscription's events.
func TestPolicySeveralReaders(t *testing.T) {
	for _, policy := range []bus.Policy{bus.DropOldest, bus.Block} {
		localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
			topic := localTopic[int](t, b, "", nil)
			sub := localSub(t, topic, bus.WithPolicy(policy))
			var notes localNotes
			for range 3 {
				go func() { // owned by the test; ends with the channel
					for ev := range sub.C() {
						notes.add(localText(ev))
					}
				}()
			}
			for v := range 30 {
				localPublish(t, topic, "a", v)
			}
			if got := strings.Join(notes.take(), " "); got != localRange("a", 0, 29) {
				t.Errorf("%v: received %s", policy, got)
			}
			if err := b.Close(context.Background()); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		})
	}
}

func TestPolicyString(t *testing.T) {
	for policy, want := range map[bus.Policy]string{
		bus.DropNewest: "drop newest", bus.DropOldest: "drop oldest", bus.Block: "block", bus.Latest: "latest",
		-1: "Policy(-1)", 4: "Policy(4)",
	} {
		localWant(t, "policy", policy.String(), want)
	}
	if bus.Policy(0) != bus.DropNewest {
		t.Error("the zero Policy is not the default")
	}
}

// What one subscription has lost is not told to another, though they share the event.
func TestPolicyLossIsEachSubscriptionsOwn(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		topic := localTopic[int](t, b, "", nil)
		var lossy []*bus.Subscription[int]
		for _, policy := range []bus.Policy{bus.DropNewest, bus.DropOldest, bus.Latest} {
			lossy = append(lossy, localSub(t, topic, bus.WithPolicy(policy), bus.Buffer(1)))
		}
		whole := localSub(t, topic)
		block := localSub(t, topic, bus.WithPolicy(bus.Block))
		localPublish(t, topic, "a", 1, 2, 3)
		localRead(lossy[0], 9)
		localPublish(t, topic, "a", 4, 5)
		localWant(t, "one that lost nothing", localAll(whole), localRange("a", 1, 5))
		localWant(t, "one that waits", localAll(block), localRange("a", 1, 5))
		for i, want := range []string{"a=4(lost 1) a=5", "a=5(lost 4)", "a=5(lost 4)"} {
			localWant(t, lossy[i].Stats().Policy, localAll(lossy[i]), want)
		}
	})
}
