package socket

import (
	"context"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/readiness"
)

// C returns the channel on which received messages arrive: the same at each call, nil for PUSH and PUB, and nil while
// the adapter is claimed. It is closed when the adapter has ended; what is in it stays readable. Recv takes from it
// too. The bytes are the receiver's own.
//
// REP puts one request at a time into the channel, the next after its reply was sent.
func (a *Adapter) C() <-chan zmq4.Msg {
	a.mu.Lock()
	claimed := a.reader != nil
	if !claimed {
		a.cInUse = true
	}
	a.mu.Unlock()
	if claimed {
		a.log.Warn("C called on an adapted socket that somebody else reads", "type", a.typ)
		return nil
	}
	return a.ch
}

// Recv returns the next message and blocks until there is one. What came before the end is still returned after it.
// Errors: ErrClosed, ErrClaimed, ErrNotSupported for PUSH and PUB. (zmq_msg_recv(3))
func (a *Adapter) Recv() (zmq4.Msg, error) { return a.RecvContext(context.Background()) }

// RecvContext is Recv that ends with ctx. It then returns context.Cause(ctx), and no message is lost.
func (a *Adapter) RecvContext(ctx context.Context) (zmq4.Msg, error) {
	if ctx == nil {
		return zmq4.Msg{}, opError("recv", errNilContext)
	}
	if ctx.Err() != nil {
		return zmq4.Msg{}, opError("recv", context.Cause(ctx))
	}
	claimed, err := a.mayRecv()
	if err != nil {
		return zmq4.Msg{}, opError("recv", err)
	}
	select {
	case m, ok := <-a.ch:
		if !ok {
			return zmq4.Msg{}, opError("recv", a.closedError())
		}
		a.taken()
		return m, nil
	case <-claimed:
		return zmq4.Msg{}, opError("recv", ErrClaimed)
	case <-ctx.Done():
		return zmq4.Msg{}, opError("recv", context.Cause(ctx))
	}
}

// TryRecv is Recv that never blocks: it returns ErrAgain when there is no message. (ZMQ_DONTWAIT)
func (a *Adapter) TryRecv() (zmq4.Msg, error) {
	if _, err := a.mayRecv(); err != nil {
		return zmq4.Msg{}, opError("recv", err)
	}
	select {
	case m, ok := <-a.ch:
		if !ok {
			return zmq4.Msg{}, opError("recv", a.closedError())
		}
		a.taken()
		return m, nil
	default:
		return zmq4.Msg{}, opError("recv", ErrAgain)
	}
}

// mayRecv returns a channel that is closed when a claim begins.
func (a *Adapter) mayRecv() (claimed <-chan struct{}, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.ch == nil:
		return nil, ErrNotSupported
	case a.reader != nil:
		return nil, ErrClaimed
	}
	return a.claimed, nil
}

// taken tells those who wait to send that a REQ or REP has its message now.
func (a *Adapter) taken() {
	if a.lockstep() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.waiters.Notify(readiness.Out)
	}
}

// AdapterReader is the one who reads a claimed adapter, such as a reactor. Its methods may be called from any
// goroutine; none blocks.
type AdapterReader struct {
	a      *Adapter
	waiter *readiness.Waiter // who is woken; guarded by a.mu
}

// Claim makes the returned reader the only one who reads the adapter. Until its Release, Recv and its kin return
// ErrClaimed, also those that wait already, and C returns nil; one that has just begun may still take a message. It does
// not block. Errors: ErrClaimed when the adapter is claimed or C is in use, ErrNotSupported for PUSH and PUB, ErrClosed.
func (a *Adapter) Claim() (*AdapterReader, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closing:
		return nil, opError("claim", a.closedErrorLocked())
	case a.ch == nil:
		return nil, opError("claim", ErrNotSupported)
	case a.reader != nil || a.cInUse:
		return nil, opError("claim", ErrClaimed)
	}
	a.reader = &AdapterReader{a: a}
	close(a.claimed)
	return a.reader, nil
}

// Take receives up to len(to) messages and returns how many there were; their Conn is 0. It does not block. When there
// were fewer than len(to), w, which may be nil, has been armed for the next one, or for the end: no second look is
// needed. Errors, only without a message: ErrClosed after the end, when all was taken; ErrReleased.
func (r *AdapterReader) Take(to []Received, w *readiness.Waiter) (int, error) {
	a := r.a
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.reader != r {
		return 0, opError("take", ErrReleased)
	}
	if w != r.waiter {
		r.wait(w)
	}
	n := r.fill(to)
	if n == 0 && len(to) > 0 && a.ended {
		return 0, opError("take", a.closedErrorLocked())
	}
	if n < len(to) && w != nil {
		// No second look: what the pump puts into the channel from now on, it tells under the lock.
		w.Arm(readiness.In)
		if a.ended {
			w.NotifyEnd() // the next call tells of it
		}
	}
	if n > 0 && a.lockstep() {
		a.waiters.Notify(readiness.Out)
	}
	return n, nil
}

// fill takes what is there.
func (r *AdapterReader) fill(to []Received) (n int) {
	for n < len(to) {
		select {
		case m, ok := <-r.a.ch:
			if !ok {
				return n
			}
			to[n] = Received{Msg: m}
			n++
		default:
			return n
		}
	}
	return n
}

func (r *AdapterReader) wait(w *readiness.Waiter) {
	if r.waiter != nil {
		r.a.waiters.Remove(r.waiter)
	}
	if r.waiter = w; w != nil {
		r.a.waiters.Add(w)
	}
}

// Release ends the claim: whoever calls Recv or C gets the next message. It does not block; calling it again does
// nothing.
func (r *AdapterReader) Release() {
	a := r.a
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.reader != r {
		return
	}
	a.reader, a.claimed = nil, make(chan struct{})
	r.wait(nil)
	if len(a.ch) > 0 {
		a.waiters.Notify(readiness.In)
	}
}
