package flow_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"zmqbus/bus/flow"
)

func ExampleTee() {
	ctx := context.Background()
	in := of(3, 4, 5) // a channel with these values, closed
	outs := flow.Tee(ctx, in, 2)

	log := make(chan struct{})
	go func() { // ends with its output
		defer close(log)
		for v := range outs[0] {
			fmt.Println("log", v)
		}
	}()
	sum := 0
	for v := range outs[1] {
		sum += v
	}
	<-log
	fmt.Println("sum", sum)
	// Output:
	// log 3
	// log 4
	// log 5
	// sum 12
}

// What one reader gets when the others always read: the slowest sets the pace.
func TestTee(t *testing.T) {
	for _, n := range []int{1, 2, 3, 20} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			playAll(t, map[string]play{
				"as they come":                   {feed: "1@0 2@5 |@9", want: "1@0 2@5 |@9", took: "1@0 2@5"},
				"the input waits":                {feed: "1@0 2@0 3@0 |@0", rest: 10, want: "1@0 2@10 3@20 |@30", took: "1@0 2@0 3@10"},
				"cancel, waiting for the input":  {feed: "1@0", cancel: 5, want: "1@0 |@5"},
				"cancel, waiting for the reader": {feed: "1@0 2@1 3@2", rest: 50, cancel: 5, want: "1@0 |@50", took: "1@0 2@1"},
			}, func(ctx context.Context, in <-chan int) <-chan int {
				outs := flow.Tee(ctx, in, n)
				for _, out := range outs[1:] {
					go func() { // owned by the test, and ends with its output
						for range out {
						}
					}()
				}
				return outs[0]
			})
		})
	}
}

// Readers may come in any order, and all together: each value reaches all before the next reaches any.
func TestTeeOrder(t *testing.T) {
	for n := 2; n <= 9; n++ {
		synctest.Test(t, func(t *testing.T) {
			outs := flow.Tee(t.Context(), of(0, 1, 2, 3, 4), n)
			for v := range 5 {
				for i := range n {
					at := (v + (n-1)*i) % n // backwards, beginning elsewhere each time
					synctest.Wait()
					if got := wantValue(t, outs[at]); got != v {
						t.Fatalf("output %d gave %d, want %d", at, got, v)
					}
					if i < n-1 {
						wantNothing(t, outs[at])
					}
				}
			}
			for _, out := range outs {
				wantEnd(t, out)
			}
		})
	}
}

// The end of the context ends all outputs, whoever has got the value in hand.
func TestTeeCancel(t *testing.T) {
	for readers := range 5 {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			outs := flow.Tee(ctx, of(1, 2), 5)
			if n := goroutines(); n != 1 {
				t.Errorf("%d goroutines, want 1", n)
			}
			for _, out := range outs[:readers] {
				wantValue(t, out)
				synctest.Wait()
			}
			cancel()
			for _, out := range outs {
				if cap(out) != 0 {
					t.Errorf("an output has room for %d", cap(out))
				}
				wantEnd(t, out)
			}
		})
	}
}

// A nil interface is a value like others, also when its readers are awaited.
func TestTeeNilInterface(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		some := errors.New("some")
		values := []error{nil, some, nil}
		outs := flow.Tee(t.Context(), of(values...), 3)
		for _, want := range values {
			for _, out := range outs {
				synctest.Wait()
				if got := wantValue(t, out); got != want {
					t.Errorf("got %v, want %v", got, want)
				}
			}
		}
		for _, out := range outs {
			wantEnd(t, out)
		}
	})
}
