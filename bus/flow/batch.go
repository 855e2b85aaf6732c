package flow

import (
	"context"
	"time"
)

// Batch collects the values of in into slices of n, in the order of in, and gives one when it is full, or d after its
// first value came, or at the end of in with what there is; never an empty one. A batch that is not taken at once when
// d is over grows on until the reader comes. One that is full makes the input wait. d of 0 or less sets no time.
// Each slice is the receiver's own. Batch panics when ctx is nil or n is less than 1.
func Batch[T any](ctx context.Context, in <-chan T, n int, d time.Duration) <-chan []T {
	require(ctx != nil, "Batch", "nil context")
	require(n >= 1, "Batch", "n is less than 1")
	done := ctx.Done()
	return run(func(out chan<- []T) {
		timer := time.NewTimer(d)
		timer.Stop()
		var batch []T
		size := 0 // of the last batch: the next is probably as long
		open, due := true, false
		for (open || len(batch) > 0) && !over(done) {
			from := in
			if len(batch) == n {
				from, due = nil, true
			}
			select {
			case v, ok := <-from:
				if !ok {
					open, due, in = false, true, nil
					continue
				}
				if batch == nil {
					batch = make([]T, 0, size)
					if d > 0 {
						timer.Reset(d)
					}
				}
				batch = append(batch, v)
			case when(due, out) <- batch:
				timer.Stop()
				size, batch, due = len(batch), nil, false
			case <-timer.C:
				due = true
			case <-done:
			}
		}
	})
}
