package bus_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"zmqbus/bus"
)

// hooksContext lives for ever, and counts who watches it.
type hooksContext struct {
	context.Context
	done chan struct{}
	n    atomic.Int64
}

func newHooksContext() *hooksContext {
	return &hooksContext{Context: context.Background(), done: make(chan struct{})}
}

func (c *hooksContext) Done() <-chan struct{} { return c.done }

// AfterFunc is what package context asks of a context of another make.
func (c *hooksContext) AfterFunc(func()) (stop func() bool) {
	var stopped atomic.Bool
	c.n.Add(1)
	return func() bool {
		if stopped.Swap(true) {
			return false
		}
		c.n.Add(-1)
		return true
	}
}

// What has ended does not watch its context any more: a context that outlives many buses and subscriptions keeps
// none of them.
func TestContextHooksEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, ofSubs := newHooksContext(), newHooksContext()
		check := func(when string, bus, subs int64) {
			t.Helper()
			synctest.Wait()
			if b, s := ctx.n.Load(), ofSubs.n.Load(); b != bus || s != subs {
				t.Errorf("%s: %d watch the bus's context, %d the subscriptions', want %d and %d", when, b, s, bus, subs)
			}
		}
		b, err := bus.New(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		topic := localTopic[int](t, b, "", nil)
		var subs []*bus.Subscription[int]
		for _, policy := range []bus.Policy{bus.DropNewest, bus.DropOldest, bus.Block, bus.Latest} {
			for range 2 {
				s, err := topic.Subscribe(ofSubs, bus.WithPolicy(policy), bus.Buffer(1))
				if err != nil {
					t.Fatal(err)
				}
				subs = append(subs, s)
			}
		}
		check("all run", 1, 8)
		for i, s := range subs {
			if i%2 == 0 {
				_ = s.Close()
			}
		}
		check("every other is closed", 1, 4)
		localPublish(t, topic, "a", 1, 2)                                        // one fits into C, one into the buffer
		full := localCall(func() error { return topic.Publish(ofSubs, "a", 3) }) // waits for the one that blocks
		if full.settled() {
			t.Error("Publish does not wait")
		}
		check("a publisher waits", 1, 4)
		closing := localCall(func() error { return b.Close(ctx) })
		if closing.settled() {
			t.Error("Close does not wait for readers")
		}
		check("Close waits", 2, 4)
		for _, s := range subs {
			localAll(s)
		}
		_, _ = full.wait(), closing.wait()
		check("all have ended", 0, 0)
	})
}

// One that a context ended leaves the other contexts too.
func TestContextHooksEndWithTheBusContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ofSubs := newHooksContext()
		ctx, cancel := context.WithCancel(context.Background())
		b, err := bus.New(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := localTopic[int](t, b, "", nil).Subscribe(ofSubs); err != nil {
			t.Fatal(err)
		}
		cancel()
		<-b.Done()
		if n := ofSubs.n.Load(); n != 0 {
			t.Errorf("%d watch the subscription's context", n)
		}
	})
}
