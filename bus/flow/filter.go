package flow

import "context"

// Filter gives those values of in for which keep returns true, in the order of in. keep runs on Filter's goroutine,
// one call at a time; the end of ctx does not interrupt it. While the reader does not take a value that was kept, the
// input waits. Filter panics when ctx or keep is nil.
func Filter[T any](ctx context.Context, in <-chan T, keep func(T) bool) <-chan T {
	require(ctx != nil, "Filter", "nil context")
	require(keep != nil, "Filter", "nil function")
	done := ctx.Done()
	return run(func(out chan<- T) {
		for v := range each(done, in) {
			if keep(v) && !send(done, out, v) {
				return
			}
		}
	})
}
