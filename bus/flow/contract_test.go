package flow_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zmqbus/bus/flow"
)

const ms = time.Millisecond

// What doc.go says about all operators. Each is called so that it gives one value for each that it takes.
func TestContract(t *testing.T) {
	keep := func(int) bool { return true }
	same := func(v int) int { return v }
	newer := func(_, v int) int { return v }
	contract(t, "Map", false, func(ctx context.Context, in <-chan int) <-chan int { return flow.Map(ctx, in, same) })
	contract(t, "Filter", false, func(ctx context.Context, in <-chan int) <-chan int { return flow.Filter(ctx, in, keep) })
	contract(t, "Scan", false, func(ctx context.Context, in <-chan int) <-chan int { return flow.Scan(ctx, in, 0, newer) })
	contract(t, "Merge", false, func(ctx context.Context, in <-chan int) <-chan int { return flow.Merge(ctx, in) })
	contract(t, "Tee", false, func(ctx context.Context, in <-chan int) <-chan int { return flow.Tee(ctx, in, 1)[0] })
	contract(t, "Batch", false, func(ctx context.Context, in <-chan int) <-chan []int { return flow.Batch(ctx, in, 1, ms) })
	contract(t, "Timeout", false, func(ctx context.Context, in <-chan int) <-chan int {
		out, _ := flow.Timeout(ctx, in, ms)
		return out
	})
	contract(t, "Throttle", true, func(ctx context.Context, in <-chan int) <-chan int { return flow.Throttle(ctx, in, ms) })
	contract(t, "Debounce", true, func(ctx context.Context, in <-chan int) <-chan int { return flow.Debounce(ctx, in, ms) })
	contract(t, "Latest", true, func(ctx context.Context, in <-chan int) <-chan int { return flow.Latest(ctx, in) })
}

type call[T any] func(context.Context, <-chan int) <-chan T

func contract[T any](t *testing.T, name string, conflates bool, op call[T]) {
	for what, test := range map[string]func(*testing.T, call[T], bool){
		"nil input":                      contractNil[T],
		"end of an empty input":          contractEmpty[T],
		"end with a value in hand":       contractHand[T],
		"cancel, waiting for the input":  contractCancelInput[T],
		"cancel, waiting for the reader": contractCancelReader[T],
		"cancelled before":               contractBefore[T],
		"cancel with all ready":          contractReady[T],
		"backpressure":                   contractPressure[T],
		"goroutines":                     contractGoroutines[T],
	} {
		t.Run(name+"/"+what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, op, conflates) })
		})
	}
}

// wantEnd checks that out is closed when everything has come to rest.
func wantEnd[T any](t *testing.T, out <-chan T) {
	t.Helper()
	synctest.Wait()
	select {
	case v, ok := <-out:
		if ok {
			t.Fatalf("got %v, want the end", v)
		}
	default:
		t.Fatal("the output is open")
	}
}

// wantNothing checks that out gives nothing when everything has come to rest, and is open.
func wantNothing[T any](t *testing.T, out <-chan T) {
	t.Helper()
	synctest.Wait()
	select {
	case v, ok := <-out:
		t.Fatalf("got %v, %v, want nothing yet", v, ok)
	default:
	}
}

// wantValue checks that out gives a value.
func wantValue[T any](t *testing.T, out <-chan T) T {
	t.Helper()
	v, ok := <-out
	if !ok {
		t.Fatal("the output is closed")
	}
	return v
}

func contractNil[T any](t *testing.T, op call[T], _ bool) {
	ctx, cancel := context.WithCancel(t.Context())
	out := op(ctx, nil)
	wantNothing(t, out)
	cancel()
	wantEnd(t, out)
}

func contractEmpty[T any](t *testing.T, op call[T], _ bool) {
	wantEnd(t, op(t.Context(), of[int]()))
}

func contractHand[T any](t *testing.T, op call[T], _ bool) {
	out := op(t.Context(), of(1))
	time.Sleep(time.Hour)
	wantValue(t, out)
	wantEnd(t, out)
}

func contractCancelInput[T any](t *testing.T, op call[T], _ bool) {
	ctx, cancel := context.WithCancel(t.Context())
	in := make(chan int)
	out := op(ctx, in)
	in <- 1
	wantValue(t, out)
	wantNothing(t, out)
	cancel()
	wantEnd(t, out)
}

func contractCancelReader[T any](t *testing.T, op call[T], _ bool) {
	ctx, cancel := context.WithCancel(t.Context())
	in := make(chan int)
	out := op(ctx, in)
	in <- 1
	time.Sleep(time.Hour) // timers go off, and the value is offered
	synctest.Wait()
	cancel()
	wantEnd(t, out)
}

func contractBefore[T any](t *testing.T, op call[T], _ bool) {
	for range 20 { // a select would choose by luck
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		in := make(chan int, 1)
		in <- 1
		wantEnd(t, op(ctx, in))
		if len(in) == 0 {
			t.Fatal("an operator whose context was over took a value")
		}
	}
}

func contractReady[T any](t *testing.T, op call[T], _ bool) {
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		in := make(chan int, 100)
		out := op(ctx, in)
		for range cap(in) {
			in <- 1
		}
		wantValue(t, out)
		cancel()
		n := 0
		for range out {
			n++
		}
		if n > 1 {
			t.Fatalf("%d values came after the end of the context, want at most one", n)
		}
	}
}

func contractPressure[T any](t *testing.T, op call[T], conflates bool) {
	in := make(chan int, 10)
	for range cap(in) {
		in <- 1
	}
	out := op(t.Context(), in)
	time.Sleep(time.Hour)
	synctest.Wait()
	left, n := 9, 10 // one is in the operator's hand
	if conflates {
		left, n = 0, 1
	}
	if len(in) != left {
		t.Errorf("%d values wait in the input, want %d", len(in), left)
	}
	close(in)
	for range out {
		n--
	}
	if n != 0 {
		t.Errorf("%d values are missing", n)
	}
}

func contractGoroutines[T any](t *testing.T, op call[T], _ bool) {
	ctx, cancel := context.WithCancel(t.Context())
	out := op(ctx, nil)
	if n := goroutines(); n != 1 {
		t.Errorf("%d goroutines, want 1", n)
	}
	if cap(out) != 0 {
		t.Errorf("the output has room for %d", cap(out))
	}
	cancel()
	wantEnd(t, out)
	if n := goroutines(); n != 0 {
		t.Errorf("%d goroutines after the end", n)
	}
}

// goroutines counts those that operators have started in this bubble. Outside, those of earlier tests may just be
// ending. All come to rest before: a running one may have no stack to show.
func goroutines() int {
	synctest.Wait()
	buf := make([]byte, 1<<20)
	stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	_, bubble, ok := strings.Cut(strings.SplitN(stacks[0], "]", 2)[0], "synctest bubble ") // the first is the caller's
	if !ok {
		panic("not in a bubble: " + stacks[0])
	}
	n := 0
	for _, s := range stacks {
		if strings.Contains(s, "synctest bubble "+bubble+"]") && strings.Contains(s, "created by zmqbus/bus/flow.") {
			n++
		}
	}
	return n
}
