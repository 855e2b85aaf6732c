package bus

import (
	"fmt"
	"net"
	"strings"

	"zmqbus/internal/sentinel"
)

// Errors of this package. Calls return them wrapped in *OpError, *PartialError or *UndeliveredError: test with errors.Is.
var (
	// ErrClosed reports a call on a bus whose end has begun. It matches net.ErrClosed; why the bus ended, if a context
	// did, is wrapped beside it.
	ErrClosed = sentinel.New("bus closed", net.ErrClosed)
	// ErrConfig reports a field of Config, or an option, that is out of range.
	ErrConfig = sentinel.New("bad config")
	// ErrBus reports a nil bus.
	ErrBus = sentinel.New("nil bus")
)

// OpError says which call failed, on what, and why.
type OpError struct {
	Op   string // "publish", "subscribe", "export", ...
	Name string // topic, prefix or endpoint, as given; empty when the call has none
	Err  error  // the cause; errors.Is and errors.As look into it
}

// Error is one line: operation, name, cause.
func (e *OpError) Error() string {
	if e.Name == "" {
		return "bus: " + e.Op + ": " + e.Err.Error()
	}
	return fmt.Sprintf("bus: %s %q: %v", e.Op, e.Name, e.Err)
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// PartialError is what Publish returns when not all got the event: its context ended before subscriptions with policy
// Block had room, or the bus ended meanwhile. All others got it.
type PartialError struct {
	Topic  string
	Missed []string // who did not get it: names of subscriptions, in subscription order for each policy; exports
	Err    error    // the first one's cause: context.Cause of Publish's context, or ErrClosed
}

// Error is one line that names them.
func (e *PartialError) Error() string {
	return fmt.Sprintf("bus: publish %q: not given to %s: %v", e.Topic, quoteAll(e.Missed), e.Err)
}

// Unwrap returns the cause.
func (e *PartialError) Unwrap() error { return e.Err }

// UndeliveredError is what Close returns when not all that the bus had accepted could be delivered.
type UndeliveredError struct {
	Events        int      // that waited in subscriptions, or in links for a subscription with room
	Subscriptions []string // their names, and the endpoints of the links
	Messages      int      // that waited in exports for their peers
	Links         []string // the exports' endpoints
	// Err is what ended the waiting: context.Cause of Close's context or of New's. It is nil when neither had ended: then
	// it was the linger time, and only Messages are left.
	Err error
}

// Error is one line with both numbers.
func (e *UndeliveredError) Error() string {
	var parts []string
	if e.Events > 0 {
		parts = append(parts, fmt.Sprintf("%d events in %s", e.Events, quoteAll(e.Subscriptions)))
	}
	if e.Messages > 0 {
		parts = append(parts, fmt.Sprintf("%d messages in %s", e.Messages, quoteAll(e.Links)))
	}
	text := "bus: not delivered: " + strings.Join(parts, ", ")
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *UndeliveredError) add(events int, name string) {
	if events > 0 {
		e.Events += events
		e.Subscriptions = append(e.Subscriptions, name)
	}
}

// Unwrap returns what ended the waiting, which may be nil.
func (e *UndeliveredError) Unwrap() error { return e.Err }

// DecodeError is what a subscription's hook gets for a payload that is not a value of its type.
type DecodeError struct {
	Subscription string // its name
	Topic        string
	Payload      []byte // shared with other subscriptions: read only; it may be kept
	Source       Source
	Err          error // the codec's
}

// Error is one line: topic, length, subscription, source, cause.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("bus: decode %q (%d bytes) for %q, from %v: %v", e.Topic, len(e.Payload), e.Subscription, e.Source, e.Err)
}

// Unwrap returns the codec's error.
func (e *DecodeError) Unwrap() error { return e.Err }

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	return strings.Join(quoted, ", ")
}
