package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"zmqbus/bus"
)

// consume subscribes the book and the screen. What it returns is to run until each has seen the last quotes, or ctx ends.
func consume(ctx context.Context, out io.Writer, quotes *bus.Topic[Quote]) ([]func() error, error) {
	// Block: nothing is lost on the way from the bus to the book; if it were slow, who publishes would wait for it.
	book, err := quotes.Subscribe(ctx, bus.Name("book"), bus.WithPolicy(bus.Block))
	if err != nil {
		return nil, err
	}
	// Latest: of each symbol only the newest quote waits.
	screen, err := quotes.Subscribe(ctx, bus.Name("screen"), bus.WithPolicy(bus.Latest))
	if err != nil {
		return nil, errors.Join(err, book.Close())
	}
	return []func() error{
		func() error { return follow(book, out, 0, (*seen).complete) },
		func() error { return follow(screen, out, look, (*seen).conflated) },
	}, nil
}

// seen is what a consumer got.
type seen struct {
	quotes int
	lost   uint64           // what the events said was lost before them
	last   map[string]Quote // by topic
	stats  bus.SubscriptionStats
}

// follow takes quotes, and needs work for each, until it has the last of every symbol. Then it checks what it got.
func follow(sub *bus.Subscription[Quote], out io.Writer, work time.Duration, check func(*seen) error) error {
	defer sub.Close() // so that nobody waits for it when it fails
	s := seen{last: map[string]Quote{}}
	for ended := 0; ended < len(symbols); {
		ev, open := <-sub.C()
		if !open {
			return fmt.Errorf("%v ended after %d quotes: %w", sub, s.quotes, sub.Err())
		}
		if before := s.last[ev.Topic].Number; ev.Value.Number <= before {
			return fmt.Errorf("%v: quote %d of %s after quote %d", sub, ev.Value.Number, ev.Topic, before)
		}
		s.quotes++
		s.lost += ev.Lost
		s.last[ev.Topic] = ev.Value
		if ev.Value.Number == rounds {
			ended++
		}
		if work > 0 {
			fmt.Fprintf(out, "%v: %s %.4f/%.4f, %d skipped\n", sub, ev.Topic, ev.Value.Bid, ev.Value.Ask, ev.Lost)
			time.Sleep(work) // this is its work, and why it is slow
		}
	}
	s.stats = sub.Stats()
	if err := check(&s); err != nil {
		return fmt.Errorf("%v: %w", sub, err)
	}
	fmt.Fprint(out, s.text())
	return nil
}

// complete checks a consumer that must have got everything.
func (s *seen) complete() error {
	if want := rounds * len(symbols); s.quotes != want || s.lost != 0 {
		return fmt.Errorf("got %d of %d quotes, %d lost", s.quotes, want, s.lost)
	}
	return nil
}

// conflated checks a consumer that was too slow: it skipped quotes, and knows how many.
func (s *seen) conflated() error {
	if all := rounds * len(symbols); s.lost == 0 || uint64(s.quotes)+s.lost != uint64(all) || s.stats.Conflated != s.lost {
		return fmt.Errorf("got %d of %d quotes, %d lost by its events, %d by its statistics", s.quotes, all, s.lost, s.stats.Conflated)
	}
	return nil
}

// text is a consumer's day in a few lines.
func (s *seen) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): got %d of %d quotes, skipped %d that newer ones overtook; the last prices:",
		s.stats.Name, s.stats.Policy, s.quotes, rounds*len(symbols), s.stats.Conflated)
	for _, topic := range slices.Sorted(maps.Keys(s.last)) {
		fmt.Fprintf(&b, " %s %.4f", strings.TrimPrefix(topic, prefix), s.last[topic].Bid)
	}
	return b.String() + "\n"
}
