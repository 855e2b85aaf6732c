package flow_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"zmqbus/bus/flow"
)

func ExampleDebounce() {
	ctx := context.Background()
	in := make(chan string)
	out := flow.Debounce(ctx, in, time.Second)
	for _, s := range []string{"z", "zm", "zmq"} { // as somebody types
		in <- s
	}
	close(in) // or a second later
	for s := range out {
		fmt.Println(s)
	}
	// Output: zmq
}

func TestDebounce(t *testing.T) {
	playAll(t, map[string]play{
		"after d of quiet":               {feed: "1@3 |@50", want: "1@13 |@50"},
		"the newest":                     {feed: "1@0 2@9 3@18 4@40 |@70", want: "3@28 4@50 |@70"},
		"the end, at once":               {feed: "1@0 2@5 |@7", want: "2@7 |@7"},
		"the end, nothing held":          {feed: "1@0 |@20", want: "1@10 |@20"},
		"without rest, only at the end":  {feed: "1@0 2@9 3@18 4@27 5@36 |@40", want: "5@40 |@40"},
		"the end, a slow reader":         {feed: "1@0 2@20 |@25", rest: 50, want: "1@10 2@60 |@110"},
		"a newer one, a slow reader":     {feed: "1@0 2@20 3@40 |@99", from: 35, rest: 50, want: "2@35 3@85 |@135", took: "1@0 2@20 3@40"},
		"withdrawn, and quiet anew":      {feed: "1@0 2@20 |@99", from: 25, want: "2@30 |@99", took: "1@0 2@20"},
		"cancel, waiting for the input":  {feed: "1@0", cancel: 20, want: "1@10 |@20"},
		"cancel, waiting for the timer":  {feed: "1@0", cancel: 5, want: "|@5"},
		"cancel, waiting for the reader": {feed: "1@0 2@11", rest: 50, cancel: 30, want: "1@10 |@60"},
		"cancel, after the end":          {feed: "1@0 |@1", from: 50, cancel: 30, want: "|@50"},
	}, func(ctx context.Context, in <-chan int) <-chan int { return flow.Debounce(ctx, in, 10*ms) })
}

// A value that is in the input when the time is over ends the quiet, though the operator has not taken it yet.
func TestDebounceLate(t *testing.T) {
	for range 20 { // a select would choose by luck
		in := of(1, 2, 3, 4, 5, 6, 7, 8, 9)
		for v := range flow.Debounce(t.Context(), in, 1) { // over before the next select
			if v != 9 {
				t.Fatalf("got %d, want 9", v)
			}
		}
	}
}
