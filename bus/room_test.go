package bus_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zmqbus/bus"
)

// slowDecoder takes a millisecond for each value.
type slowDecoder struct{}

func (slowDecoder) Encode(v string) ([]byte, error) { return []byte(v), nil }
func (slowDecoder) Decode(p []byte) (string, error) {
	time.Sleep(time.Millisecond) // in a bubble
	return string(p), nil
}

// TestBlockTakesWhatThereIsRoomFor: who waits is let in as room comes, not when all that the subscription had taken up
// is delivered.
func TestBlockTakesWhatThereIsRoomFor(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		raw := localTopic[[]byte](t, b, "", nil)
		sub := localSub(t, localTopic(t, b, "", slowDecoder{}), bus.WithPolicy(bus.Block), bus.Buffer(1000))
		go func() { // ends with the subscription
			for range sub.C() {
			}
		}()
		for i := range 1100 { // 1000 fit, and are then taken up in one turn
			begin := time.Now()
			if err := raw.Publish(context.Background(), "a", []byte("1")); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin); took > 20*time.Millisecond {
				t.Fatalf("publication %d waited for %v", i, took)
			}
		}
	})
}

// TestBufferBytes: payloads that wait to be decoded are bounded in bytes, whatever the policy does then. Values are not.
func TestBufferBytes(t *testing.T) {
	for policy, want := range map[bus.Policy]string{
		bus.DropNewest: "ab", bus.DropOldest: "ef", bus.Latest: "ef",
	} {
		t.Run(policy.String(), func(t *testing.T) {
			localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
				raw, text := localTopic[[]byte](t, b, "", nil), localTopic[string](t, b, "", nil)
				values := localSub(t, raw, bus.BufferBytes(1))
				sub := localSub(t, text, bus.WithPolicy(policy), bus.BufferBytes(200), bus.Buffer(1000))
				for _, c := range "abcdef" {
					if err := raw.Publish(context.Background(), string(c), []byte(strings.Repeat(string(c), 100))); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				st := sub.Stats()
				if st.Dropped == 0 || st.Depth+st.InChannel+int(st.Dropped) != 6 {
					t.Fatalf("stats %+v", st)
				}
				got := ""
				for range st.Depth + st.InChannel {
					got += (<-sub.C()).Topic
				}
				if policy != bus.DropNewest && got != want || !strings.HasPrefix(got, want[:1]) || len(got) > 5 {
					t.Errorf("kept %s, want %s", got, want)
				}
				if st := values.Stats(); st.Dropped != 0 {
					t.Errorf("of values: %+v", st)
				}
			})
		})
	}
	t.Run("block", func(t *testing.T) {
		localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
			raw, text := localTopic[[]byte](t, b, "", nil), localTopic[string](t, b, "", nil)
			localSub(t, text, bus.WithPolicy(bus.Block), bus.BufferBytes(1000), bus.Buffer(1000))
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			n := 0
			for ; n < 1000; n++ {
				if err := raw.Publish(ctx, "a", make([]byte, 100)); errors.Is(err, context.DeadlineExceeded) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				synctest.Wait() // so that what the channel has room for is in it
			}
			if n < 64+10 || n > 64+12 {
				t.Errorf("%d fit", n)
			}
		})
	})
}

// TestClosedErrorKeepsItsCause: what ends New's context after Close is not why the bus ended.
func TestClosedErrorKeepsItsCause(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	b, err := bus.New(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	topic := localTopic[int](t, b, "", nil)
	if err := b.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	later := errors.New("later")
	cancel(later)
	if err := topic.Publish(context.Background(), "a", 1); !errors.Is(err, bus.ErrClosed) || errors.Is(err, later) {
		t.Errorf("Publish returned %v", err)
	}
}

// TestCloseTellsItsCause: when one context ends the subscription, the bus and Close while it drains, what was left is told
// with why, whoever sees it first.
func TestCloseTellsItsCause(t *testing.T) {
	for range 50 {
		synctest.Test(t, closeTellsItsCause)
	}
}

func closeTellsItsCause(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	b, err := bus.New(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	topic := localTopic[int](t, b, "", nil)
	sub, err := topic.Subscribe(ctx, bus.Buffer(1000))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		if err := topic.Publish(ctx, "a", i); err != nil {
			t.Fatal(err)
		}
	}
	closed := make(chan error, 1)
	go func() { closed <- b.Close(ctx) }() // ends with cancel
	synctest.Wait()
	cancel()
	err = <-closed
	var left *bus.UndeliveredError
	if !errors.As(err, &left) || !errors.Is(err, context.Canceled) || left.Events != int(sub.Stats().Discarded) {
		t.Fatalf("Close returned %v; %+v", err, sub.Stats())
	}
}
