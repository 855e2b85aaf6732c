package bus_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"zmqbus/bus"
)

// Publish racing Close never hangs, and loses nothing silently: each event that Publish did not report as missed was
// delivered, or is in the UndeliveredError; each that it did report was not.
func TestPublishRacesClose(t *testing.T) {
	for _, policy := range []bus.Policy{bus.DropNewest, bus.DropOldest, bus.Block, bus.Latest} {
		t.Run(policy.String(), func(t *testing.T) {
			for round := range 30 {
				raceRound(t, policy, round)
			}
		})
	}
}

func raceRound(t *testing.T, policy bus.Policy, round int) {
	const publishers = 3
	ctx := context.Background()
	b, err := bus.New(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	topic := localTopic[int](t, b, "", nil)
	const size = 1 << 16 // so that no policy loses any
	room := size
	if policy == bus.Block {
		room = 2
	}
	sub := localSub(t, topic, bus.WithPolicy(policy), bus.Buffer(room), bus.Name("reader"))
	var given, missed atomic.Int64
	var wg sync.WaitGroup
	begun := make(chan struct{}, publishers)
	for p := range publishers {
		wg.Go(func() { // ends when the bus is closed, or the buffer might be full
			for v := range size / publishers {
				err := topic.Publish(ctx, string(rune('a'+p)), v)
				var partial *bus.PartialError
				switch {
				case err == nil:
					given.Add(1)
				case errors.As(err, &partial) && slices.Equal(partial.Missed, []string{"reader"}) && errors.Is(err, bus.ErrClosed):
					missed.Add(1)
				case errors.Is(err, bus.ErrClosed):
					return
				default:
					t.Errorf("Publish returned %v", err)
					return
				}
				if v == round {
					begun <- struct{}{}
				}
			}
		})
	}
	received := int64(0)
	wg.Go(func() { // ends with the channel
		for ev := range sub.C() {
			received += 1 + int64(ev.Lost) // Latest replaces
		}
	})
	<-begun
	if err := b.Close(ctx); err != nil {
		t.Errorf("Close returned %v, though there is a reader and time", err)
	}
	wg.Wait()
	st := sub.Stats()
	if received != given.Load() || int64(st.Accepted) != received {
		t.Fatalf("%d given, %d missed, %d received; %+v", given.Load(), missed.Load(), received, st)
	}
}

// Publishers, subscriptions that come and go, and two that close the bus, one of them in a hurry.
func TestCloseRacesEverything(t *testing.T) {
	for range 40 {
		ctx, cancel := context.WithCancel(context.Background())
		b, err := bus.New(ctx, &bus.Config{Buffer: 2})
		if err != nil {
			t.Fatal(err)
		}
		topic, text := localTopic[int](t, b, "t.", nil), localTopic[string](t, b, "", nil)
		var wg sync.WaitGroup
		working := make(chan struct{}, 100)
		for i := range 4 {
			wg.Go(func() { // ends with the bus
				for v := 0; ; v++ {
					if err := topic.Publish(ctx, string(rune('a'+v%3)), v); err != nil {
						return
					}
					_ = b.Stats()
				}
			})
			wg.Go(func() { // ends with the bus
				policy := bus.Policy(i)
				for n := 0; ; n++ {
					sub, err := text.Subscribe(ctx, bus.WithPolicy(policy), bus.Prefix("t."))
					if err != nil {
						return
					}
					for range n % 7 {
						<-sub.C()
					}
					if n%3 > 0 {
						_ = sub.Close()
						for range sub.C() {
						}
					} else {
						// The end of the bus ends it; until then publishers wait for it, if its policy says so.
						wg.Go(func() {
							for range sub.C() {
							}
						})
					}
					if n%3 == 0 && n > 12 {
						_ = sub.Close()
					}
					select {
					case working <- struct{}{}:
					default:
					}
				}
			})
		}
		for range 40 {
			<-working
		}
		wg.Go(func() { _ = b.Close(context.Background()) }) // ends with the bus
		wg.Go(cancel)
		<-b.Done()
		wg.Wait()
		_ = b.Close(context.Background())
	}
}

// A publisher's ctx that ends at the moment when there is room decides once: the event is missed, or it is delivered.
func TestPublishRacesItsContext(t *testing.T) {
	b, err := bus.New(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	topic := localTopic[int](t, b, "", nil)
	sub := localSub(t, topic, bus.WithPolicy(bus.Block), bus.Buffer(1))
	given := 0
	publish := func(ctx context.Context, v int) error {
		err := topic.Publish(ctx, "a", v)
		if err == nil {
			given++
		}
		return err
	}
	for v := range 2 {
		_ = publish(context.Background(), v)
	}
	const rounds = 3000
	received := 0
	for v := range rounds {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- publish(ctx, v) }() // ends with its ctx
		go cancel()
		select {
		case <-sub.C():
			received++
		case err := <-done:
			done <- err
		}
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("Publish returned %v", err)
		}
		for more := true; more && v%16 == 0; {
			select {
			case <-sub.C():
				received++
			default:
				more = false
			}
		}
	}
	closed := make(chan error, 1)
	go func() { closed <- b.Close(context.Background()) }() // ends with the bus
	for range sub.C() {
		received++
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if received != given {
		t.Errorf("%d given, %d received", given, received)
	}
}
