package flow

import (
	"context"
	"time"
)

// Throttle gives at most one value of in per d: the first at once, then, d after the reader took it, the newest of
// those that came meanwhile, or as soon as there is one. The others are dropped, but never the last: the end of in
// does not shorten d. Throttle reads on while the reader does not, and what it offers is then always the newest. It
// panics when ctx is nil or d is not positive.
func Throttle[T any](ctx context.Context, in <-chan T, d time.Duration) <-chan T {
	require(ctx != nil, "Throttle", "nil context")
	require(d > 0, "Throttle", "d is not positive")
	done := ctx.Done()
	return run(func(out chan<- T) {
		timer := time.NewTimer(d)
		timer.Stop()
		var newest, none T
		open, have, shut := true, false, false
		given := func() {
			newest, have, shut = none, false, true
			timer.Reset(d)
		}
		for (open || have) && !over(done) {
			select {
			case v, ok := <-in:
				if !ok {
					open, in = false, nil
					continue
				}
				newest, have = v, true
				// A reader that waits gets the first of many: below, the second might be chosen before it.
				select {
				case when(!shut, out) <- newest:
					given()
				default:
				}
			case when(have && !shut, out) <- newest:
				given()
			case <-timer.C:
				shut = false
			case <-done:
			}
		}
	})
}
