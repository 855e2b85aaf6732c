//go:build !unix

package poller

import (
	"context"
	"errors"
	"time"
)

// fdSet stays empty: this system has no poll(2).
type fdSet struct{}

func (f *fdSet) add(int, Events) error { return errors.ErrUnsupported }
func (f *fdSet) look() error           { return nil }
func (f *fdSet) level(int) Events      { return 0 }

func newSleeper(ctx context.Context, _ *fdSet, timeout time.Duration) (sleeper, error) {
	return newChannelSleeper(ctx, timeout), nil
}
