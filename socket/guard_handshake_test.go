package socket

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"zmqbus/monitor"
)

// badHandshakes are what a peer may do wrong before its handshake is over. All connect to a PULL. Each ends with
// DISCONNECTED; event is what comes before, 0 for the silent ones (CONFORMANCE 1.3, 1.8).
var badHandshakes = []struct {
	name     string
	greeting []byte // nil: a good one, and wire follows when the other side's was read
	wire     []byte
	event    monitor.Type
	value    int64
	reason   error
}{
	{"http", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), nil, protocolFailed, unspecified, monitor.ErrProtocol},
	{"one wrong byte", []byte{0xFE}, nil, protocolFailed, unspecified, monitor.ErrProtocol},
	{"ZMTP 1 peer", []byte{1, 0, 2, 0, 'A'}, nil, protocolFailed, unspecified, monitor.ErrProtocol},
	{"ZMTP 2 peer", append([]byte{0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F}, 1, 5, 0, 0), nil, protocolFailed, unspecified, monitor.ErrProtocol},
	{"version 2", rawGreeting(2, 0, "NULL"), nil, protocolFailed, unspecified, monitor.ErrProtocol},
	{"signature and garbage", append(rawGreeting(3, 0, "")[:10], bytes.Repeat([]byte{0xEE}, 200)...), nil, protocolFailed, mismatch, monitor.ErrProtocol},
	{"mechanism PLAIN", rawGreeting(3, 0, "PLAIN"), nil, protocolFailed, mismatch, monitor.ProtocolError(mismatch)},
	{"mechanism null", rawGreeting(3, 0, "null"), nil, protocolFailed, mismatch, monitor.ProtocolError(mismatch)},

	{"message", nil, []byte("\x00\x03abc"), protocolFailed, unexpected, monitor.ProtocolError(unexpected)},
	{"unknown command", nil, rawCommand("BOGUS", "xx"), protocolFailed, unexpected, monitor.ProtocolError(unexpected)},
	{"empty command", nil, []byte{4, 0}, protocolFailed, malformed, monitor.ProtocolError(malformed)},
	{"name beyond the end", nil, []byte{4, 3, 9, 'R', 'E'}, protocolFailed, malformed, monitor.ProtocolError(malformed)},
	{"length 64 KiB + 1", nil, rawLength(4, 64<<10+1), protocolFailed, malformed, monitor.ErrOversize},
	{"length 64 GiB", nil, rawLength(4, 64<<30), protocolFailed, malformed, monitor.ErrOversize},
	{"length 2^63-1", nil, rawLength(4, 1<<63-1), protocolFailed, malformed, monitor.ErrOversize},
	{"length 2^64-1", nil, rawLength(4, 1<<64-1), protocolFailed, malformed, monitor.ErrOversize},
	{"message of 2^63-1", nil, rawLength(0, 1<<63-1), protocolFailed, unexpected, monitor.ErrProtocol},
	{"command with MORE", nil, []byte{5, 1, 'x'}, protocolFailed, malformed, monitor.ErrProtocol},
	{"malformed ERROR", nil, rawCommand("ERROR", "\x20400"), protocolFailed, int64(monitor.ZMTPMalformedCommandError), monitor.ErrProtocol},

	{"ERROR 300", nil, rawCommand("ERROR", "\x03300"), authFailed, 300, monitor.ErrAuth},
	{"ERROR 400", nil, rawCommand("ERROR", "\x03400"), authFailed, 400, monitor.ErrAuth},
	{"ERROR 500", nil, rawCommand("ERROR", "\x03500"), authFailed, 500, monitor.ErrAuth},
	{"ERROR in words", nil, rawCommand("ERROR", "\x07go away"), 0, 0, monitor.ErrProtocol},

	{"no metadata", nil, rawCommand("READY", ""), 0, 0, monitor.ErrProtocol},
	{"missing Socket-Type", nil, rawReady("Identity", "x"), 0, 0, monitor.ErrProtocol},
	{"empty Socket-Type", nil, rawReady("Socket-Type", ""), 0, 0, monitor.ErrProtocol},
	{"unknown Socket-Type", nil, rawReady("Socket-Type", "STREAM"), 0, 0, monitor.ErrProtocol},
	{"binary Socket-Type", nil, rawReady("Socket-Type", "\x00\xff\n"), 0, 0, monitor.ErrProtocol},
	{"incompatible Socket-Type", nil, rawReady("Socket-Type", "SUB"), 0, 0, monitor.ErrProtocol},
	{"two Socket-Types", nil, rawReady("Socket-Type", "PUSH", "socket-type", "PUSH"), 0, 0, monitor.ErrProtocol},
	{"Identity of 256 bytes", nil, rawReady("Socket-Type", "PUSH", "Identity", strings.Repeat("i", 256)), 0, 0, monitor.ErrProtocol},
	{"257 properties", nil, rawReady(slices.Concat([]string{"Socket-Type", "PUSH"}, slices.Repeat([]string{"X", ""}, 256))...), 0, 0, monitor.ErrProtocol},
	{"nameless property", nil, rawReady("", "x"), 0, 0, monitor.ErrProtocol},
	{"name cut", nil, rawCommand("READY", "\x0bSocket-Ty"), 0, 0, monitor.ErrProtocol},
	{"value length cut", nil, rawCommand("READY", "\x0bSocket-Type\x00\x00"), 0, 0, monitor.ErrProtocol},
	{"value beyond the end", nil, rawCommand("READY", "\x0bSocket-Type\x00\x00\x00\x09PUSH"), 0, 0, monitor.ErrProtocol},
	{"value of 4 GiB", nil, rawCommand("READY", "\x0bSocket-Type\xff\xff\xff\xffPUSH"), 0, 0, monitor.ErrProtocol},
}

const (
	protocolFailed = monitor.HandshakeFailedProtocol
	authFailed     = monitor.HandshakeFailedAuth

	unspecified = int64(monitor.ZMTPUnspecified)
	mismatch    = int64(monitor.ZMTPMechanismMismatch)
	unexpected  = int64(monitor.ZMTPUnexpectedCommand)
	malformed   = int64(monitor.ZMTPMalformedCommandUnspecified)
)

// TestGuardHandshake: every bad handshake ends in its event and nothing else, while good peers talk on.
func TestGuardHandshake(t *testing.T) {
	w := pullTraffic(t, nil)
	for _, c := range badHandshakes {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			a := attack(t, w.ep)
			if c.greeting != nil {
				a.say(c.greeting)
			} else {
				a.greet()
				a.say(c.wire)
			}
			fate := w.fate(a)
			if c.event == 0 && len(fate) != 1 || c.event != 0 && len(fate) != 2 {
				t.Fatalf("events %v", fate)
			}
			if e := fate[0]; c.event != 0 && (e.Type != c.event || e.Value != c.value) {
				t.Errorf("%v, want %v %d", e, c.event, c.value)
			}
			for _, e := range fate {
				if !errors.Is(e.Err, c.reason) || e.Retry || e.Endpoint != w.ep {
					t.Errorf("%v at %q: reason %v, want %v", e, e.Endpoint, e.Err, c.reason)
				}
			}
			a.drain()
		})
	}
	w.t = t
	w.done()
}
