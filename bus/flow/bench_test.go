package flow_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"zmqbus/bus/flow"
)

// benchFeed sends 0 to n-1 and closes the channel.
func benchFeed(n int) <-chan int {
	in := make(chan int)
	go func() { // owned by the benchmark, which reads to the end
		defer close(in)
		for i := range n {
			in <- i
		}
	}()
	return in
}

// benchDrain reads n values, and checks that there are no more.
func benchDrain[T any](b *testing.B, out <-chan T, n int) {
	for range n {
		<-out
	}
	if _, more := <-out; more {
		b.Fatal("more came than was sent")
	}
}

// BenchmarkHop is what the others compare with: a value through an unbuffered channel from one goroutine to another.
func BenchmarkHop(b *testing.B) {
	b.ReportAllocs()
	benchDrain(b, benchFeed(b.N), b.N)
}

func BenchmarkMap(b *testing.B) {
	b.ReportAllocs()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	benchDrain(b, flow.Map(ctx, benchFeed(b.N), func(v int) int { return v + 1 }), b.N)
}

// BenchmarkMerge has a sender for each input in "busy"; in "one" only one of them has something to send.
func BenchmarkMerge(b *testing.B) {
	for _, n := range []int{2, 4, 8, 16, 64} {
		for _, senders := range []int{n, 1} {
			name := fmt.Sprintf("busy/%d", n)
			if senders == 1 {
				name = fmt.Sprintf("one/%d", n)
			}
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				in := make([]<-chan int, n)
				for i := range senders {
					in[i] = benchFeed(b.N/senders + 1)
				}
				out := flow.Merge(ctx, in...)
				for range b.N {
					<-out
				}
				b.StopTimer()
				for range (b.N/senders+1)*senders - b.N {
					<-out
				}
			})
		}
	}
}

// BenchmarkMergeTurns sends one value at a time and waits for it at the other end, so that the operator has to wait for each.
func BenchmarkMergeTurns(b *testing.B) {
	for _, n := range []int{2, 4, 8, 16, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			in := make([]<-chan int, n)
			send := make([]chan<- int, n)
			for i := range in {
				c := make(chan int)
				in[i], send[i] = c, c
			}
			out := flow.Merge(ctx, in...)
			i := 0
			for b.Loop() {
				send[i%n] <- i
				if got := <-out; got != i {
					b.Fatalf("got %d, want %d", got, i)
				}
				i++
			}
		})
	}
}

func BenchmarkBatch(b *testing.B) {
	for _, d := range []time.Duration{0, time.Second} {
		b.Run(fmt.Sprintf("100/%v", d), func(b *testing.B) {
			b.ReportAllocs()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			n := 0
			for batch := range flow.Batch(ctx, benchFeed(b.N), 100, d) {
				n += len(batch)
			}
			if n != b.N {
				b.Fatalf("got %d of %d", n, b.N)
			}
		})
	}
}

func BenchmarkTee(b *testing.B) {
	for _, n := range []int{2, 4, 16} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			outs := flow.Tee(ctx, benchFeed(b.N), n)
			var g sync.WaitGroup
			for _, out := range outs {
				g.Go(func() { benchDrain(b, out, b.N) })
			}
			g.Wait()
		})
	}
}
