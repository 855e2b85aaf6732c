package flow_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"

	"zmqbus/bus/flow"
)

func ExampleMap() {
	ctx := context.Background()
	in := of(1, 2, 3) // a channel with these values, closed
	for s := range flow.Map(ctx, in, func(v int) string { return fmt.Sprintf("%d bid", v) }) {
		fmt.Println(s)
	}
	// Output:
	// 1 bid
	// 2 bid
	// 3 bid
}

func TestMap(t *testing.T) {
	playAll(t, map[string]play{
		"as they come":                   {feed: "1@0 2@5 |@9", want: "10@0 20@5 |@9", took: "1@0 2@5"},
		"the input waits":                {feed: "1@0 2@0 3@0 |@0", rest: 10, want: "10@0 20@10 30@20 |@30", took: "1@0 2@0 3@10"},
		"cancel, waiting for the input":  {feed: "1@0", cancel: 5, want: "10@0 |@5"},
		"cancel, waiting for the reader": {feed: "1@0 2@1 3@2", rest: 50, cancel: 5, want: "10@0 |@50", took: "1@0 2@1"},
	}, func(ctx context.Context, in <-chan int) <-chan int {
		return flow.Map(ctx, in, func(v int) int { return 10 * v })
	})
}

// The end of the context does not interrupt the function, and its result is dropped, also when there is a reader.
func TestMapFunctionAtCancel(t *testing.T) {
	for range 20 { // a select would choose by luck
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			release := make(chan struct{})
			out := flow.Map(ctx, of(1), func(v int) int {
				<-release
				return v
			})
			more := make(chan bool)
			go func() { // owned by the test, and ends with the output
				_, ok := <-out
				more <- ok
			}()
			synctest.Wait()
			cancel()
			synctest.Wait()
			select {
			case <-more:
				t.Error("the output is closed while the function runs")
			default:
			}
			close(release)
			if <-more {
				t.Error("the result came after the end of the context")
			}
		})
	}
}

// A function that ends its goroutine, as t.Fatal does, ends the output.
func TestMapGoexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := flow.Map(t.Context(), of(1, 2), func(v int) int {
			if v == 2 {
				runtime.Goexit()
			}
			return v
		})
		wantValue(t, out)
		wantEnd(t, out)
	})
}

// Several readers of one output share its values.
func TestMapReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := make(chan int)
		out := flow.Map(t.Context(), in, func(v int) int { return v })
		got := make(chan int, 2)
		for range 2 { // owned by the test, and stop after one value
			go func() { got <- <-out }()
		}
		in <- 1
		in <- 2
		close(in)
		if a, b := <-got, <-got; a+b != 3 {
			t.Errorf("the readers got %d and %d, want 1 and 2", a, b)
		}
		wantEnd(t, out)
	})
}
