package flow

import "context"

// Map gives f(v) for each value v of in, in the order of in. f runs on Map's goroutine, one call at a time; the end
// of ctx does not interrupt it, and the result is then dropped. While the reader does not read, the input waits.
// Map panics when ctx or f is nil.
func Map[T, U any](ctx context.Context, in <-chan T, f func(T) U) <-chan U {
	require(ctx != nil, "Map", "nil context")
	require(f != nil, "Map", "nil function")
	done := ctx.Done()
	return run(func(out chan<- U) {
		for v := range each(done, in) {
			if !send(done, out, f(v)) {
				return
			}
		}
	})
}
