package flow_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"zmqbus/bus/flow"
)

func ExampleMerge() {
	ctx := context.Background()
	in := of(1, 2) // a channel with these values, closed
	names := flow.Map(ctx, in, func(v int) string { return fmt.Sprint("peer ", v) })
	for s := range flow.Merge(ctx, names, of("bus")) {
		fmt.Println(s)
	}
	// Unordered output:
	// peer 1
	// bus
	// peer 2
}

// One busy input among n others, which end when it does. Merge waits in one way for up to 8, in another for more.
func TestMerge(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 63} {
		t.Run(fmt.Sprintf("%d others", n), func(t *testing.T) {
			playAll(t, map[string]play{
				"as they come":                   {feed: "1@0 2@5 3@5 |@9", want: "1@0 2@5 3@5 |@9", took: "1@0 2@5 3@5"},
				"the input waits":                {feed: "1@0 2@0 3@0 |@0", rest: 10, want: "1@0 2@10 3@20 |@30", took: "1@0 2@0 3@10"},
				"cancel, waiting for the input":  {feed: "1@0", cancel: 5, want: "1@0 |@5"},
				"cancel, waiting for the reader": {feed: "1@0 2@1 3@2", rest: 50, cancel: 5, want: "1@0 |@50", took: "1@0 2@1"},
			}, func(ctx context.Context, in <-chan int) <-chan int {
				all := make([]<-chan int, n+1)
				for i := range all {
					all[i] = in // the same channel may be there more than once
				}
				return flow.Merge(ctx, all...)
			})
		})
	}
}

func TestMergeNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { wantEnd(t, flow.Merge[int](t.Context())) })
}

// An input that is closed is out, at any place and in any order; the output lasts as long as the last.
func TestMergeEnds(t *testing.T) {
	for _, n := range []int{1, 2, 8, 9, 20} {
		for from := range n {
			synctest.Test(t, func(t *testing.T) {
				in, send := mergeInputs(n)
				out := flow.Merge(t.Context(), in...)
				for i := range n {
					at := (from + i*7) % n // each once: none of the counts is a multiple of 7
					synctest.Wait()
					send[at] <- at
					if v := wantValue(t, out); v != at {
						t.Fatalf("got %d, want %d", v, at)
					}
					wantNothing(t, out)
					close(send[at])
				}
				wantEnd(t, out)
			})
		}
	}
}

func mergeInputs(n int) (in []<-chan int, send []chan<- int) {
	for range n {
		c := make(chan int)
		in, send = append(in, c), append(send, c)
	}
	return in, send
}

// Inputs that always have something take turns. One that is nil, and one that ends, are passed over.
func TestMergeFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := flow.Merge(t.Context(), of("a", "a", "a", "a"), of("b"), nil, of("c", "c", "c"), of("d", "d"))
		got := ""
		for range 10 {
			got += wantValue(t, out)
		}
		if want := "abcdacdaca"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		wantNothing(t, out)
	})
}

// An input that becomes ready while another is busy is served before that one is served twice: besides what is in the
// operator's hand.
func TestMergeFairLate(t *testing.T) {
	for _, n := range []int{2, 8, 9} {
		synctest.Test(t, func(t *testing.T) {
			late := make(chan int, 1)
			in := []<-chan int{of(1, 2, 3, 4, 5), late}
			out := flow.Merge(t.Context(), append(in, make([]<-chan int, n-2)...)...)
			synctest.Wait() // 1 is in the hand
			late <- -1
			if a, b := <-out, <-out; a != 1 || b != -1 {
				t.Errorf("got %d and %d, want 1 and -1", a, b)
			}
			for v := range 4 {
				if got := <-out; got != v+2 {
					t.Errorf("got %d, want %d", got, v+2)
				}
			}
			close(late)
		})
	}
}

// The caller's slice is not used after the call.
func TestMergeSlice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := []<-chan int{of(1), of(2)}
		out := flow.Merge(t.Context(), in...)
		clear(in)
		if a, b := wantValue(t, out), wantValue(t, out); a+b != 3 {
			t.Errorf("got %d and %d, want 1 and 2", a, b)
		}
		wantEnd(t, out)
	})
}

// A nil interface is a value like others, also when Merge waits for it.
func TestMergeNilInterface(t *testing.T) {
	for _, n := range []int{2, 20} {
		synctest.Test(t, func(t *testing.T) {
			errs := make(chan error)
			ctx, cancel := context.WithCancel(t.Context())
			out := flow.Merge(ctx, append(make([]<-chan error, n-1), errs)...)
			synctest.Wait()
			some := errors.New("some")
			for _, err := range []error{nil, some, nil} {
				errs <- err
				if got := wantValue(t, out); got != err {
					t.Errorf("got %v, want %v", got, err)
				}
				synctest.Wait()
			}
			cancel()
			wantEnd(t, out)
		})
	}
}
