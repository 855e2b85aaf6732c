package reactor

import (
	"errors"
	"fmt"
	"net"

	"zmqbus/internal/sentinel"
)

// Errors of this package, wrapped in *OpError. Test for them with errors.Is.
var (
	// ErrClosed reports a call on a reactor whose end has begun. It matches net.ErrClosed; why
	// the reactor ended is wrapped beside it.
	ErrClosed = sentinel.New("reactor closed", net.ErrClosed)
	// ErrNoSource reports an id that the reactor does not know, or no longer: removed, or ended.
	ErrNoSource = sentinel.New("no such source")
	// ErrSource reports a source that cannot be added: the zero Source, one of nil, a period that is not positive, a
	// descriptor that is there already.
	ErrSource = sentinel.New("bad source")
	// ErrConfig reports a field of Config that is out of range.
	ErrConfig = sentinel.New("bad config")
	// ErrHandler reports a nil function.
	ErrHandler = sentinel.New("nil function")
)

var errNilContext = errors.New("nil context")

// OpError says which call failed, on which source if it has one, and why.
type OpError struct {
	Op     string // "add", "remove", ...
	Source string // the source's name, or "source 7"; empty when the call has none
	Err    error  // the cause; errors.Is and errors.As look into it
}

// Error is one line: operation, source, cause.
func (e *OpError) Error() string {
	if e.Source == "" {
		return fmt.Sprintf("reactor: %s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("reactor: %s %s: %v", e.Op, e.Source, e.Err)
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// UndeliveredError is what Wait returns when the reactor ended with events that it had taken from their sources and
// could no longer deliver. What is in the channel of Events is not among them: it stays readable.
type UndeliveredError struct {
	Events []Event // those of one source in their order
	Err    error   // why the reactor ended; nil after Stop
}

// Error is one line: how many events, and why the reactor ended.
func (e *UndeliveredError) Error() string {
	s := fmt.Sprintf("reactor: ended with %d events undelivered", len(e.Events))
	if len(e.Events) == 1 {
		s = "reactor: ended with 1 event undelivered"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns why the reactor ended.
func (e *UndeliveredError) Unwrap() error { return e.Err }
