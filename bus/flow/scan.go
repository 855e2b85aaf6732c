package flow

import "context"

// Scan keeps a state, first start, and for each value v of in makes it f(state, v) and gives it: running sums, the
// last of each key, counts. start itself is not given. f runs on Scan's goroutine, one call at a time; the end of ctx
// does not interrupt it. While the reader does not read, the input waits. Scan panics when ctx or f is nil.
//
// The reader gets the state itself, not a copy. When S is a map, a slice or a pointer, f should return a new one
// rather than change what the reader has.
func Scan[T, S any](ctx context.Context, in <-chan T, start S, f func(S, T) S) <-chan S {
	require(ctx != nil, "Scan", "nil context")
	require(f != nil, "Scan", "nil function")
	done := ctx.Done()
	return run(func(out chan<- S) {
		state := start
		for v := range each(done, in) {
			state = f(state, v)
			if !send(done, out, state) {
				return
			}
		}
	})
}
