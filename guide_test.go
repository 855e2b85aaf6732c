package zmqbus_test

import (
	"context"
	"errors"
	"log"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zmqbus/bus"
	"zmqbus/bus/flow"
	"zmqbus/monitor"
)

// Quote is the type of docs/guide.md.
type Quote struct{ Bid, Ask float64 }

// captureLog returns what the standard logger writes until the test ends.
func captureLog(t *testing.T) *strings.Builder {
	t.Helper()
	var text strings.Builder
	log.SetOutput(&text)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	return &text
}

func guideBus(t *testing.T, ctx context.Context) (*bus.Bus, *bus.Topic[Quote]) {
	t.Helper()
	b, err := bus.New(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	quotes, err := bus.NewTopic[Quote](b, "md.quote.", nil)
	if err != nil {
		t.Fatal(err)
	}
	return b, quotes
}

// Promise: Latest keeps the newest, and tells what is missing in three places.
func TestGuideLatest(t *testing.T) {
	ctx := deadline(t)
	b, quotes := guideBus(t, ctx)
	losses := b.Lifecycle(monitor.Dropped)
	screen, err := quotes.Subscribe(ctx, bus.Name("screen"), bus.WithPolicy(bus.Latest))
	if err != nil {
		t.Fatal(err)
	}
	for bid := 1.0; bid <= 10; bid++ {
		if err := quotes.Publish(ctx, "EURUSD", Quote{Bid: bid}); err != nil {
			t.Fatal(err)
		}
	}
	if ev := <-screen.C(); ev.Value.Bid != 10 || ev.Lost != 9 {
		t.Errorf("the screen is shown %v, %d lost before it", ev.Value, ev.Lost)
	}
	if n := b.Stats().Subscriptions[0].Conflated; n != 9 {
		t.Errorf("%d conflated", n)
	}
	for told := uint64(0); told < 9; {
		ev, err := losses.Next(ctx)
		if err != nil {
			t.Fatalf("told of %d losses: %v", told, err)
		}
		if ev.Endpoint != "screen" {
			t.Fatal(ev)
		}
		told += ev.Count
	}
}

// Promise: Publish says who missed the event when its context ends first.
func TestGuidePartial(t *testing.T) {
	b, quotes := guideBus(t, t.Context())
	fast, err := quotes.Subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := quotes.Subscribe(t.Context(), bus.Name("book"), bus.WithPolicy(bus.Block), bus.Buffer(1)); err != nil {
		t.Fatal(err)
	}
	logged := captureLog(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for logged.Len() == 0 { // until the book, which nobody reads, is full
		err := quotes.Publish(ctx, "EURUSD", Quote{1.0841, 1.0843})
		var partial *bus.PartialError
		if errors.As(err, &partial) {
			log.Printf("%s did not get it: %v", partial.Missed, partial.Err)
		}
	}
	if !strings.Contains(logged.String(), "[book] did not get it: context deadline exceeded") {
		t.Error(logged)
	}
	for range b.Stats().Topics[0].Published {
		<-fast.C() // the others got all, the one that the book missed included
	}
}

func means(ctx context.Context, quotes <-chan bus.Event[Quote]) <-chan float64 {
	mids := flow.Map(ctx, quotes, func(ev bus.Event[Quote]) float64 { return (ev.Value.Bid + ev.Value.Ask) / 2 })
	return flow.Map(ctx, flow.Batch(ctx, mids, 1000, time.Second), func(batch []float64) float64 {
		sum := 0.0
		for _, mid := range batch {
			sum += mid
		}
		return sum / float64(len(batch))
	})
}

// Promise: a mean each second, and what is left at the end of the input.
func TestGuideOperators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, quotes := guideBus(t, t.Context())
		sub, err := quotes.Subscribe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := means(t.Context(), sub.C())
		for _, second := range [][]float64{{1, 2}, {3, 4, 5}} {
			for _, bid := range second {
				if err := quotes.Publish(t.Context(), "EURUSD", Quote{bid, bid + 1}); err != nil {
					t.Fatal(err)
				}
			}
			want := second[0] + float64(len(second))/2
			start := time.Now()
			if mean := <-got; mean != want || time.Since(start) != time.Second {
				t.Errorf("a mean of %v after %v, want %v after 1s", mean, time.Since(start), want)
			}
		}
		if err := quotes.Publish(t.Context(), "EURUSD", Quote{7, 7}); err != nil {
			t.Fatal(err)
		}
		if err := b.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if rest := slices.Collect(flow.All(t.Context(), got)); !slices.Equal(rest, []float64{7}) {
			t.Errorf("at the end %v", rest)
		}
	})
}

// Promise: a subscription that nobody reads holds Close up until its context ends; the error says what was left.
func TestGuideClose(t *testing.T) {
	b, quotes := guideBus(t, t.Context())
	if _, err := quotes.Subscribe(t.Context(), bus.Name("screen"), bus.WithPolicy(bus.Latest)); err != nil {
		t.Fatal(err)
	}
	if err := quotes.Publish(t.Context(), "EURUSD", Quote{1, 1}); err != nil {
		t.Fatal(err)
	}
	logged := captureLog(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var left *bus.UndeliveredError
	if err := b.Close(ctx); errors.As(err, &left) {
		log.Printf("%d events waited in %s, %d messages in %s", left.Events, left.Subscriptions, left.Messages, left.Links)
	}
	if !strings.Contains(logged.String(), "1 events waited in [screen], 0 messages in []") || ctx.Err() == nil {
		t.Errorf("%q, %v", logged, ctx.Err())
	}
}
