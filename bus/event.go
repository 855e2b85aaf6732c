package bus

import (
	"time"

	"zmqbus/monitor"
)

// Event is one value that was published on a topic, as a subscription delivers it.
type Event[T any] struct {
	Topic string // whole: prefix and suffix
	// Value is shared with the other subscriptions of the bus if T holds pointers, as []byte does: do not write to
	// what it points at.
	Value  T
	Time   time.Time // when it was published in this bus, or an import received it
	Source Source    // where it came from
	// Lost is how many events this subscription has lost directly before this one; with policy Latest also the older
	// values that this one replaced.
	Lost uint64
}

// Source tells where an event came from. The zero Source is this bus.
type Source struct {
	Link string         // the endpoint of the import, as Link.Endpoint tells it
	Conn monitor.ConnID // the connection, as lifecycle events and Peers tell it
}

// Local reports whether the event was published in this bus.
func (s Source) Local() bool { return s.Link == "" }

// String returns "local", or the endpoint.
func (s Source) String() string {
	if s.Local() {
		return "local"
	}
	return s.Link
}

// item is an event on its way to a subscription. One that came as bytes is decoded by the subscription's own
// goroutine, so that its cost delays nobody else.
type item[T any] struct {
	ev      Event[T]
	payload []byte // not nil: ev.Value is still encoded
}

// raw is an event whose value is encoded. payload is not nil.
type raw struct {
	topic   string
	payload []byte
	time    time.Time
	source  Source
}
