package bus_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"zmqbus/bus"
)

// slowLog notes each warning as "who, for how long, how many wait".
type slowLog struct {
	localNotes
	with string // attributes of the logger
}

func (*slowLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *slowLog) WithGroup(string) slog.Handler          { return l }
func (l *slowLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	l.with += fmt.Sprint(attrs)
	return l
}

func (l *slowLog) Handle(_ context.Context, r slog.Record) error {
	attrs := map[string]slog.Value{}
	r.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = a.Value
		return true
	})
	l.add(fmt.Sprintf("%v %v %v, %v waiting", r.Level, attrs["subscription"], attrs["full for"], attrs["waiting"]))
	return nil
}

// slowRig is a subscription with room for twice size (in C, and waiting), which is filled by its publishers.
type slowRig struct {
	*testing.T
	log   *slowLog
	topic *bus.Topic[int]
	sub   *bus.Subscription[int]
	calls []*localResult
}

func slowBubble(t *testing.T, slow time.Duration, policy bus.Policy, size int, f func(r *slowRig)) {
	t.Helper()
	r := &slowRig{log: &slowLog{}}
	localBubble(t, &bus.Config{Name: "prices", Slow: slow, Logger: slog.New(r.log)}, func(t *testing.T, b *bus.Bus) {
		r.T = t
		r.topic = localTopic[int](t, b, "", nil)
		r.sub = localSub(t, r.topic, bus.WithPolicy(policy), bus.Buffer(size), bus.Name("screen"))
		f(r)
	})
}

// publish lets n publishers publish one event each, and returns when all have, or wait.
func (r *slowRig) publish(n int) {
	for range n {
		r.calls = append(r.calls, localCall(func() error { return r.topic.Publish(context.Background(), "a", 1) }))
		synctest.Wait()
	}
}

func (r *slowRig) sleep(d time.Duration) {
	time.Sleep(d) // of the bubble
	synctest.Wait()
}

// warned wants these warnings since the last call.
func (r *slowRig) warned(want ...string) {
	r.Helper()
	localWant(r, "warnings", fmt.Sprintf("%q", r.log.take()), fmt.Sprintf("%q", want))
}

func TestSlowIsNamedOnceForEachTimeOfBeingFull(t *testing.T) {
	slowBubble(t, 0, bus.Block, 4, func(r *slowRig) {
		r.publish(8)
		r.sleep(time.Hour) // full, but nobody has to wait
		r.warned()
		for range 3 {
			r.publish(8 + 2 - int(r.sub.Stats().Depth) - r.sub.Stats().InChannel)
			r.sleep(time.Second - time.Nanosecond)
			r.warned()
			r.sleep(time.Nanosecond)
			r.warned("WARN screen 1s, 2 waiting")
			r.publish(1)
			r.sleep(time.Hour)
			r.warned()
			localRead(r.sub, 1) // one gets in; it is as slow as before
			r.sleep(time.Hour)
			r.warned()
			localAll(r.sub)
			r.publish(1)
		}
		localWant(r, "the bus's name", r.log.with, "[bus=prices]")
	})
}

func TestSlowIsNotSaidOfAFastOne(t *testing.T) {
	for _, size := range []int{1, 2, 3, 8} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			slowBubble(t, time.Second, bus.Block, size, func(r *slowRig) {
				for range 50 {
					r.publish(2*size + 3) // three have to wait, for a tenth of a second
					r.sleep(100 * time.Millisecond)
					localAll(r.sub)
				}
				r.sleep(time.Minute)
				r.warned()
			})
		})
	}
}

// Who was full, was read, and is full again, counts from the second time.
func TestSlowCountsFromTheLastTime(t *testing.T) {
	for _, size := range []int{1, 4} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			slowBubble(t, time.Second, bus.Block, size, func(r *slowRig) {
				r.publish(2*size + 1)
				r.sleep(500 * time.Millisecond)
				localAll(r.sub)
				r.publish(2 * size) // it is full at the time of the first warning, but nobody waits
				r.sleep(100 * time.Millisecond)
				r.publish(1)
				r.sleep(999 * time.Millisecond)
				r.warned()
				r.sleep(time.Millisecond)
				r.warned("WARN screen 1s, 1 waiting")
			})
		})
	}
}

// An event that nobody had to wait for warns of nothing, however long it waits itself.
func TestSlowIsOverWhenNobodyWaits(t *testing.T) {
	for _, size := range []int{1, 2, 5} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			slowBubble(t, time.Second, bus.Block, size, func(r *slowRig) {
				r.publish(2*size + 1)
				r.sleep(100 * time.Millisecond)
				localAll(r.sub)
				r.publish(2 * size)
				r.sleep(time.Hour)
				r.warned()
			})
		})
	}
}

func TestSlowLimit(t *testing.T) {
	for _, tc := range []struct {
		slow   time.Duration
		policy bus.Policy
		want   []string
	}{
		{0, bus.Block, []string{"WARN screen 1s, 1 waiting"}},
		{10 * time.Second, bus.Block, []string{"WARN screen 10s, 1 waiting"}},
		{-1, bus.Block, nil},
		{0, bus.DropNewest, nil},
		{0, bus.DropOldest, nil},
		{0, bus.Latest, nil},
	} {
		t.Run(fmt.Sprint(tc.policy, tc.slow), func(t *testing.T) {
			slowBubble(t, tc.slow, tc.policy, 1, func(r *slowRig) {
				r.publish(3)
				r.sleep(time.Hour)
				r.warned(tc.want...)
			})
		})
	}
}

// The end of a subscription that is full stops its clock.
func TestSlowEndsWithTheSubscription(t *testing.T) {
	slowBubble(t, time.Second, bus.Block, 1, func(r *slowRig) {
		r.publish(3)
		r.sleep(999 * time.Millisecond)
		if err := r.sub.Close(); err != nil {
			r.Fatal(err)
		}
		r.sleep(time.Hour)
		r.warned()
		if err := r.calls[2].wait(); err != nil {
			r.Error(err)
		}
	})
}
