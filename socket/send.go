package socket

import (
	"context"
	"fmt"
	"time"

	"github.com/go-zeromq/zmq4"
)

// Send queues m for the peers that the pattern picks, and returns: it does not wait for the network. It blocks while
// every pipe that could take m is at SendHWM, or there is none yet, for at most Config.SendTimeout; PUB, XPUB and ROUTER drop and
// count instead (see NoDrop, RouterMandatory). The frames are read until m is written: do not change them after Send.
// Errors: ErrClosed, ErrAgain after SendTimeout, ErrState (REQ, REP), ErrUnroutable (ROUTER), ErrNotSupported (PULL, SUB),
// ErrBadMessage for a message without frames; with an error nothing was sent. (zmq_msg_send(3))
func (s *Socket) Send(m zmq4.Msg) error {
	s.mu.Lock()
	if err := s.sendLocked(m); err != errWait {
		s.mu.Unlock()
		return opError("send", err)
	}
	wait := s.st.sendTimeout
	s.mu.Unlock()
	return s.sendSlowly(context.Background(), m, wait)
}

// SendMulti is Send: every message of zmqbus may have several frames, and is sent and received whole.
func (s *Socket) SendMulti(m zmq4.Msg) error { return s.Send(m) }

// SendContext is Send that ends with ctx, and does not look at Config.SendTimeout. It then returns context.Cause(ctx), and nothing
// was sent.
func (s *Socket) SendContext(ctx context.Context, m zmq4.Msg) error {
	if ctx == nil {
		return opError("send", errNilContext)
	}
	if ctx.Err() != nil {
		return opError("send", context.Cause(ctx))
	}
	return s.sendSlowly(ctx, m, -1)
}

// TrySend is Send that never blocks: it returns ErrAgain where Send would. (ZMQ_DONTWAIT)
func (s *Socket) TrySend(m zmq4.Msg) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.sendLocked(m)
	if err == errWait {
		err = ErrAgain
	}
	return opError("send", err)
}

func (s *Socket) sendLocked(m zmq4.Msg) error {
	switch {
	case s.closing:
		return s.closedError()
	case len(m.Frames) == 0:
		return fmt.Errorf("%w: it has no frames", ErrBadMessage)
	}
	return s.pat.send(m)
}

// sendSlowly sends m, waiting for room for up to wait (negative: for ever).
func (s *Socket) sendSlowly(ctx context.Context, m zmq4.Msg, wait time.Duration) error {
	timeout, stop := after(wait)
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		err := s.sendLocked(m)
		if err != errWait {
			return opError("send", err)
		}
		if err := s.waitFor(&s.sendWait, ctx, timeout); err != nil {
			return opError("send", err)
		}
	}
}

// waitFor waits, with the lock released, until l is woken, ctx ends, or timeout fires.
func (s *Socket) waitFor(l *waitlist, ctx context.Context, timeout <-chan time.Time) error {
	w := l.add()
	s.mu.Unlock()
	var err error
	select {
	case <-w.ch:
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-timeout:
		err = ErrAgain
	}
	s.mu.Lock()
	l.done(w, err == nil)
	return err
}

// after returns a channel that fires after d, none when d is negative, and a function that frees the timer.
func after(d time.Duration) (<-chan time.Time, func()) {
	if d < 0 {
		return nil, func() {}
	}
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

func opError(op string, err error) error {
	if err == nil {
		return nil
	}
	return &OpError{Op: op, Err: err}
}

// Out returns a channel to send on, for use in a select; it is unbuffered, and the same at each call. From the first call a goroutine of the socket
// takes messages from it and sends them as Send does, however long that takes; one that cannot be sent is counted in
// Stats as dropped (DropOut). Nobody takes from it after Close: select it together with Done, and never close it. It is nil for
// types that do not send.
func (s *Socket) Out() chan<- zmq4.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outC == nil && s.typ != zmq4.Pull && s.typ != zmq4.Sub {
		s.outC = make(chan zmq4.Msg)
		if !s.closing {
			s.group.Go(s.pumpOut) // owner: the socket; ends when Close begins
		}
	}
	return s.outC
}

func (s *Socket) pumpOut() error {
	for {
		select {
		case <-s.stopping:
			return nil
		case m := <-s.outC:
			if err := s.sendSlowly(context.Background(), m, -1); err != nil {
				s.mu.Lock()
				s.dropNew(nil, m, DropOut)
				s.mu.Unlock()
				s.log.Warn("message from Out dropped", "error", err)
			}
		}
	}
}
