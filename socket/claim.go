package socket

import (
	"log/slog"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/readiness"
	"zmqbus/monitor"
)

// Received is a message and the connection that brought it. Lifecycle events carry the same id.
type Received struct {
	Msg  zmq4.Msg
	Conn monitor.ConnID
}

// Reader is the one who reads a claimed socket, such as a reactor. Its methods may be called from any goroutine; none
// blocks.
type Reader struct {
	s      *Socket
	waiter *readiness.Waiter // who is woken; guarded by s.mu
}

// Claim makes the returned Reader the only one who reads the socket, in batches and without a goroutine in between.
// Until its Release, Recv and its kin return ErrClaimed, also those that wait already, C returns nil, and Readiness does
// not say In. It does not block. Errors: ErrClaimed when the socket is claimed or C is in use, ErrNotSupported for PUSH
// and PUB, ErrClosed.
func (s *Socket) Claim() (*Reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		return nil, opError("claim", s.closedError())
	case s.typ == zmq4.Push || s.typ == zmq4.Pub:
		return nil, opError("claim", ErrNotSupported)
	case s.reader != nil || s.c != nil:
		return nil, opError("claim", ErrClaimed)
	}
	s.reader = &Reader{s: s}
	s.recvWait.wakeAll()
	return s.reader, nil
}

// Take receives up to len(to) messages, taking from the peers in turn, and returns how many there were. It does not
// block. When there were fewer than len(to), w, which may be nil, has been armed for the next one, or for the socket's
// end: no second look is needed. Only the w given last is woken. The Frames slices are the caller's, the bytes may be
// shared, as with Recv. Errors: ErrClosed once Close has begun, ErrReleased after Release.
func (r *Reader) Take(to []Received, w *readiness.Waiter) (int, error) {
	s := r.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return 0, opError("take", s.closedError())
	}
	if s.reader != r {
		return 0, opError("take", ErrReleased)
	}
	n := 0
	for n < len(to) && s.pop() {
		to[n] = Received{s.popped.msg, s.popped.conn}
		n++
	}
	s.popped = item{}
	if w != r.waiter {
		r.wait(w)
	}
	if n < len(to) && w != nil {
		w.Arm(readiness.In)
	}
	return n, nil
}

// wait makes w the reader's waiter.
func (r *Reader) wait(w *readiness.Waiter) {
	if r.waiter != nil {
		r.s.waiters.Remove(r.waiter)
	}
	if r.waiter = w; w != nil {
		r.s.waiters.Add(w)
	}
}

// Release ends the claim: whoever calls Recv or C gets the next message. It does not block; calling it again does
// nothing.
func (r *Reader) Release() {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if r.s.reader == r {
		r.s.reader = nil
		r.wait(nil)
		r.s.waiters.Notify(readiness.In)
	}
}

// refuseC says in the log what C, which has no error, cannot say.
func (s *Socket) refuseC() {
	s.logLater(slog.LevelWarn, "C called on a socket that somebody else reads", "type", s.typ)
}
