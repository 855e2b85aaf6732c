package flow

import (
	"context"
	"iter"
)

// All returns the values of in for a range loop, which ends with in or with ctx; ctx.Err tells which, unless both
// have. It has no goroutine and takes a value only when the loop asks for one, so a loop that breaks off loses
// nothing, and another loop goes on where it was. Loops over one input may run at once and share its values. All
// panics when ctx is nil.
func All[T any](ctx context.Context, in <-chan T) iter.Seq[T] {
	require(ctx != nil, "All", "nil context")
	return each(ctx.Done(), in)
}
