package monitor

import (
	"fmt"
	"math/bits"
	"strings"
)

// Type is the type of an event, one bit, or a mask of several. Bits 0 to 16 are libzmq's ZMQ_EVENT_* numbers; from
// bit 32 up they are ours. As a mask, 0 means All.
type Type uint64

// libzmq's events; the comment says what [Event.Value] is. See zmq_socket_monitor(3).
const (
	Connected               Type = 0x0001 // a dialled connection is established; fd
	ConnectDelayed          Type = 0x0002 // a TCP connect is under way; errno, always EINPROGRESS
	ConnectRetried          Type = 0x0004 // the next attempt waits; interval in ms
	Listening               Type = 0x0008 // a listener is bound; fd
	BindFailed              Type = 0x0010 // a bind failed; errno
	Accepted                Type = 0x0020 // a listener took a connection; fd
	AcceptFailed            Type = 0x0040 // a listener could not; errno
	Closed                  Type = 0x0080 // a listener was closed, or a connect attempt failed; fd
	CloseFailed             Type = 0x0100 // closing a listener failed; errno
	Disconnected            Type = 0x0200 // a connection was lost, never said of a voluntary local close; fd
	MonitorStopped          Type = 0x0400 // the last event of a stream; 0
	HandshakeFailedNoDetail Type = 0x0800 // the handshake broke off; errno
	HandshakeSucceeded      Type = 0x1000 // messages can flow; 0
	HandshakeFailedProtocol Type = 0x2000 // the peer broke the protocol; a ProtocolError
	HandshakeFailedAuth     Type = 0x4000 // the peer was rejected, or rejected us; ZAP status: 300, 400 or 500

	// All is libzmq's ZMQ_EVENT_ALL: every event above, and none below.
	All Type = 0xFFFF

	// PipesStats tells one pipe's queues on request. [Event.Queued] has both; v2 frames only.
	PipesStats Type = 0x10000
)

// Events that libzmq does not have. They are never sent unless the mask names them.
const (
	Subscribed   Type = 1 << (32 + iota) // a peer's subscription is in force; [Event.Topic]
	Unsubscribed                         // a peer's subscription has ended; [Event.Topic]
	Full                                 // a pipe has reached its high-water mark
	Relieved                             // a full pipe is half empty again
	Dropped                              // messages were dropped; [Event.Count], [Event.Reason]
	Refused                              // a peer stays connected and unread: a duplicate identity, a second PAIR
)

// typeNames is in the order of the bits, which is the order in which a mask is printed.
var typeNames = []struct {
	t    Type
	name string
}{
	{Connected, "CONNECTED"},
	{ConnectDelayed, "CONNECT_DELAYED"},
	{ConnectRetried, "CONNECT_RETRIED"},
	{Listening, "LISTENING"},
	{BindFailed, "BIND_FAILED"},
	{Accepted, "ACCEPTED"},
	{AcceptFailed, "ACCEPT_FAILED"},
	{Closed, "CLOSED"},
	{CloseFailed, "CLOSE_FAILED"},
	{Disconnected, "DISCONNECTED"},
	{MonitorStopped, "MONITOR_STOPPED"},
	{HandshakeFailedNoDetail, "HANDSHAKE_FAILED_NO_DETAIL"},
	{HandshakeSucceeded, "HANDSHAKE_SUCCEEDED"},
	{HandshakeFailedProtocol, "HANDSHAKE_FAILED_PROTOCOL"},
	{HandshakeFailedAuth, "HANDSHAKE_FAILED_AUTH"},
	{PipesStats, "PIPES_STATS"},
	{Subscribed, "SUBSCRIBED"},
	{Unsubscribed, "UNSUBSCRIBED"},
	{Full, "FULL"},
	{Relieved, "RELIEVED"},
	{Dropped, "DROPPED"},
	{Refused, "REFUSED"},
}

// String returns libzmq's name without its ZMQ_EVENT_ prefix, or the names of a mask joined by "|". A mask with
// every bit of All says ALL for them; bits without a name come last, as one hexadecimal number.
func (t Type) String() string {
	if t == 0 {
		return "0"
	}
	var parts []string
	if t&All == All {
		parts = append(parts, "ALL")
		t &^= All
	}
	for _, n := range typeNames {
		if t&n.t != 0 {
			parts = append(parts, n.name)
			t &^= n.t
		}
	}
	if t != 0 {
		parts = append(parts, fmt.Sprintf("%#x", uint64(t)))
	}
	return strings.Join(parts, "|")
}

// ParseTypes turns names into a mask: the names of [Type.String], in any case, separated by commas or "|", with
// spaces around them allowed. "all" is [All]; our own events and PIPES_STATS have to be named. An unknown or empty
// name is an error that lists the known ones.
func ParseTypes(s string) (Type, error) {
	var mask Type
	for part := range strings.SplitSeq(strings.ReplaceAll(s, "|", ","), ",") {
		t, ok := typeByName(strings.ToUpper(strings.TrimSpace(part)))
		if !ok {
			return 0, fmt.Errorf("monitor: unknown event %q; known: %s", part, knownTypes())
		}
		mask |= t
	}
	return mask, nil
}

func typeByName(name string) (Type, bool) {
	if name == "ALL" {
		return All, true
	}
	for _, n := range typeNames {
		if n.name == name {
			return n.t, true
		}
	}
	return 0, false
}

func knownTypes() string {
	names := []string{"all"}
	for _, n := range typeNames {
		names = append(names, n.name)
	}
	return strings.Join(names, ", ")
}

// single reports whether t is one event and not a mask.
func (t Type) single() bool { return bits.OnesCount64(uint64(t)) == 1 }
