package socket

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"zmqbus/internal/sentinel"
)

// libzmq's errno for what the operating system has no number for, to test for with errors.Is.
const (
	ETERM syscall.Errno = 156384765 // the socket's context has ended: matched by ErrClosed
	EFSM  syscall.Errno = 156384763 // not allowed in this state: matched by ErrState
)

// Errors that calls of this package return, wrapped in *OpError. Test for them with errors.Is; libzmq's errno, named
// with each, matches too.
var (
	// ErrClosed reports a call on a closed socket, or one that Close or a cancelled context ended. It matches
	// net.ErrClosed and ETERM. (ENOTSOCK and ETERM in libzmq.)
	ErrClosed = sentinel.New("socket closed", net.ErrClosed, ETERM)
	// ErrAgain reports that a try, or a call with a timeout, found nothing to do in time (EAGAIN).
	ErrAgain = sentinel.New("would block", syscall.EAGAIN)
	// ErrState reports a call that the pattern forbids now, such as REQ's Recv before Send (EFSM).
	ErrState = sentinel.New("operation not allowed in this state", EFSM)
	// ErrUnroutable reports that a ROUTER with RouterMandatory knows no such peer (EHOSTUNREACH).
	ErrUnroutable = sentinel.New("no route to peer", syscall.EHOSTUNREACH)
	// ErrNotSupported reports a call that this socket type does not have, such as Send on PULL (ENOTSUP).
	ErrNotSupported = sentinel.New("not supported by this socket type", errors.ErrUnsupported)
	// ErrBadEndpoint reports an endpoint that cannot be parsed (EINVAL), or whose transport is unknown
	// (EPROTONOSUPPORT); the errno is wrapped beside it.
	ErrBadEndpoint = sentinel.New("bad endpoint")
	// ErrNoEndpoint reports an Unbind or Disconnect of an endpoint that the socket does not have (ENOENT).
	ErrNoEndpoint = sentinel.New("no such endpoint", syscall.ENOENT)
	// ErrBadMessage reports a message that cannot be sent, such as one without frames (EINVAL).
	ErrBadMessage = sentinel.New("bad message", syscall.EINVAL)
	// ErrClaimed reports a Recv, or a Claim, of a socket that somebody else reads (EBUSY).
	ErrClaimed = sentinel.New("messages are read by somebody else", syscall.EBUSY)
	// ErrReleased reports a Take after Release.
	ErrReleased = sentinel.New("reader released")
	// ErrOption reports an unknown option or a value that it does not take (EINVAL).
	ErrOption = sentinel.New("bad option", syscall.EINVAL)
)

// OpError says which call failed, on which endpoint if it has one, and why.
type OpError struct {
	Op       string // "send", "dial", "listen", ...
	Endpoint string // as given to the call; empty when the call has none
	Err      error  // the cause; errors.Is and errors.As look into it
}

// Error is one line: operation, endpoint, cause.
func (e *OpError) Error() string {
	if e.Endpoint == "" {
		return fmt.Sprintf("socket: %s: %v", e.Op, e.Err)
	}
	ep := e.Endpoint
	if q := strconv.Quote(ep); q != `"`+ep+`"` {
		ep = q // it could break the line
	}
	return fmt.Sprintf("socket: %s %s: %v", e.Op, ep, e.Err)
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// UnsentError is returned by Close and CloseContext when accepted messages could not be handed to the kernel (or to
// the inproc peer) before the linger time was over.
type UnsentError struct {
	Messages int   // whole messages that were dropped
	Bytes    int64 // their payload, frames only
}

// Error is one line with both numbers.
func (e *UnsentError) Error() string {
	return fmt.Sprintf("socket: closed with %s (%s) unsent", count(e.Messages, "message"), count(e.Bytes, "byte"))
}

func count[T int | int64](n T, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
