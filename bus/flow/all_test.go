package flow_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"zmqbus/bus/flow"
)

func ExampleAll() {
	ctx := context.Background()
	in := of("a", "b", "c") // a channel with these values, closed
	for s := range flow.All(ctx, in) {
		fmt.Println(s)
	}
	// Output:
	// a
	// b
	// c
}

func TestAll(t *testing.T) {
	ctx := t.Context()
	over, cancel := context.WithCancel(ctx)
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		in   <-chan int
		stop int // values after which the loop breaks off
		want string
		left int // values in the input afterwards
	}{
		"to the end":                  {ctx, of(1, 2, 3), 9, "[1 2 3]", 0},
		"nothing":                     {ctx, of[int](), 9, "[]", 0},
		"a break loses nothing":       {ctx, of(1, 2, 3), 1, "[1]", 2},
		"a context that is over":      {over, of(1, 2, 3), 9, "[]", 3},
		"a nil input, a context over": {over, nil, 9, "[]", 0},
	} {
		t.Run(name, func(t *testing.T) {
			var got []int
			for v := range flow.All(c.ctx, c.in) {
				if got = append(got, v); len(got) == c.stop {
					break
				}
			}
			if fmt.Sprint(got) != c.want || len(c.in) != c.left {
				t.Errorf("got %v with %d left, want %s with %d left", got, len(c.in), c.want, c.left)
			}
		})
	}
}

// The end of the context ends a loop that waits, and one that is busy before its next value.
func TestAllCancel(t *testing.T) {
	for name, in := range map[string]chan int{"nil input": nil, "an input": make(chan int)} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			go cancel() // owned by the test, and ends at once
			for range flow.All(ctx, in) {
				t.Fatal("a value came from nowhere")
			}
		})
	}
	t.Run("busy", func(t *testing.T) {
		for range 20 { // a select would choose by luck
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			n := 0
			for range flow.All(ctx, of(1, 2, 3, 4, 5)) {
				n++
				cancel()
			}
			if n != 1 {
				t.Fatalf("%d values, want 1", n)
			}
		}
	})
}

// A loop can go on where another broke off, and loops may share an input.
func TestAllAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := flow.All(t.Context(), of(1, 2, 3, 4))
		for v := range all {
			if v == 2 {
				break
			}
		}
		sums := make(chan int, 2)
		for range 2 { // owned by the test, and end with the input
			go func() {
				sum := 0
				for v := range all {
					sum += v
				}
				sums <- sum
			}()
		}
		if a, b := <-sums, <-sums; a+b != 7 {
			t.Errorf("the sums are %d and %d, want 7 in all", a, b)
		}
		if n := goroutines(); n != 0 {
			t.Errorf("All has %d goroutines", n)
		}
	})
}
