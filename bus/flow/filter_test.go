package flow_test

import (
	"context"
	"fmt"
	"testing"

	"zmqbus/bus/flow"
)

func ExampleFilter() {
	ctx := context.Background()
	in := of(1, 2, 3, 4) // a channel with these values, closed
	for v := range flow.Filter(ctx, in, func(v int) bool { return v%2 == 0 }) {
		fmt.Println(v)
	}
	// Output:
	// 2
	// 4
}

func TestFilter(t *testing.T) {
	playAll(t, map[string]play{
		"as they come":                   {feed: "1@0 2@5 3@6 4@7 |@9", want: "2@5 4@7 |@9"},
		"none":                           {feed: "1@0 3@6 |@9", want: "|@9"},
		"the input waits":                {feed: "2@0 4@0 1@0 6@0 |@0", rest: 10, want: "2@0 4@10 6@20 |@30", took: "2@0 4@0 1@10 6@10"},
		"others do not wait":             {feed: "2@0 1@1 3@2 4@3 6@4 |@4", rest: 10, want: "2@0 4@10 6@20 |@30", took: "2@0 1@1 3@2 4@3 6@10"},
		"cancel, waiting for the input":  {feed: "2@0 1@1", cancel: 5, want: "2@0 |@5"},
		"cancel, waiting for the reader": {feed: "2@0 4@1 6@2", rest: 50, cancel: 5, want: "2@0 |@50", took: "2@0 4@1"},
	}, func(ctx context.Context, in <-chan int) <-chan int {
		return flow.Filter(ctx, in, func(v int) bool { return v%2 == 0 })
	})
}
