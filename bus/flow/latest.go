package flow

import "context"

// Latest gives the newest value of in when the reader comes for it, each value at most once; those that were replaced
// by a newer one before are dropped. It never holds up the input. At the end of in the newest is given, if it has not
// been. Latest panics when ctx is nil.
func Latest[T any](ctx context.Context, in <-chan T) <-chan T {
	require(ctx != nil, "Latest", "nil context")
	done := ctx.Done()
	return run(func(out chan<- T) {
		var newest, none T
		open, have := true, false
		for (open || have) && !over(done) {
			select {
			case v, ok := <-in:
				if !ok {
					open, in = false, nil
					continue
				}
				newest, have = last(in, v), true
			case when(have, out) <- newest:
				newest, have = none, false
			case <-done:
			}
		}
	})
}

// last returns the last of the values that wait in in, or v. It looks at no more than in has room for, so that a
// sender that never rests does not keep it from the reader.
func last[T any](in <-chan T, v T) T {
	for range cap(in) {
		select {
		case next, ok := <-in:
			if !ok {
				return v
			}
			v = next
		default:
			return v
		}
	}
	return v
}
