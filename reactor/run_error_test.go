package reactor

import (
	"context"
	"errors"
	"testing"
)

// Run returns its function's error as it is, beside what had ended the reactor before, if that was an error.
func TestRunWhenTheReactorEndedBefore(t *testing.T) {
	mine, cause := errors.New("mine"), errors.New("cause")
	for name, c := range map[string]struct {
		end   func(r *Reactor, cancel context.CancelCauseFunc)
		plain bool // nothing beside mine
	}{
		"not at all": {func(*Reactor, context.CancelCauseFunc) {}, true},
		"by Stop":    {func(r *Reactor, _ context.CancelCauseFunc) { r.Stop(); <-r.Done() }, true},
		"by Close":   {func(r *Reactor, _ context.CancelCauseFunc) { _ = r.Close() }, true}, // is nil
		"by context": {func(r *Reactor, cancel context.CancelCauseFunc) { cancel(cause); <-r.Done() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			r, err := New(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Add(After(0)); err != nil {
				t.Fatal(err)
			}
			err = r.Run(func(Event) error { c.end(r, cancel); return mine })
			if c.plain != (err == mine) || !errors.Is(err, mine) || c.plain == errors.Is(err, cause) {
				t.Fatalf("got %v", err)
			}
		})
	}
}
