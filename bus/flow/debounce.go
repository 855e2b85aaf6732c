package flow

import (
	"context"
	"time"
)

// Debounce gives the newest value of in when none has come for d, and drops the others. At the end of in it gives the
// newest at once. Debounce reads on while the reader does not: a value that comes before the reader took the last one
// replaces it, and d begins anew. An input that never rests for d gives nothing before its end. Debounce panics when
// ctx is nil or d is not positive.
func Debounce[T any](ctx context.Context, in <-chan T, d time.Duration) <-chan T {
	require(ctx != nil, "Debounce", "nil context")
	require(d > 0, "Debounce", "d is not positive")
	done := ctx.Done()
	return run(func(out chan<- T) {
		timer := time.NewTimer(d)
		timer.Stop()
		var newest, none T
		open, have, due := true, false, false
		for (open || have) && !over(done) {
			select {
			case v, ok := <-in:
				if !ok {
					open, due, in = false, true, nil
					continue
				}
				newest, have, due = v, true, false
				timer.Reset(d)
			case when(have && due, out) <- newest:
				newest, have = none, false
			case <-timer.C:
				// Late on a busy machine, there may be something in the input that ends the quiet.
				if due = len(in) == 0; !due {
					timer.Reset(d)
				}
			case <-done:
			}
		}
	})
}
