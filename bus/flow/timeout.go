package flow

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// ErrTimeout is what the function of [Timeout] returns when the input was silent for too long. It also matches
// os.ErrDeadlineExceeded. It is not context.DeadlineExceeded, which says that the context's time was over.
var ErrTimeout = fmt.Errorf("flow: no value came in time: %w", os.ErrDeadlineExceeded)

// Timeout gives the values of in, in the order of in, until none came for d, counted from the call and again from
// each time that the reader took one: waiting for a slow reader is not silence of the input, which waits meanwhile.
// Then the output is closed.
//
// The function that Timeout returns tells why, once the output is closed: nil at the end of in, ErrTimeout, or
// context.Cause(ctx). Before, it returns nil. It does not block and may be called by any goroutine. After a timeout in
// is not read any more; cancel ctx to end what feeds it. Timeout panics when ctx is nil or d is not positive.
func Timeout[T any](ctx context.Context, in <-chan T, d time.Duration) (<-chan T, func() error) {
	require(ctx != nil, "Timeout", "nil context")
	require(d > 0, "Timeout", "d is not positive")
	var reason atomic.Pointer[error] // set before the output is closed
	out := run(func(out chan<- T) {
		if err := pass(ctx, in, out, d); err != nil {
			reason.Store(&err)
		}
	})
	return out, func() error {
		if err := reason.Load(); err != nil {
			return *err
		}
		return nil
	}
}

// pass is Timeout's goroutine. It returns why it ended.
func pass[T any](ctx context.Context, in <-chan T, out chan<- T, d time.Duration) error {
	done := ctx.Done()
	for timer := time.NewTimer(d); !over(done); timer.Reset(d) {
		var v T
		ok := true
		select {
		case v, ok = <-in:
		case <-timer.C:
			// On a busy machine both may be there by now, and a value that has come has come in time.
			select {
			case v, ok = <-in:
			default:
				return ErrTimeout
			}
		case <-done:
			return context.Cause(ctx)
		}
		if !ok {
			return nil
		}
		if !send(done, out, v) {
			break
		}
	}
	return context.Cause(ctx)
}
