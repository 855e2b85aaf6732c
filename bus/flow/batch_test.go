package flow_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"zmqbus/bus/flow"
)

func ExampleBatch() {
	ctx := context.Background()
	in := of(1, 2, 3, 4, 5) // a channel with these values, closed
	for batch := range flow.Batch(ctx, in, 2, 0) {
		fmt.Println(batch)
	}
	// Output:
	// [1 2]
	// [3 4]
	// [5]
}

func TestBatch(t *testing.T) {
	playAll(t, map[string]play{
		"full":                            {feed: "1@0 2@1 3@2 4@3 5@4 6@5 |@6", want: "[1 2 3]@2 [4 5 6]@5 |@6"},
		"the rest at the end":             {feed: "1@0 2@1 3@2 4@3 |@6", want: "[1 2 3]@2 [4]@6 |@6"},
		"no empty one":                    {feed: "|@50", want: "|@50"},
		"time from the first value":       {feed: "1@3 2@9 3@20 |@50", want: "[1 2]@13 [3]@30 |@50"},
		"time again after a full one":     {feed: "1@0 2@1 3@5 4@6 |@50", want: "[1 2 3]@5 [4]@16 |@50"},
		"grows until the reader comes":    {feed: "1@0 2@20 |@50", from: 30, want: "[1 2]@30 |@50"},
		"a full one, the input waits":     {feed: "1@0 2@0 3@0 4@0 |@0", from: 5, want: "[1 2 3]@5 [4]@5 |@5", took: "1@0 2@0 3@0 4@5"},
		"the end, a slow reader":          {feed: "1@0 2@0 3@0 4@0 |@0", rest: 30, want: "[1 2 3]@0 [4]@30 |@60"},
		"cancel, waiting for the input":   {feed: "1@0 2@0 3@0", cancel: 20, want: "[1 2 3]@0 |@20"},
		"cancel, waiting for the timer":   {feed: "1@0 2@1", cancel: 5, want: "|@5"},
		"cancel, due by time":             {feed: "1@0 2@1 3@2 4@3", rest: 50, cancel: 20, want: "[1 2 3]@2 |@52"},
		"cancel, full and not being read": {feed: "1@0 2@1 3@2 4@3 5@3 6@3 7@3", rest: 50, cancel: 20, want: "[1 2 3]@2 |@52", took: "1@0 2@1 3@2 4@3 5@3 6@3"},
	}, func(ctx context.Context, in <-chan int) <-chan []int { return flow.Batch(ctx, in, 3, 10*ms) })
}

func TestBatchWithoutTime(t *testing.T) {
	playAll(t, map[string]play{
		"waits":  {feed: "1@0 2@5000 3@9000 |@9999", want: "[1 2]@5000 [3]@9999 |@9999"},
		"cancel": {feed: "1@0", cancel: 5000, want: "|@5000"},
	}, func(ctx context.Context, in <-chan int) <-chan []int { return flow.Batch(ctx, in, 2, -1) })
}

// A reader may keep a slice and write into it, also beyond its end.
func TestBatchOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got [][]int
		for b := range flow.Batch(t.Context(), of(1, 2, 3, 4, 5, 6, 7), 3, 0) {
			got = append(got, b)
			_ = append(b, -1)
		}
		if s := fmt.Sprint(got); s != "[[1 2 3] [4 5 6] [7]]" {
			t.Errorf("got %s", s)
		}
	})
}

// A reader that is ready gets what it would get without a Batch before it: nothing waits for a timer when n is 1.
func TestBatchOfOne(t *testing.T) {
	playAll(t, map[string]play{
		"at once": {feed: "1@0 2@0 3@5 |@6", want: "[1]@0 [2]@0 [3]@5 |@6"},
	}, func(ctx context.Context, in <-chan int) <-chan []int { return flow.Batch(ctx, in, 1, 10*ms) })
}
