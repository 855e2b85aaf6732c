package poller

import (
	"context"
	"time"
)

// sleeper is how a poll sleeps: on a channel, or in the system's poll(2) when there are descriptors.
type sleeper interface {
	// poke wakes it, or keeps it from falling asleep. It may be called from any goroutine, under a source's locks, and
	// after close; it does not block.
	poke()
	// sleep returns once poked, or a descriptor is ready; expired says that the time is over. It returns
	// context.Cause when the context has ended.
	sleep() (expired bool, err error)
	close()
}

// channelSleeper needs no descriptor.
type channelSleeper struct {
	ctx   context.Context
	pokes chan struct{} // holds one token
	over  <-chan time.Time
	stop  func() bool // the timer; nil, as over, when there is none
}

func newChannelSleeper(ctx context.Context, timeout time.Duration) *channelSleeper {
	s := &channelSleeper{ctx: ctx, pokes: make(chan struct{}, 1)}
	if timeout >= 0 {
		t := time.NewTimer(timeout)
		s.over, s.stop = t.C, t.Stop
	}
	return s
}

func (s *channelSleeper) poke() {
	select {
	case s.pokes <- struct{}{}:
	default:
	}
}

func (s *channelSleeper) sleep() (expired bool, err error) {
	select {
	case <-s.pokes:
	case <-s.over:
		expired = true
	case <-s.ctx.Done():
	}
	if s.ctx.Err() != nil {
		return false, context.Cause(s.ctx)
	}
	return expired, nil
}

func (s *channelSleeper) close() {
	if s.stop != nil {
		s.stop()
	}
}
