package zmtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
)

// Failure is the kind of a failed handshake: which lifecycle event it becomes.
type Failure int

const (
	// NoDetail is HANDSHAKE_FAILED_NO_DETAIL: the connection ended or the time was over.
	NoDetail Failure = iota
	// Protocol is HANDSHAKE_FAILED_PROTOCOL: the peer broke ZMTP.
	Protocol
	// Auth is HANDSHAKE_FAILED_AUTH: the peer refused us with an ERROR command that carries a status.
	Auth
	// Silent is no HANDSHAKE event at all, only DISCONNECTED: socket types that do not fit, or bad metadata.
	Silent
)

// String returns a short lower-case name.
func (f Failure) String() string {
	switch f {
	case NoDetail:
		return "no detail"
	case Protocol:
		return "protocol"
	case Auth:
		return "auth"
	case Silent:
		return "silent"
	}
	return fmt.Sprintf("Failure(%d)", int(f))
}

// HandshakeError says how a handshake failed. Handshake returns no other type of error.
type HandshakeError struct {
	Failure  Failure
	Value    int64 // NoDetail: errno; Protocol: a Proto number; Auth: 300, 400 or 500; Silent: 0
	Retry    bool  // libzmq would connect again after this
	Oversize bool  // the peer declared a command of more than 64 KiB
	Panic    bool  // a panic was caught: a bug here or in a custom Security; Err has the stack. Log it
	Err      error // the cause
}

func (e *HandshakeError) Error() string {
	return fmt.Sprintf("zmtp: handshake failed (%s, %#x): %v", e.Failure, e.Value, e.Err)
}

// Unwrap returns the cause.
func (e *HandshakeError) Unwrap() error { return e.Err }

func protocolError(value int64, err error) *HandshakeError {
	return &HandshakeError{Failure: Protocol, Value: value, Err: err}
}

func silentError(format string, args ...any) *HandshakeError {
	return &HandshakeError{Failure: Silent, Err: fmt.Errorf(format, args...)}
}

func timeoutError(err error) *HandshakeError {
	return &HandshakeError{Failure: NoDetail, Value: int64(syscall.EAGAIN), Retry: true, Err: err}
}

// ioError classifies an error of the connection. io.EOF, net.ErrClosed and what is not an errno count as EPIPE.
func ioError(err error) *HandshakeError {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return timeoutError(err)
	}
	errno := syscall.EPIPE
	var ne net.Error
	switch {
	case errors.As(err, &errno):
		if runtime.GOOS == "windows" && (errno == 10053 || errno == 10054) { // WSAECONNABORTED, WSAECONNRESET
			errno = syscall.ECONNRESET
		}
	case errors.As(err, &ne) && ne.Timeout():
		return timeoutError(err)
	}
	return &HandshakeError{Failure: NoDetail, Value: int64(errno), Retry: true, Err: err}
}
