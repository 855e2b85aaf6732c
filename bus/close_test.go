package bus_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"zmqbus/bus"
	"zmqbus/monitor"
)

// Close delivers what was accepted, to readers that take their time, and ends then.
func TestCloseDrains(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		topic := localTopic[int](t, b, "", nil)
		var subs []*bus.Subscription[int]
		for _, policy := range []bus.Policy{bus.DropNewest, bus.DropOldest, bus.Block, bus.Latest} {
			subs = append(subs, localSub(t, topic, bus.WithPolicy(policy), bus.Buffer(4)))
		}
		bytes := localSub(t, localTopic[string](t, b, "", nil), bus.Buffer(4))
		for i := range 4 {
			localPublish(t, topic, fmt.Sprint("t", i), i)
		}
		closing := localCall(func() error { return b.Close(context.Background()) })
		if closing.settled() {
			t.Fatal("Close did not wait for the readers")
		}
		time.Sleep(time.Hour) // of the bubble
		select {
		case <-b.Done():
			t.Fatal("Done before all was read")
		default:
		}
		for _, s := range subs {
			localWant(t, s.Stats().Policy, localAll(s), "t0=0 t1=1 t2=2 t3=3 end")
		}
		localWant(t, "bytes", localAll(bytes), "t0=0 t1=1 t2=2 t3=3 end")
		if err := closing.wait(); err != nil {
			t.Errorf("Close returned %v, though all was delivered", err)
		}
		<-b.Done()
	})
}

// What is in C counts as delivered: it stays readable behind the end.
func TestCloseDoesNotWaitForWhatIsInTheChannel(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		topic := localTopic[int](t, b, "", nil)
		sub := localSub(t, topic)
		localPublish(t, topic, "a", 1, 2, 3)
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
		localWant(t, "read after Close", localAll(sub), "a=1 a=2 a=3 end")
	})
}

// Publishers that wait when Close begins were there before it: they get in, in their turn, or learn that they did not.
func TestCloseAndPublishersThatWait(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		topic := localTopic[int](t, b, "", nil)
		sub := localSub(t, topic, bus.WithPolicy(bus.Block), bus.Buffer(1), bus.Name("slow"))
		localPublish(t, topic, "a", 1, 2)
		var calls []*localResult
		for v := 3; v <= 5; v++ {
			calls = append(calls, localCall(func() error { return topic.Publish(context.Background(), "a", v) }))
			synctest.Wait()
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		closing := localCall(func() error { return b.Close(ctx) })
		localWant(t, "while it drains", localRead(sub, 3), "a=1 a=2 a=3")
		synctest.Wait()
		cause := errors.New("no more time")
		cancel(cause)
		err := closing.wait()
		for i, c := range calls {
			err, fits := c.wait(), false
			var partial *bus.PartialError
			if i < 2 { // 3 was read; 4 is in C, and 5 waits where it was
				fits = err == nil
			} else {
				fits = err == nil || errors.As(err, &partial) && errors.Is(err, bus.ErrClosed) && slices.Equal(partial.Missed, []string{"slow"})
			}
			if !fits {
				t.Errorf("Publish %d returned %v", i+3, err)
			}
		}
		var left *bus.UndeliveredError
		if !errors.As(err, &left) || !errors.Is(err, cause) || left.Events != 1 || !slices.Equal(left.Subscriptions, []string{"slow"}) {
			t.Errorf("Close returned %v, want an UndeliveredError for one event", err)
		}
		localWant(t, "behind the end", localAll(sub), "a=4 end")
	})
}

// The end of Close's context ends the waiting: the error says what was left where, and why.
func TestCloseHurry(t *testing.T) {
	for name, ctx := range map[string]func() (context.Context, context.CancelFunc){
		"over": func() (context.Context, context.CancelFunc) { return localOver("no time"), func() {} },
		"deadline": func() (context.Context, context.CancelFunc) {
			return context.WithTimeoutCause(context.Background(), time.Second, errors.New("no time"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
				topic := localTopic[int](t, b, "", nil)
				stuck := localSub(t, topic, bus.Buffer(2), bus.Name("stuck"))
				read := localSub(t, topic)
				oldest := localSub(t, topic, bus.WithPolicy(bus.DropOldest), bus.Name("oldest"))
				localPublish(t, topic, "a", 1, 2, 3, 4)
				ctx, cancel := ctx()
				defer cancel()
				err := b.Close(ctx)
				want := `bus: not delivered: 6 events in "stuck", "oldest": no time`
				if err == nil || err.Error() != want {
					t.Errorf("Close returned %v, want %s", err, want)
				}
				var left *bus.UndeliveredError
				if !errors.As(err, &left) || left.Events != 6 || left.Messages != 0 || left.Links != nil || !slices.Equal(left.Subscriptions, []string{"stuck", "oldest"}) {
					t.Errorf("%+v", left)
				}
				localWant(t, "stuck", localAll(stuck), "a=1 a=2 end")
				localWant(t, "read", localAll(read), "a=1 a=2 a=3 a=4 end")
				localWant(t, "oldest", localAll(oldest), "end")
				if again := b.Close(context.Background()); again != err {
					t.Errorf("the second Close returned %v", again)
				}
			})
		})
	}
}

// Several may close: each returns at the end, with one result, and the first context to end hurries all.
func TestCloseTogether(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		topic := localTopic[int](t, b, "", nil)
		localSub(t, topic, bus.WithPolicy(bus.Latest))
		localPublish(t, topic, "a", 1)
		patient := localCall(func() error { return b.Close(context.Background()) })
		ctx, cancel := context.WithCancel(context.Background())
		other := localCall(func() error { return b.Close(ctx) })
		if patient.settled() || other.settled() {
			t.Fatal("Close did not wait for the reader")
		}
		cancel()
		if first, second := patient.wait(), other.wait(); first == nil || first != second || !errors.Is(first, context.Canceled) {
			t.Errorf("the results are %v and %v", first, second)
		}
	})
}

// The end of New's context ends everything at once, also a Close that drains.
func TestCloseByContext(t *testing.T) {
	for name, drains := range map[string]bool{"alone": false, "while Close drains": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(context.Background())
				b, err := bus.New(ctx, nil)
				if err != nil {
					t.Fatal(err)
				}
				topic := localTopic[int](t, b, "", nil)
				stream := b.Lifecycle(0)
				sub := localSub(t, topic, bus.WithPolicy(bus.Block), bus.Buffer(1), bus.Name("slow"))
				localPublish(t, topic, "a", 1, 2)
				waiting := localCall(func() error { return topic.Publish(context.Background(), "a", 3) })
				watching := localCall(func() error { return b.WaitSubscribers(context.Background(), "b", 2) })
				synctest.Wait() // until both have begun
				closing := localCall(func() error {
					if drains {
						return b.Close(context.Background())
					}
					return nil
				})
				if waiting.settled() || drains && closing.settled() {
					t.Fatal("Publish and Close did not wait")
				}
				cause, began := errors.New("signal"), time.Now()
				cancel(cause)
				<-b.Done()
				if d := time.Since(began); d != 0 {
					t.Errorf("it took %v", d)
				}
				for _, r := range []*localResult{waiting, watching} {
					if err := r.wait(); !errors.Is(err, bus.ErrClosed) {
						t.Errorf("a call that waited returned %v", err)
					}
				}
				if err := b.Close(context.Background()); !errors.Is(err, cause) || drains && closing.wait() != err {
					t.Errorf("Close returned %v", err)
				}
				localWant(t, "slow", localAll(sub), "a=1 end")
				if e := <-stream.C(); e.Type != monitor.MonitorStopped {
					t.Errorf("the last lifecycle event is %v", e)
				}
				if err := topic.Publish(context.Background(), "a", 4); !errors.Is(err, bus.ErrClosed) || !errors.Is(err, cause) {
					t.Errorf("Publish returned %v, want ErrClosed and why", err)
				}
			})
		})
	}
}

func TestCallsAfterClose(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		ctx := context.Background()
		topic := localTopic[int](t, b, "t.", nil)
		sub := localSub(t, topic)
		localPublish(t, topic, "a", 1)
		if err := b.Close(ctx); err != nil {
			t.Fatal(err)
		}
		for name, call := range map[string]func() error{
			`bus: publish "t.a": zmqbus: bus closed`:       func() error { return topic.Publish(ctx, "a", 2) },
			`bus: subscribe "t.E": zmqbus: bus closed`:     func() error { _, err := topic.Subscribe(ctx, bus.Prefix("E")); return err },
			`bus: export "inproc://x": zmqbus: bus closed`: func() error { _, err := b.Export("inproc://x"); return err },
			`bus: import "inproc://x": zmqbus: bus closed`: func() error { _, err := b.Import("inproc://x"); return err },
			`bus: wait "t.a": zmqbus: bus closed`:          func() error { return b.WaitSubscribers(ctx, "t.a", 0) },
		} {
			err := call()
			if err == nil || err.Error() != name || !errors.Is(err, bus.ErrClosed) || !errors.Is(err, net.ErrClosed) {
				t.Errorf("got %v, want %s", err, name)
			}
		}
		if err := b.Close(ctx); err != nil {
			t.Errorf("the second Close returned %v", err)
		}
		if err := sub.Close(); err != nil || !errors.Is(sub.Err(), bus.ErrClosed) {
			t.Errorf("the subscription's Close returned %v, its Err is %v", err, sub.Err())
		}
		if st := b.Stats(); st.Subscriptions != nil || st.Links != nil || len(st.Topics) != 1 || st.Topics[0].Published != 1 {
			t.Errorf("stats: %+v", st)
		}
		if _, err := bus.NewTopic[int](b, "u.", nil); err != nil {
			t.Errorf("NewTopic returned %v, though it takes nothing of the bus", err)
		}
		if b.Peers() != nil {
			t.Error("a bus that has ended has peers")
		}
		if e, open := <-b.Lifecycle(monitor.MonitorStopped).C(); !open || e.Type != monitor.MonitorStopped {
			t.Errorf("a stream that came late got %v", e)
		}
	})
}

// A subscription that ended before its bus is not in the bus's error.
func TestCloseSaysNothingOfThoseThatEndedBefore(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		topic := localTopic[int](t, b, "", nil)
		sub := localSub(t, topic, bus.Buffer(1))
		localPublish(t, topic, "a", 1, 2, 3)
		if err := sub.Close(); err != nil {
			t.Fatal(err)
		}
		if err := b.Close(context.Background()); err != nil {
			t.Errorf("Close returned %v", err)
		}
	})
}
