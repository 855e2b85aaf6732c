package monitor

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/go-zeromq/zmq4"
)

func TestDetail(t *testing.T) {
	for _, c := range []struct {
		e    Event
		want string
	}{
		{Event{Type: Connected, Value: 7}, "fd 7"},
		{Event{Type: Disconnected, Value: 0}, "fd 0"},
		{Event{Type: Accepted, Value: -1}, "no fd"},
		{Event{Type: ConnectRetried, Value: 1500}, "1500ms"},
		{Event{Type: HandshakeSucceeded}, ""},
		{Event{Type: MonitorStopped}, ""},
		{Event{Type: HandshakeFailedProtocol, Value: int64(ZMTPMechanismMismatch)}, "ZMTP_MECHANISM_MISMATCH"},
		{Event{Type: HandshakeFailedAuth, Value: 400}, "ZAP status 400"},
		{Event{Type: PipesStats, Queued: [2]uint64{3, 4}}, "3 out, 4 in"},
		{Event{Type: Subscribed, Topic: "a\n"}, `topic "a\n"`},
		{Event{Type: Unsubscribed}, `topic ""`},
		{Event{Type: Dropped, Count: 3, Reason: "hwm"}, "3 messages hwm"},
		{Event{Type: Dropped, Count: 3}, "3 messages"},
		{Event{Type: Refused, Reason: "duplicate identity"}, "duplicate identity"},
		{Event{Type: Full}, ""},
		{Event{Type: 0x8000, Value: 5}, "value 5"},
	} {
		if got := c.e.Detail(); got != c.want {
			t.Errorf("%v: %q, want %q", c.e.Type, got, c.want)
		}
	}
}

func TestDetailErrno(t *testing.T) {
	for _, typ := range []Type{ConnectDelayed, BindFailed, AcceptFailed, CloseFailed, HandshakeFailedNoDetail} {
		for errno, want := range map[syscall.Errno]string{
			syscall.ECONNREFUSED: "ECONNREFUSED", syscall.EAGAIN: "EAGAIN", syscall.EPIPE: "EPIPE", 99999: "errno 99999",
		} {
			if runtime.GOOS == "windows" {
				want = fmt.Sprintf("errno %d (%v)", int(errno), errno)
			}
			if got := (Event{Type: typ, Value: int64(errno)}).Detail(); got != want {
				t.Errorf("%v %d: %q, want %q", typ, int(errno), got, want)
			}
		}
	}
}

func TestEventString(t *testing.T) {
	ep := "tcp://127.0.0.1:5555"
	for _, c := range []struct {
		e    Event
		want string
	}{
		{Event{Type: Listening, Value: 3, Endpoint: ep}, "LISTENING fd 3 " + ep},
		{Event{Type: MonitorStopped}, "MONITOR_STOPPED"},
		{
			Event{Type: Disconnected, Value: 7, Endpoint: ep, Err: ErrEOF, Retry: true, Lost: 2,
				Peer: Peer{Type: zmq4.Router, Identity: "id\x00", Mechanism: "NULL"}},
			"DISCONNECTED fd 7 " + ep + ` ROUTER "id\x00" NULL (peer closed the connection) retry lost 2 before`,
		},
		{Event{Type: Accepted, Value: 8, Endpoint: ep, Snapshot: true}, "ACCEPTED fd 8 " + ep + " snapshot"},
	} {
		if got := c.e.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// A peer chooses identity, types, topics and error texts; none of them may forge a second line.
func TestEventStringIsOneLine(t *testing.T) {
	evil := "x\nDISCONNECTED fd 1 \x1b[2J\xff"
	for _, n := range typeNames {
		e := Event{Type: n.t, Endpoint: evil, Topic: evil, Reason: evil, Err: fmt.Errorf("%w: %s", ErrAuth, evil),
			Peer: Peer{Type: zmq4.SocketType(evil), Identity: evil, Mechanism: evil}}
		if s := e.String(); strings.ContainsAny(s, "\n\r\x1b") || !utf8.ValidString(s) {
			t.Errorf("%v: %q", n.t, s)
		}
	}
}
