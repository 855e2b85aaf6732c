package flow_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"zmqbus/bus/flow"
)

func ExampleThrottle() {
	ctx := context.Background()
	in := make(chan int)
	out := flow.Throttle(ctx, in, 10*time.Millisecond)
	in <- 1
	fmt.Println(<-out) // at once
	in <- 2
	in <- 3
	in <- 4
	close(in)
	for v := range out { // when the 10 ms are over
		fmt.Println(v)
	}
	// Output:
	// 1
	// 4
}

func TestThrottle(t *testing.T) {
	playAll(t, map[string]play{
		"the first at once":              {feed: "1@3 |@4", want: "1@3 |@4"},
		"then the newest":                {feed: "1@0 2@1 3@4 4@25 |@50", want: "1@0 3@10 4@25 |@50"},
		"d from the one before":          {feed: "1@0 2@9 3@11 4@19 5@21 |@50", want: "1@0 2@10 4@20 5@30 |@50"},
		"at once after d":                {feed: "1@0 2@11 3@12 |@50", want: "1@0 2@11 3@21 |@50"},
		"the end does not shorten d":     {feed: "1@0 2@1 |@2", want: "1@0 2@10 |@10"},
		"the end, nothing held":          {feed: "1@0 |@2", want: "1@0 |@2"},
		"d from when it was read":        {feed: "1@0 2@1 3@36 |@37", from: 30, want: "2@30 3@40 |@40", took: "1@0 2@1 3@36"},
		"the end, a slow reader":         {feed: "1@0 2@1 3@2 |@3", rest: 50, want: "1@0 3@50 |@100", took: "1@0 2@1 3@2"},
		"never holds up the input":       {feed: "1@0 2@1 3@2 4@30 5@31 |@32", rest: 50, want: "1@0 5@50 |@100", took: "1@0 2@1 3@2 4@30 5@31"},
		"cancel, waiting for the input":  {feed: "1@0", cancel: 20, want: "1@0 |@20"},
		"cancel, waiting for the timer":  {feed: "1@0 2@1", cancel: 5, want: "1@0 |@5"},
		"cancel, waiting for the reader": {feed: "1@0 2@1", rest: 50, cancel: 20, want: "1@0 |@50"},
		"cancel, after the end":          {feed: "1@0 2@1 |@2", cancel: 5, want: "1@0 |@5"},
	}, func(ctx context.Context, in <-chan int) <-chan int { return flow.Throttle(ctx, in, 10*ms) })
}

// A reader that waits gets the first of a burst, also when the others come at the same moment.
func TestThrottleBurst(t *testing.T) {
	for range 20 { // a select would choose by luck
		synctest.Test(t, func(t *testing.T) {
			in := make(chan int)
			out := flow.Throttle(t.Context(), in, 10*ms)
			first, second := make(chan int), make(chan int)
			go func() { // owned by the test, and ends with two values
				first <- <-out
				second <- <-out
			}()
			synctest.Wait()
			go func() { // owned by the test, and ends with the burst
				defer close(in)
				for i := range 10 {
					in <- i
				}
			}()
			if a, b := <-first, <-second; a != 0 || b != 9 {
				t.Errorf("got %d and %d, want 0 and 9", a, b)
			}
			wantEnd(t, out)
		})
	}
}
