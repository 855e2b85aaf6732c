package socket

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/readiness"
)

// phase is whose turn it is on a REQ or REP.
type phase int

const (
	phaseSend    phase = iota // the user's: to send, once the message in the channel is taken
	phaseSending              // Send is under way
	phaseReceive              // the pump's
)

// Send passes m to the socket's Send, one call at a time, and blocks as long as that does: zmq4 writes to the
// connections itself; before the first peer it waits for up to zmq4.WithTimeout, and then loses m without an error.
// Do not change the frames after it. Errors: ErrClosed (m may have been sent), ErrState (REQ before its reply was
// taken, REP without a request), ErrNotSupported (PULL, SUB), ErrBadMessage for a message without frames, ErrAgain
// after zmq4's timeout, or what zmq4 returns, such as the loss of one of several peers. (zmq_msg_send(3))
func (a *Adapter) Send(m zmq4.Msg) error { return opError("send", a.send(context.Background(), m)) }

// SendContext is Send that ends with ctx. It then returns context.Cause(ctx); a send that zmq4 has begun goes on in the
// background, so m may be sent all the same, and the next Send waits for it.
func (a *Adapter) SendContext(ctx context.Context, m zmq4.Msg) error {
	if ctx == nil {
		return opError("send", errNilContext)
	}
	if ctx.Err() != nil {
		return opError("send", context.Cause(ctx))
	}
	return opError("send", a.send(ctx, m))
}

func (a *Adapter) send(ctx context.Context, m zmq4.Msg) error {
	switch {
	case !a.sends():
		return fmt.Errorf("%w: %s", ErrNotSupported, a.typ)
	case len(m.Frames) == 0:
		return fmt.Errorf("%w: it has no frames", ErrBadMessage) // zmq4 would panic
	}
	select {
	case a.turn <- struct{}{}:
	case <-a.stop:
		return a.closedError()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if ctx.Done() == nil {
		defer func() { <-a.turn }()
		return a.sendNow(m)
	}
	result := make(chan error, 1)
	go func() { // owner: the adapter; ends with the socket's Send, and Close waits for its turn
		defer func() { <-a.turn }()
		result <- a.sendNow(m)
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sends reports whether the type can send.
func (a *Adapter) sends() bool { return a.typ != zmq4.Pull && a.typ != zmq4.Sub }

// sendNow sends m. The caller holds the turn.
func (a *Adapter) sendNow(m zmq4.Msg) error {
	if err := a.beginSend(); err != nil {
		return err
	}
	err := a.sock.Send(m)
	switch ended := a.endSend(err == nil); {
	case ended: // even without an error: zmq4 has none for a message that waited for a peer
		return a.closedError()
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", ErrAgain, err)
	case errors.Is(err, context.Canceled):
		a.shutdown(fmt.Errorf("the adapted socket has ended: %w", err))
		return a.closedError()
	}
	return err
}

func (a *Adapter) beginSend() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closing:
		return a.closedErrorLocked()
	case !a.lockstep():
		return nil
	case !a.maySend():
		return ErrState
	}
	a.phase = phaseSending
	return nil
}

// endSend lets a REQ or REP go on after a Send, and reports whether the adapter ends.
func (a *Adapter) endSend(ok bool) (ended bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.lockstep() {
		if a.phase = phaseReceive; !ok {
			a.phase = phaseSend
			a.waiters.Notify(readiness.Out)
		}
		select {
		case a.step <- struct{}{}:
		default:
		}
	}
	return a.closing
}

// maySend reports whether it is the turn of a REQ's or REP's user.
func (a *Adapter) maySend() bool { return a.phase == phaseSend && len(a.ch) == 0 }
