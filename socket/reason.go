package socket

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"

	"zmqbus/internal/zmtp"
	"zmqbus/monitor"
)

// reasonFor puts the typed reason in front of an error.
func reasonFor(err error) error {
	var he *zmtp.HandshakeError
	reason := error(nil)
	switch {
	case err == nil:
		return nil
	case err == io.EOF:
		return monitor.ErrEOF // says more than "EOF"
	case errors.As(err, &he) && he.Oversize, errors.Is(err, zmtp.ErrOversize):
		reason = monitor.ErrOversize
	case he != nil && he.Failure == zmtp.Auth:
		reason = monitor.ErrAuth
	case he != nil && he.Failure == zmtp.Protocol:
		reason = monitor.ProtocolError(he.Value)
	case he != nil && he.Failure == zmtp.Silent, errors.Is(err, zmtp.ErrProtocol):
		reason = monitor.ErrProtocol
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		reason = monitor.ErrEOF
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		reason = monitor.ErrReset
	case isTimeout(err):
		reason = monitor.ErrTimeout
	default:
		return err
	}
	return &reasonError{reason, err}
}

// reasonError is a cause with its typed reason.
type reasonError struct {
	reason, cause error
}

func (e *reasonError) Error() string { return e.cause.Error() }

func (e *reasonError) Unwrap() []error { return []error{e.reason, e.cause} }

func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, monitor.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}

func isProtocolError(err error) bool {
	return errors.Is(err, zmtp.ErrProtocol) || errors.Is(err, zmtp.ErrOversize)
}
