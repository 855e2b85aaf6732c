package bus_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"zmqbus/bus"
)

// endText tells how a subscription stands: whether it has ended, and why.
func endText[T any](sub *bus.Subscription[T]) string {
	synctest.Wait()
	select {
	case <-sub.Done():
		return fmt.Sprintf("ended: %v", sub.Err())
	default:
		return fmt.Sprintf("runs: %v", sub.Err())
	}
}

// Each way to end a subscription: what Err says then, and that all ways close C with what is in it still readable, drop
// the rest, and leave the others alone.
func TestSubscriptionEnd(t *testing.T) {
	cause := errors.New("switched off")
	for _, tc := range []struct {
		name string
		end  func(b *bus.Bus, sub *bus.Subscription[int], cancel context.CancelCauseFunc)
		err  string
		bus  bool // the bus ends too
	}{
		{"Close", func(_ *bus.Bus, sub *bus.Subscription[int], _ context.CancelCauseFunc) { _ = sub.Close() }, "<nil>", false},
		{"ctx", func(_ *bus.Bus, _ *bus.Subscription[int], cancel context.CancelCauseFunc) { cancel(cause) }, "switched off", false},
		{"plain cancel", func(_ *bus.Bus, _ *bus.Subscription[int], cancel context.CancelCauseFunc) { cancel(nil) }, "context canceled", false},
		{"bus", func(b *bus.Bus, _ *bus.Subscription[int], _ context.CancelCauseFunc) { _ = b.Close(localOver("")) }, "zmqbus: bus closed", true},
	} {
		for _, policy := range []bus.Policy{bus.DropNewest, bus.DropOldest, bus.Block, bus.Latest} {
			t.Run(tc.name+"/"+policy.String(), func(t *testing.T) {
				localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
					topic := localTopic[int](t, b, "", nil)
					ctx, cancel := context.WithCancelCause(context.Background())
					defer cancel(nil)
					sub, err := topic.Subscribe(ctx, bus.WithPolicy(policy), bus.Buffer(2))
					if err != nil {
						t.Fatal(err)
					}
					other := localSub(t, topic)
					localPublish(t, topic, "a", 1)
					localPublish(t, topic, "b", 2)
					localPublish(t, topic, "c", 3) // with room for two: one is not in C in any case
					localWant(t, "before", endText(sub), "runs: <nil>")
					tc.end(b, sub, cancel)
					localWant(t, "after", endText(sub), "ended: "+tc.err)
					st := sub.Stats()
					if st.Discarded == 0 || st.Depth != 0 || st.Accepted != st.Delivered+st.Dropped+st.Discarded {
						t.Errorf("stats: %+v, want what was not in C as discarded", st)
					}
					localWant(t, "what was in C", localAll(sub), map[bool]string{true: "end", false: "a=1 b=2 end"}[policy == bus.DropOldest || policy == bus.Latest])
					if tc.bus {
						if !errors.Is(sub.Err(), bus.ErrClosed) || !errors.Is(sub.Err(), net.ErrClosed) {
							t.Errorf("%v does not match ErrClosed", sub.Err())
						}
						return
					}
					localPublish(t, topic, "a", 4)
					localWant(t, "the other", localAll(other), "a=1 b=2 c=3 a=4")
					localWant(t, "the other", endText(other), "runs: <nil>")
					if n := len(b.Stats().Subscriptions); n != 1 {
						t.Errorf("%d subscriptions in Stats, want the other only", n)
					}
					// What ends it later changes nothing.
					if err := sub.Close(); err != nil {
						t.Error(err)
					}
					cancel(errors.New("too late"))
					localWant(t, "after the second end", endText(sub), "ended: "+tc.err)
				})
			})
		}
	}
}

// A subscription of a bus that a context ended tells that context's cause too.
func TestSubscriptionEndsWithTheBusContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(context.Background())
		b, err := bus.New(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		sub := localSub(t, localTopic[int](t, b, "", nil))
		cause := errors.New("out of coffee")
		cancel(cause)
		localWant(t, "sub", endText(sub), "ended: zmqbus: bus closed: out of coffee")
		if !errors.Is(sub.Err(), bus.ErrClosed) || !errors.Is(sub.Err(), cause) {
			t.Errorf("%v does not match ErrClosed and the cause", sub.Err())
		}
		<-b.Done()
	})
}

// A deadline is a cause like any other, and Close and ctx may come at any time, from anywhere.
func TestSubscriptionEndByDeadline(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		sub, err := localTopic[int](t, b, "", nil).Subscribe(ctx)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute - time.Nanosecond) // of the bubble
		localWant(t, "before", endText(sub), "runs: <nil>")
		time.Sleep(time.Nanosecond)
		localWant(t, "after", endText(sub), "ended: context deadline exceeded")
	})
}

func TestSubscriptionCloseFromItsReader(t *testing.T) {
	for _, policy := range []bus.Policy{bus.DropNewest, bus.DropOldest, bus.Block, bus.Latest} {
		localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
			topic := localTopic[int](t, b, "", nil)
			sub := localSub(t, topic, bus.WithPolicy(policy), bus.Buffer(5))
			var calls []*localResult
			for v := range 12 {
				calls = append(calls, localCall(func() error { return topic.Publish(context.Background(), "a", v) }))
			}
			synctest.Wait()
			<-sub.C()
			for range 3 { // from several goroutines too
				calls = append(calls, localCall(sub.Close))
			}
			if err := sub.Close(); err != nil {
				t.Error(err)
			}
			for range sub.C() {
			}
			for _, c := range calls {
				if err := c.wait(); err != nil {
					t.Errorf("%v: %v", policy, err)
				}
			}
		})
	}
}

// A subscription that was closed is not waited for, and takes nothing: its Close needs no reader.
func TestSubscriptionEndDuringDecode(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		text := localTopic[string](t, b, "", nil)
		entered, release := make(chan struct{}), make(chan struct{})
		calls := 0
		sub := localSub(t, localTopic[int](t, b, "", nil), bus.OnDecodeError(func(*bus.DecodeError) {
			if calls++; calls == 1 {
				close(entered)
			}
			<-release
		}))
		localPublish(t, text, "a", "x", "y", "z")
		<-entered
		closing := localCall(sub.Close)
		if closing.settled() {
			t.Fatal("Close returned while the hook runs")
		}
		close(release)
		if err := closing.wait(); err != nil {
			t.Error(err)
		}
		if st := sub.Stats(); st.Undecodable+st.Discarded != 3 || calls != int(st.Undecodable) {
			t.Errorf("stats: %+v, hook called %d times", st, calls)
		}
	})
}

func TestSubscriptionName(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		topic := localTopic[int](t, b, "md.", nil)
		localWant(t, "prefix", topic.Prefix(), "md.")
		for _, tc := range []struct{ got, want string }{
			{localSub(t, topic).String(), "md.#1"},
			{localSub(t, topic, bus.Prefix("EUR")).String(), "md.EUR#2"},
			{localSub(t, topic, bus.Name("screen")).String(), "screen"},
			{localSub(t, localTopic[int](t, b, "", nil), bus.Name("")).String(), "#4"},
		} {
			localWant(t, "name", tc.got, tc.want)
		}
	})
}
