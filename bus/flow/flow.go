package flow

import "iter"

// run starts an operator's goroutine and returns its output. The goroutine is owned by the operator and stops when
// body returns, which every body does when its input or its context has ended. It alone sends to the output, and
// closes it last.
func run[T any](body func(out chan<- T)) <-chan T {
	out := make(chan T)
	go func() {
		defer close(out) // also when a user's function ends the goroutine
		body(out)
	}()
	return out
}

// require panics when an argument is not usable, like time.NewTicker: the program is wrong, and there is nothing that
// it could do about an error.
func require(ok bool, operator, fault string) {
	if !ok {
		panic("flow." + operator + ": " + fault)
	}
}

// over tells whether the context has ended. It is asked before every select, since a select picks at random among
// what is ready and so might go on for a while.
func over(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// each yields what comes from in, until that is closed or the context ends.
func each[T any](done <-chan struct{}, in <-chan T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for !over(done) {
			select {
			case v, ok := <-in:
				if !ok || !yield(v) {
					return
				}
			case <-done:
				return
			}
		}
	}
}

// send gives v to the reader of out, and tells whether it took it before the context ended.
func send[T any](done <-chan struct{}, out chan<- T, v T) bool {
	if over(done) {
		return false
	}
	select {
	case out <- v:
		return true
	case <-done:
		return false
	}
}

// when returns out while ready, and otherwise the channel that a select never picks.
func when[T any](ready bool, out chan<- T) chan<- T {
	if ready {
		return out
	}
	return nil
}
