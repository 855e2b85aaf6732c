package reactor

import (
	"fmt"
	"time"

	"zmqbus/monitor"
	"zmqbus/poller"
	"zmqbus/socket"
)

// Source describes what a reactor can wait for; the constructors of this package make them. It is a value that holds
// nothing open: Add and Handle begin to read. The zero Source cannot be added.
type Source struct {
	name  string
	feeds func() []feeder // a source may be added again, so each Add gets its own
}

// String returns the source's name, for errors and logs: that of Named, or one like "PULL tcp://127.0.0.1:5555", "fd 3",
// "every 1s".
func (s Source) String() string {
	if s.feeds == nil && s.name == "" {
		return "no source"
	}
	return s.name
}

// Named returns src under another name, for errors and the warning about a handler that stalls.
func Named(src Source, name string) Source {
	src.name = name
	return src
}

// Messages is what s receives, as [Message] events. While it is in the reactor s is claimed: see [socket.Socket.Claim]. Sending
// on s stays the program's. Add returns an error that matches socket.ErrClaimed when somebody else reads s,
// socket.ErrNotSupported for PUSH and PUB, socket.ErrClosed.
func Messages(s *socket.Socket) Source {
	return Source{socketName(s), func() []feeder { return []feeder{messagesOf(s)} }}
}

// LifecycleOf is what happens to the connections of s, as [Lifecycle] events: a stream of its own that begins with Add
// and ends with the source. mask and opts are those of [socket.Socket.Lifecycle].
func LifecycleOf(s *socket.Socket, mask monitor.Type, opts ...monitor.Option) Source {
	return Source{"lifecycle of " + socketName(s), func() []feeder { return []feeder{lifecycleOf(s, mask, opts)} }}
}

// MessagesAndLifecycle is both [Messages] and [LifecycleOf] under one id, with one Closed when both have ended. Between
// messages and events no order is promised. It takes two sources' turns.
func MessagesAndLifecycle(s *socket.Socket, mask monitor.Type, opts ...monitor.Option) Source {
	return Source{socketName(s), func() []feeder {
		return []feeder{messagesOf(s), lifecycleOf(s, mask, opts)}
	}}
}

// Adapted is what a receives, as [Message] events. While it is in the reactor a is claimed, as with [Messages].
func Adapted(a *socket.Adapter) Source {
	name := "nil adapter"
	if a != nil {
		name = a.String()
	}
	return Source{name, func() []feeder { return []feeder{adapted(a)} }}
}

func socketName(s *socket.Socket) string {
	if s == nil {
		return "nil socket"
	}
	return s.String()
}

// FD is a file descriptor, as [Readiness] events for those of ev that it is ready for, and poller.Err. It is one-shot,
// since a descriptor that is ready would flood the reader before the reader can do anything about it: with Add the source is
// paused after each event, until Resume says that it was dealt with; with Handle until the handler returns. What is not
// dealt with is told again and again: so is poller.Err of a descriptor that is hung up, in error or not open, until
// the source is removed. The descriptor stays the program's; remove the source before closing it. Add returns an error
// that matches errors.ErrUnsupported on systems other than Unix, poller.ErrBadFD, poller.ErrEvents, ErrSource when the
// descriptor is in the reactor already.
func FD(fd int, ev poller.Events) Source {
	return Source{fmt.Sprintf("fd %d", fd), func() []feeder { return []feeder{&fdFeed{fd: fd, events: ev}} }}
}

// After is one [Tick], d after Add; at once when d is not positive. The source ends with it.
func After(d time.Duration) Source {
	return Source{"after " + d.String(), func() []feeder { return []feeder{&timerFeed{period: d, once: true}} }}
}

// Every is a [Tick] each d, the first d after Add. Ticks that nobody takes in time are counted into one; the next
// comes when it was due anyway: d after d, whatever the delays. d must be positive. Time is what runs monotonically: where
// the system's clock for that stands still while the machine sleeps, so does the timer.
func Every(d time.Duration) Source {
	return Source{"every " + d.String(), func() []feeder { return []feeder{&timerFeed{period: d}} }}
}

// Chan is what can be received from c, as [Value] events, and Closed when c is closed. One goroutine of the reactor
// receives, one value ahead of its delivery at most; Remove hands that one back.
func Chan[T any](c <-chan T) Source {
	return Source{fmt.Sprintf("%T", c), func() []feeder {
		if c == nil {
			return nil
		}
		return []feeder{&chanFeed{receive: func(f *chanFeed) { forward(f, c) }}}
	}}
}
