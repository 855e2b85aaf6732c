package flow

import (
	"context"
	"reflect"
	"slices"
)

// Tee gives every value of in to each of n outputs, in the order of in. Their readers may come for it in any order,
// but all must have taken a value before any gets the next: the slowest sets the pace, and one that stops holds up the
// others and the input until ctx ends. The outputs are closed together. Tee panics when ctx is nil, or n is less than
// 1 or more than 65,535.
//
// The value is not copied: readers of a slice, a map or what a pointer leads to should not write into it.
func Tee[T any](ctx context.Context, in <-chan T, n int) []<-chan T {
	require(ctx != nil, "Tee", "nil context")
	require(n >= 1, "Tee", "n is less than 1")
	require(n < maxCases, "Tee", "n is too large")
	t := teer[T]{done: ctx.Done(), waiting: make([]chan<- T, 0, n)}
	outs, all := make([]<-chan T, n), make([]chan<- T, n)
	for i := 1; i < n; i++ {
		out := make(chan T)
		outs[i], all[i] = out, out
	}
	outs[0] = run(func(out chan<- T) {
		all[0] = out
		defer func() {
			for _, out := range all[1:] {
				close(out)
			}
		}()
		for v := range each(t.done, in) {
			if !t.give(v, all) {
				return
			}
		}
	})
	return outs
}

// teer is the state of Tee's goroutine.
type teer[T any] struct {
	done    <-chan struct{}
	waiting []chan<- T           // outputs whose reader has not taken the value
	cases   []reflect.SelectCase // room for done and waiting
}

// give sends v to all, and tells whether all took it before the context ended.
func (t *teer[T]) give(v T, all []chan<- T) bool {
	t.waiting = append(t.waiting[:0], all...)
	for {
		t.offer(v)
		switch len(t.waiting) {
		case 0:
			return true
		case 1:
			return send(t.done, t.waiting[0], v)
		}
		if !t.giveOne(v) {
			return false
		}
	}
}

// offer sends v to those whose reader is there.
func (t *teer[T]) offer(v T) {
	left := t.waiting[:0]
	for _, out := range t.waiting {
		select {
		case out <- v:
		default:
			left = append(left, out)
		}
	}
	t.waiting = left
}

// giveOne sends v to the first whose reader comes. It returns false when the context ended before.
func (t *teer[T]) giveOne(v T) bool {
	value := reflect.ValueOf(&v).Elem() // and not of v, which may be a nil interface
	t.cases = append(t.cases[:0], reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(t.done)})
	for _, out := range t.waiting {
		t.cases = append(t.cases, reflect.SelectCase{Dir: reflect.SelectSend, Chan: reflect.ValueOf(out), Send: value})
	}
	i, _, _ := reflect.Select(t.cases)
	clear(t.cases) // so as not to keep v
	if i == 0 {
		return false
	}
	t.waiting = slices.Delete(t.waiting, i-1, i)
	return true
}
