//go:build unix

package poller

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// fdSet is the items of a poll that are descriptors, in their order.
type fdSet struct {
	list []unix.PollFd
}

func (f *fdSet) add(fd int, ev Events) error {
	// A number that does not fit is open nowhere, as the greatest that fits.
	f.list = append(f.list, unix.PollFd{Fd: int32(min(fd, math.MaxInt32)), Events: toPoll(ev)})
	return nil
}

// look asks the system for the state of all, without blocking.
func (f *fdSet) look() error {
	if len(f.list) == 0 {
		return nil
	}
	return pollFDs(f.list, 0)
}

// level is what look found for the i-th.
func (f *fdSet) level(i int) Events { return fromPoll(f.list[i].Revents) }

// pollFDs waits until one of list is ready, or for d (negative: for ever); after a signal, and the Go runtime sends
// itself some, it waits anew.
func pollFDs(list []unix.PollFd, d time.Duration) error {
	for {
		switch err := pollOnce(list, d); err {
		case nil:
			return nil
		case unix.EINTR:
		default:
			return fmt.Errorf("poller: poll: %w", err)
		}
	}
}

func newSleeper(ctx context.Context, fds *fdSet, timeout time.Duration) (sleeper, error) {
	if len(fds.list) == 0 {
		return newChannelSleeper(ctx, timeout), nil
	}
	return newFDSleeper(ctx, fds, timeout)
}

// fdSleeper sleeps in poll(2), on the items' descriptors and one more, to which whoever pokes writes.
type fdSleeper struct {
	ctx     context.Context
	stopCtx func() bool
	list    []unix.PollFd // the last is wake's
	timed   bool
	end     time.Time // when timed

	mu     sync.Mutex // guards what follows: a late poke must not write to a number that is another file's by now
	wake   wakeFD
	poked  bool
	closed bool
}

func newFDSleeper(ctx context.Context, fds *fdSet, timeout time.Duration) (*fdSleeper, error) {
	wake, err := newWakeFD()
	if err != nil {
		return nil, fmt.Errorf("poller: descriptor to be woken with: %w", err)
	}
	s := &fdSleeper{ctx: ctx, wake: wake, timed: timeout >= 0, end: time.Now().Add(timeout)}
	s.list = append(s.list, fds.list...)
	s.list = append(s.list, unix.PollFd{Fd: int32(wake.r), Events: unix.POLLIN})
	// The runtime calls poke on a goroutine of its own, which ends with it.
	s.stopCtx = context.AfterFunc(ctx, s.poke)
	return s, nil
}

func (s *fdSleeper) poke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.poked && !s.closed {
		s.poked = true
		s.wake.write()
	}
}

// sleep may return without a reason, as after a signal: the poll looks and sleeps again.
func (s *fdSleeper) sleep() (expired bool, err error) {
	left := time.Duration(-1)
	if s.timed {
		left = max(0, time.Until(s.end))
	}
	if err := pollOnce(s.list, left); err != nil && err != unix.EINTR {
		return false, fmt.Errorf("poller: poll: %w", err)
	}
	s.mu.Lock()
	if s.poked {
		s.poked = false
		s.wake.drain()
	}
	s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false, context.Cause(s.ctx)
	}
	return s.timed && time.Until(s.end) <= 0, nil
}

func (s *fdSleeper) close() {
	s.stopCtx()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.wake.close()
}
