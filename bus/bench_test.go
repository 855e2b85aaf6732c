package bus

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

type quote struct {
	Bid, Ask float64
}

// BenchmarkChannel is what BenchmarkPublish is compared with: the same events through a bare channel.
func BenchmarkChannel(b *testing.B) {
	b.ReportAllocs()
	c := make(chan Event[quote], 1000)
	var sum float64
	var wg sync.WaitGroup
	wg.Go(func() {
		for e := range c {
			sum += e.Value.Bid
		}
	})
	n := 0
	for b.Loop() {
		n++
		c <- Event[quote]{Topic: "md.quote.EURUSD", Value: quote{Bid: 1}}
	}
	close(c)
	wg.Wait()
	if sum != float64(n) {
		b.Fatalf("received %v of %d", sum, n)
	}
}

// BenchmarkPublish publishes in one bus to subscriptions that lose nothing, each read by a goroutine of its own.
func BenchmarkPublish(b *testing.B) {
	for _, subs := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("%d", subs), func(b *testing.B) {
			b.ReportAllocs()
			ctx := context.Background()
			bus, err := New(ctx, nil)
			if err != nil {
				b.Fatal(err)
			}
			quotes, err := NewTopic[quote](bus, "md.quote.", nil)
			if err != nil {
				b.Fatal(err)
			}
			sums := make([]float64, subs)
			var readers sync.WaitGroup
			for i := range subs {
				s, err := quotes.Subscribe(ctx, WithPolicy(Block))
				if err != nil {
					b.Fatal(err)
				}
				readers.Go(func() {
					for e := range s.C() {
						sums[i] += e.Value.Bid
					}
				})
			}
			n := 0
			for b.Loop() {
				n++
				if err := quotes.Publish(ctx, "EURUSD", quote{Bid: 1}); err != nil {
					b.Fatal(err)
				}
			}
			if err := bus.Close(ctx); err != nil {
				b.Fatal(err)
			}
			readers.Wait()
			for i, sum := range sums {
				if sum != float64(n) {
					b.Fatalf("subscription %d received %v of %d", i, sum, n)
				}
			}
		})
	}
}
