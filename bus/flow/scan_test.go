package flow_test

import (
	"context"
	"fmt"
	"testing"

	"zmqbus/bus/flow"
)

func ExampleScan() {
	ctx := context.Background()
	in := of(3, 4, 5) // a channel with these values, closed
	for sum := range flow.Scan(ctx, in, 0.5, func(sum float64, v int) float64 { return sum + float64(v) }) {
		fmt.Println(sum)
	}
	// Output:
	// 3.5
	// 7.5
	// 12.5
}

func TestScan(t *testing.T) {
	playAll(t, map[string]play{
		"as they come":                   {feed: "1@0 2@5 3@6 |@9", want: "s1@0 s12@5 s123@6 |@9"},
		"start is not given":             {feed: "|@9", want: "|@9"},
		"the input waits":                {feed: "1@0 2@0 3@0 |@0", rest: 10, want: "s1@0 s12@10 s123@20 |@30", took: "1@0 2@0 3@10"},
		"cancel, waiting for the input":  {feed: "1@0", cancel: 5, want: "s1@0 |@5"},
		"cancel, waiting for the reader": {feed: "1@0 2@1 3@2", rest: 50, cancel: 5, want: "s1@0 |@50", took: "1@0 2@1"},
	}, func(ctx context.Context, in <-chan int) <-chan string {
		return flow.Scan(ctx, in, "s", func(s string, v int) string { return fmt.Sprint(s, v) })
	})
}
