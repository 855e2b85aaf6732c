package flow_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"zmqbus/bus/flow"
)

// arrivals draws the times in ms at which 1, 2, 3... are sent, and last the end of the input, each later than the one
// before.
func arrivals(t *rapid.T) []int {
	gaps := rapid.SliceOfN(rapid.IntRange(1, 12), 1, 30).Draw(t, "gaps")
	at := 0
	for i, gap := range gaps {
		at += gap
		gaps[i] = at
	}
	return gaps
}

// feedOf says the arrivals as a play does.
func feedOf(times []int) string {
	var feed strings.Builder
	end := len(times) - 1
	for i, at := range times[:end] {
		fmt.Fprintf(&feed, "%d@%d ", i+1, at)
	}
	return fmt.Sprintf("%s|@%d", &feed, times[end])
}

// timed checks an operator whose reader is always there against a reference. The operator gets a d that is a
// microsecond longer than a number of ms, so that no timer goes off at the moment when a value comes; the reference
// counts microseconds, and notes what it gives.
func timed[T any](t *testing.T, op func(context.Context, <-chan int, time.Duration) <-chan T,
	reference func(times []int, d int, note func(what any, at int)),
) {
	rapid.Check(t, func(rt *rapid.T) {
		times := arrivals(rt)
		d := rapid.IntRange(1, 15).Draw(rt, "d")*1000 + 1
		got, _ := perform(t, play{feed: feedOf(times)}, func(ctx context.Context, in <-chan int) <-chan T {
			return op(ctx, in, time.Duration(d)*time.Microsecond)
		})
		var want []string
		for i := range times {
			times[i] *= 1000
		}
		reference(times, d, func(what any, at int) { want = append(want, fmt.Sprintf("%v@%d", what, at/1000)) })
		if w := strings.Join(want, " "); got != w {
			rt.Fatalf("got  %s\nwant %s", got, w)
		}
	})
}

func TestThrottleProperty(t *testing.T) {
	timed(t, flow.Throttle[int], func(times []int, d int, note func(any, int)) {
		opens, held := 0, 0 // when the next may be given; the value that waits for it
		for i, at := range times {
			if held > 0 && opens < at {
				note(held, opens)
				opens, held = opens+d, 0
			}
			switch end := i == len(times)-1; {
			case end && held > 0:
				note(held, opens)
				note("|", opens)
			case end:
				note("|", at)
			case opens < at:
				note(i+1, at)
				opens = at + d
			default:
				held = i + 1
			}
		}
	})
}

func TestDebounceProperty(t *testing.T) {
	timed(t, flow.Debounce[int], func(times []int, d int, note func(any, int)) {
		end := len(times) - 1
		for i, at := range times[:end] {
			switch {
			case at+d < times[i+1]:
				note(i+1, at+d)
			case i == end-1:
				note(i+1, times[end])
			}
		}
		note("|", times[end])
	})
}

func TestBatchProperty(t *testing.T) {
	for _, n := range []int{1, 2, 5} {
		timed(t, func(ctx context.Context, in <-chan int, d time.Duration) <-chan []int {
			return flow.Batch(ctx, in, n, d)
		}, func(times []int, d int, note func(any, int)) {
			var batch []int
			began := 0
			give := func(at int) { note(batch, at); batch = nil }
			for i, at := range times {
				if len(batch) > 0 && began+d < at {
					give(began + d)
				}
				if i == len(times)-1 {
					if len(batch) > 0 {
						give(at)
					}
					note("|", at)
					return
				}
				if len(batch) == 0 {
					began = at
				}
				if batch = append(batch, i+1); len(batch) == n {
					give(at)
				}
			}
		})
	}
}

// Whatever the pace of the reader: all values, in their order, in slices of 1 to n, and full ones when there is no
// time.
func TestBatchConcatenation(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		times := arrivals(rt)
		n := rapid.IntRange(1, 8).Draw(rt, "n")
		d := rapid.IntRange(0, 15).Draw(rt, "d")
		rests := rapid.SliceOfN(rapid.IntRange(0, 40), 1, 5).Draw(rt, "rests")
		var batches [][]int
		synctest.Test(t, func(t *testing.T) {
			in, tooks := make(chan int), diary{start: time.Now()}
			go feedAll(t.Context(), in, feedOf(times), &tooks) // owned by the test, which reads to the end
			for b := range flow.Batch(t.Context(), in, n, time.Duration(d)*ms) {
				batches = append(batches, b)
				time.Sleep(time.Duration(rests[len(batches)%len(rests)]) * ms)
			}
		})
		next := 1
		for i, b := range batches {
			if len(b) < 1 || len(b) > n || d == 0 && len(b) < n && i < len(batches)-1 {
				rt.Fatalf("batch %d of %d has %d values", i, len(batches), len(b))
			}
			for _, v := range b {
				if v != next {
					rt.Fatalf("got %d, want %d", v, next)
				}
				next++
			}
		}
		if next != len(times) {
			rt.Fatalf("got %d values, want %d", next-1, len(times)-1)
		}
	})
}

// Whatever the inputs, their buffers and their number: all values, and those of an input in its order.
func TestMergeOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		counts := rapid.SliceOfN(rapid.IntRange(0, 20), 0, 20).Draw(rt, "counts")
		room := rapid.SliceOfN(rapid.IntRange(0, 3), len(counts), len(counts)).Draw(rt, "room")
		type value struct{ input, n int }
		in := make([]<-chan value, len(counts))
		for i := range in {
			c := make(chan value, room[i])
			in[i] = c
			go func() { // owned by the test, which reads to the end
				defer close(c)
				for n := range counts[i] {
					c <- value{i, n}
				}
			}()
		}
		seen := make([]int, len(counts))
		for v := range flow.Merge(context.Background(), in...) {
			if v.n != seen[v.input] {
				rt.Fatalf("input %d: got %d, want %d", v.input, v.n, seen[v.input])
			}
			seen[v.input]++
		}
		if fmt.Sprint(seen) != fmt.Sprint(counts) {
			rt.Fatalf("got %v values of the inputs, want %v", seen, counts)
		}
	})
}
