package poller

import (
	"fmt"
	"net"
	"syscall"

	"zmqbus/internal/sentinel"
)

// Errors of this package: as they are from Wait and WaitAll, else in *OpError or *ItemError. Test for them with
// errors.Is; the errno of zmq_poller that is named with each matches too.
var (
	// ErrAgain reports that nothing was ready in time (EAGAIN).
	ErrAgain = sentinel.New("nothing is ready", syscall.EAGAIN)
	// ErrEmpty reports a wait without end on a poller that has nothing to wait for (EFAULT).
	ErrEmpty = sentinel.New("nothing to wait for", syscall.EFAULT)
	// ErrWoken reports that Wake ended a wait.
	ErrWoken = sentinel.New("woken")
	// ErrClosed reports a call on a closed poller. It matches net.ErrClosed.
	ErrClosed = sentinel.New("poller closed", net.ErrClosed)
	// ErrRegistered reports a source or descriptor that is added twice (EINVAL).
	ErrRegistered = sentinel.New("already registered", syscall.EINVAL)
	// ErrNotRegistered reports a source or descriptor that is not there to be changed or removed (EINVAL).
	ErrNotRegistered = sentinel.New("not registered", syscall.EINVAL)
	// ErrEvents reports events other than In, Out, Err and Pri (EINVAL).
	ErrEvents = sentinel.New("unknown events", syscall.EINVAL)
	// ErrNotSocket reports a nil source, or one that cannot be compared (ENOTSOCK).
	ErrNotSocket = sentinel.New("not a socket", syscall.ENOTSOCK)
	// ErrBadFD reports a negative descriptor (EBADF).
	ErrBadFD = sentinel.New("bad file descriptor", syscall.EBADF)
)

var errNilContext = sentinel.New("nil context")

// OpError says which call of a [Poller] failed, on what, and why.
type OpError struct {
	Op       string   // "add", "wait", ...
	Socket   Pollable // nil when the call has none, or it is a descriptor's
	FD       int      // -1 unless it is a descriptor's
	UserData any      // as given to Add or AddFD
	Err      error    // the cause; errors.Is and errors.As look into it
}

// Error is one line: operation, source, cause.
func (e *OpError) Error() string {
	switch {
	case e.Socket != nil:
		return fmt.Sprintf("poller: %s %s: %v", e.Op, name(e.Socket), e.Err)
	case e.FD >= 0:
		return fmt.Sprintf("poller: %s fd %d: %v", e.Op, e.FD, e.Err)
	}
	return fmt.Sprintf("poller: %s: %v", e.Op, e.Err)
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// name is how a source is called in errors: by its String, else by its type.
func name(s Pollable) string {
	if n, ok := s.(fmt.Stringer); ok {
		return n.String()
	}
	return fmt.Sprintf("%T", s)
}
