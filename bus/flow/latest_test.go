package flow_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"zmqbus/bus/flow"
)

func ExampleLatest() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	in := make(chan int)
	out := flow.Latest(ctx, in)
	for price := range 100 {
		in <- price // never waits for the reader
	}
	fmt.Println(<-out)
	// Output: 99
}

func TestLatest(t *testing.T) {
	playAll(t, map[string]play{
		"a reader that waits":            {feed: "1@0 2@5 |@9", want: "1@0 2@5 |@9"},
		"the newest":                     {feed: "1@0 2@5 3@9 4@30 |@99", from: 20, want: "3@20 4@30 |@99"},
		"each at most once":              {feed: "1@0 |@50", rest: 10, want: "1@0 |@50"},
		"never holds up the input":       {feed: "1@0 2@1 3@2 4@3 5@60 |@99", rest: 50, want: "1@0 4@50 5@100 |@150", took: "1@0 2@1 3@2 4@3 5@60"},
		"the end, with a value held":     {feed: "1@0 2@1 |@2", from: 50, want: "2@50 |@50"},
		"cancel, waiting for the input":  {feed: "1@0", cancel: 5, want: "1@0 |@5"},
		"cancel, waiting for the reader": {feed: "1@0 2@1", rest: 50, cancel: 5, want: "1@0 |@50"},
		"cancel, after the end":          {feed: "1@0 |@1", from: 50, cancel: 5, want: "|@50"},
	}, func(ctx context.Context, in <-chan int) <-chan int { return flow.Latest(ctx, in) })
}

// What waits in a buffered input is passed over, also when the reader is there.
func TestLatestBuffered(t *testing.T) {
	for range 20 { // a select would choose by luck
		for v := range flow.Latest(t.Context(), of(1, 2, 3, 4, 5, 6, 7, 8, 9)) {
			if v != 9 {
				t.Fatalf("got %d, want 9", v)
			}
		}
	}
}

// A sender that never rests does not keep the operator from its reader.
func TestLatestBusy(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	in := make(chan int, 4)
	ended := make(chan struct{})
	go func() { // owned by the test, and ends with ctx
		defer close(ended)
		for i := 0; ctx.Err() == nil; i++ {
			select {
			case in <- i:
			case <-ctx.Done():
			}
		}
	}()
	out := flow.Latest(ctx, in)
	before := -1
	for range 1000 {
		v := wantValue(t, out)
		if v <= before {
			t.Fatalf("got %d after %d", v, before)
		}
		before = v
	}
	cancel()
	<-ended
	for range out {
	}
}

// Nor do many senders at a small input, however long the last of them takes.
func TestLatestCrowd(t *testing.T) {
	for range 100 { // the operator may well be done before the reader comes
		n := 0
		synctest.Test(t, func(t *testing.T) {
			in := make(chan int, 1)
			var senders sync.WaitGroup
			for i := range 1000 {
				senders.Go(func() { in <- i }) // owned by the test; the operator takes all
			}
			synctest.Wait()
			out := flow.Latest(t.Context(), in)
			go func() { // owned by the test, and ends with the senders
				senders.Wait()
				close(in)
			}()
			for range out {
				n++
			}
		})
		if n > 1 {
			return
		}
	}
	t.Error("the reader got nothing before all senders were done")
}
