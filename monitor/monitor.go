package monitor

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-zeromq/zmq4"
)

// ConnID names a connection or a listener for as long as its process lives; 0 is none. Events about one connection
// carry the same id.
type ConnID uint64

// Peer is what a handshake told about the other side; its fields are empty before it. All of it is the peer's word.
type Peer struct {
	Type      zmq4.SocketType   // PULL, ROUTER, ...
	Identity  string            // its routing id as bytes; empty when it has none
	Mechanism string            // NULL, PLAIN, CURVE
	Metadata  map[string]string // all properties it sent; shared by all events of the connection: read only
}

// Event is one thing that happened to a connection or a listener. It is a value: copy it freely, but do not write to
// Peer.Metadata. Which fields are set depends on Type; the rest are zero.
type Event struct {
	Type     Type   // one bit
	Value    int64  // libzmq's value: fd (-1: none), errno, milliseconds, ProtocolError or ZAP status; see Type
	Endpoint string // libzmq's endpoint: as dialled; as bound; of an accepted connection its local end

	Seq    uint64    // counts this stream's events from 1; a bigger step is a loss
	Time   time.Time // when it was recorded, unless the recorder knew better
	Conn   ConnID    // which connection or listener
	Local  string    // this end of the connection, as an endpoint
	Remote string    // the other end
	Peer   Peer      // who is there, once the handshake told
	Err    error     // why, as far as known; see ErrEOF and its kin

	Retry    bool // another connect attempt follows
	Snapshot bool // happened before the stream began and still stands

	Topic  string    // SUBSCRIBED, UNSUBSCRIBED: the filter, as bytes
	Count  uint64    // DROPPED: how many messages
	Reason string    // DROPPED, REFUSED: why, in a word
	Queued [2]uint64 // PIPES_STATS: messages queued outbound, inbound

	Lost uint64 // events this stream lost directly before this one; filled by Next and All
}

// Detail returns the event's value in words: "fd 7", "ECONNREFUSED", "100ms", "ZMTP_MECHANISM_MISMATCH", "ZAP status
// 400", `topic "a"`. It is empty when the type has no value.
func (e Event) Detail() string {
	switch e.Type {
	case HandshakeSucceeded, MonitorStopped:
		return ""
	case Connected, Listening, Accepted, Closed, Disconnected:
		if e.Value < 0 {
			return "no fd"
		}
		return fmt.Sprintf("fd %d", e.Value)
	case ConnectDelayed, BindFailed, AcceptFailed, CloseFailed, HandshakeFailedNoDetail:
		return errnoName(e.Value)
	case ConnectRetried:
		return fmt.Sprintf("%dms", e.Value)
	case HandshakeFailedProtocol:
		return ProtocolError(e.Value).String()
	case HandshakeFailedAuth:
		return fmt.Sprintf("ZAP status %d", e.Value)
	case PipesStats:
		return fmt.Sprintf("%d out, %d in", e.Queued[0], e.Queued[1])
	case Subscribed, Unsubscribed:
		return fmt.Sprintf("topic %q", e.Topic)
	case Dropped:
		return strings.TrimSpace(fmt.Sprintf("%d messages %s", e.Count, printable(e.Reason)))
	case Full, Relieved, Refused:
		return printable(e.Reason)
	default:
		return fmt.Sprintf("value %d", e.Value)
	}
}

// String returns the event on one line, without its time and number: name, detail, endpoint, peer, reason, and what
// else a reader should know. What a peer sent is quoted if it could break the line.
func (e Event) String() string {
	parts := []string{e.Type.String()}
	add := func(s string) {
		if s != "" {
			parts = append(parts, s)
		}
	}
	add(e.Detail())
	add(printable(e.Endpoint))
	add(e.Peer.String())
	if e.Err != nil {
		add("(" + printable(e.Err.Error()) + ")")
	}
	if e.Retry {
		add("retry")
	}
	if e.Snapshot {
		add("snapshot")
	}
	if e.Lost > 0 {
		add(fmt.Sprintf("lost %d before", e.Lost))
	}
	return strings.Join(parts, " ")
}

// String returns socket type, quoted identity and mechanism, as far as they are known.
func (p Peer) String() string {
	var parts []string
	if p.Type != "" {
		parts = append(parts, printable(string(p.Type)))
	}
	if p.Identity != "" {
		parts = append(parts, strconv.Quote(p.Identity))
	}
	if p.Mechanism != "" {
		parts = append(parts, printable(p.Mechanism))
	}
	return strings.Join(parts, " ")
}

// printable quotes s if it has characters that could break or forge a line of a log.
func printable(s string) string {
	for _, r := range s {
		if !strconv.IsPrint(r) || r == '\uFFFD' {
			return strconv.Quote(s)
		}
	}
	return s
}
