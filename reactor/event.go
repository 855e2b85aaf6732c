package reactor

import (
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
	"zmqbus/poller"
)

// ID names a source within one reactor, which never gives it again. 0 is none.
type ID uint64

// Event is what a source has to tell: a [Message], [Lifecycle], [Readiness], [Tick], [Value] or [Closed], as values.
// There are no others.
type Event interface {
	// From returns the id that Add or Handle returned for the event's source.
	From() ID
	sealed()
}

// Message is one whole message from a socket or an adapter.
type Message struct {
	Source ID
	Msg    zmq4.Msg       // the Frames slice is the reader's; the bytes may be shared and must not be written to
	Conn   monitor.ConnID // the connection that brought it, as in lifecycle events; 0 from an adapter
}

// Lifecycle is what happened to a connection or a listener of a socket. Event.Lost counts the events that the stream
// has lost directly before this one.
type Lifecycle struct {
	Source ID
	Event  monitor.Event
}

// Readiness tells that a descriptor is ready. Reading and writing it is the program's business. See [FD] for when the
// next one comes.
type Readiness struct {
	Source ID
	FD     int
	Events poller.Events // of those asked for, and poller.Err
}

// Tick is a timer's.
type Tick struct {
	Source ID
	Time   time.Time // the clock when the tick was taken from the timer
	Count  int       // how many became due since the last Tick: 1, or more when nobody took them in time
}

// Value is what was received from a Go channel.
type Value struct {
	Source ID
	Value  any // of the channel's element type
}

// Closed is the last event of a source that ended by itself. The source is forgotten and its socket can be read by
// others. Removed sources, and After's timers, end without it.
type Closed struct {
	Source ID
	// Err is nil when the end was in order: a socket, adapter, stream or channel that was closed. Otherwise it says why:
	// the cause of the context that ended a socket, what ended an adapted socket, a descriptor that cannot be polled.
	Err error
}

// From returns the source's id.
func (e Message) From() ID { return e.Source }

// From returns the source's id.
func (e Lifecycle) From() ID { return e.Source }

// From returns the source's id.
func (e Readiness) From() ID { return e.Source }

// From returns the source's id.
func (e Tick) From() ID { return e.Source }

// From returns the source's id.
func (e Value) From() ID { return e.Source }

// From returns the source's id.
func (e Closed) From() ID { return e.Source }

func (Message) sealed()   {}
func (Lifecycle) sealed() {}
func (Readiness) sealed() {}
func (Tick) sealed()      {}
func (Value) sealed()     {}
func (Closed) sealed()    {}
