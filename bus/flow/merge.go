package flow

import (
	"context"
	"reflect"
	"slices"
)

// maxCases is how many channels reflect.Select can wait for.
const maxCases = 65536

// few is how many inputs Merge waits for without it.
const few = 8

// Merge gives the values of all inputs, as they come. The order of each input is kept; between inputs none is
// promised. It is fair: an input that has a value waiting is served before any other is served twice. While the
// reader does not read, the inputs wait. The output is closed when all inputs are, at once when there are none. Merge
// panics when ctx is nil or there are more than 65,535 inputs.
//
// One goroutine serves them all. It looks at each input in turn, and only when all are empty does it wait for all of
// them together, which for many inputs takes longer.
func Merge[T any](ctx context.Context, in ...<-chan T) <-chan T {
	require(ctx != nil, "Merge", "nil context")
	require(len(in) < maxCases, "Merge", "too many inputs")
	m := merger[T]{done: ctx.Done(), in: slices.Clone(in)}
	return run(func(out chan<- T) {
		for {
			v, ok := m.take()
			if !ok || !send(m.done, out, v) {
				return
			}
		}
	})
}

// merger is the state of Merge's goroutine.
type merger[T any] struct {
	done  <-chan struct{}
	in    []<-chan T           // those that are open
	next  int                  // whose turn it is
	cases []reflect.SelectCase // in and done; nil when in has changed
}

// take returns the next value, or false when all inputs or the context have ended.
func (m *merger[T]) take() (v T, ok bool) {
	for len(m.in) > 0 && !over(m.done) {
		var from int
		if v, ok, from = m.look(); from < 0 {
			v, ok, from = m.wait()
		}
		switch {
		case from == len(m.in): // the context
		case ok:
			m.next = from + 1
			return v, true
		default:
			m.in = slices.Delete(m.in, from, from+1)
			m.next, m.cases = from, nil
		}
	}
	return v, false
}

// look receives from the first input that has something, beginning with the one whose turn it is. from is -1 when all
// are empty.
func (m *merger[T]) look() (v T, ok bool, from int) {
	from = m.next
	for range m.in {
		if from >= len(m.in) {
			from = 0
		}
		select {
		case v, ok = <-m.in[from]:
			return v, ok, from
		default:
			from++
		}
	}
	return v, false, -1
}

// wait receives from the first input that gets something. from is len(m.in) when the context ended before.
func (m *merger[T]) wait() (v T, ok bool, from int) {
	if len(m.in) <= few {
		return m.waitFew()
	}
	if m.cases == nil {
		for _, in := range m.in {
			m.cases = append(m.cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(in)})
		}
		m.cases = append(m.cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(m.done)})
	}
	from, value, ok := reflect.Select(m.cases)
	if ok {
		reflect.ValueOf(&v).Elem().Set(value) // value.Interface would lose the type of a nil interface
	}
	return v, ok, from
}

// waitFew is wait without reflect.Select, which allocates for each input at each call.
func (m *merger[T]) waitFew() (v T, ok bool, from int) {
	var in [few]<-chan T // what is missing is nil, and never chosen
	copy(in[:], m.in)
	select {
	case v, ok = <-in[0]:
		return v, ok, 0
	case v, ok = <-in[1]:
		return v, ok, 1
	case v, ok = <-in[2]:
		return v, ok, 2
	case v, ok = <-in[3]:
		return v, ok, 3
	case v, ok = <-in[4]:
		return v, ok, 4
	case v, ok = <-in[5]:
		return v, ok, 5
	case v, ok = <-in[6]:
		return v, ok, 6
	case v, ok = <-in[7]:
		return v, ok, 7
	case <-m.done:
		return v, false, len(m.in)
	}
}
