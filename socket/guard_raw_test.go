package socket

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// rawRow is one of the raw_* scenarios that were measured on libzmq: what a stranger does to a DEALER, and the events
// there until the DEALER is closed.
type rawRow struct {
	name       string
	transports string
	cfg        Config
	act        func(*attacker)
	want       string // between LISTENING and CLOSED MONITOR_STOPPED
	until      monitor.Type
}

const (
	short   = 300 * time.Millisecond
	inProto = "ACCEPTED HANDSHAKE_FAILED_PROTOCOL(%s) DISCONNECTED"
	inErrno = "ACCEPTED HANDSHAKE_FAILED_NO_DETAIL(%s) DISCONNECTED"
	inSound = "ACCEPTED HANDSHAKE_SUCCEEDED DISCONNECTED"
	gone    = monitor.Disconnected
)

// rawRows has libzmq's variants, and the one listed difference: a peer that does not speak ZMTP 3 is turned away at
// once, where libzmq takes it for ZMTP 1.0 and waits for its handshake timer.
func rawRows() []rawRow {
	stranger := fmt.Sprintf(inProto, "ZMTP_UNSPECIFIED")
	reset, fin, timer := fmt.Sprintf(inErrno, "ECONNRESET"), fmt.Sprintf(inErrno, "EPIPE"), fmt.Sprintf(inErrno, "EAGAIN")
	garbage := func(a *attacker) { a.say([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n" + strings.Repeat("z", 64))) }
	after := func(wire ...[]byte) func(*attacker) {
		return func(a *attacker) { a.greet(); a.say(wire...) }
	}
	joined := func(act func(*attacker)) func(*attacker) {
		return func(a *attacker) { a.join("DEALER"); act(a) }
	}
	// The end is an RST, as it is when a client closes with our greeting unread.
	unread := func(a *attacker) { a.hear(1); a.Close() }
	rows := []rawRow{
		{"rst_after_handshake", "tcp ipc", Config{}, joined((*attacker).reset), inSound, gone},
		{"fin_after_handshake", "tcp ipc", Config{}, joined(func(a *attacker) { a.Close() }), inSound, gone},
		{"garbage_64_bytes", "tcp ipc", Config{}, garbage, stranger, gone},
		{"garbage_short_10_bytes_then_idle", "tcp", Config{}, func(a *attacker) { a.say([]byte("GET / HTTP")) }, stranger, gone},
		{"garbage_4_bytes_then_close", "tcp ipc", Config{}, func(a *attacker) { a.say([]byte("abcd")); a.drain() }, stranger, gone},
		{"garbage_handshake_ivl_300", "tcp", Config{HandshakeTimeout: short}, garbage, stranger, gone},
		{"random_binary", "tcp", Config{}, randomBinary, stranger, gone},
		{"ff_garbage_revision_byte", "tcp", Config{}, func(a *attacker) {
			a.say(rawGreeting(3, 0, "")[:10], []byte(strings.Repeat("\xee", 200)))
		}, fmt.Sprintf(inProto, "ZMTP_MECHANISM_MISMATCH"), gone},
		{"silent_handshake_ivl_300", "tcp ipc", Config{HandshakeTimeout: short}, func(*attacker) {}, timer, gone},
		{"silent_handshake_ivl_0", "tcp", Config{HandshakeTimeout: None}, func(*attacker) {}, "ACCEPTED", monitor.Accepted},
		{"connect_then_close", "tcp ipc", Config{}, unread, reset, gone},
		{"connect_then_rst", "tcp ipc", Config{}, func(a *attacker) { a.hear(1); a.reset() }, reset, gone},
		{"greeting_then_close", "tcp", Config{}, func(a *attacker) { a.greet(); unread(a) }, reset, gone},
		{"read_everything_then_close", "tcp ipc", Config{}, func(a *attacker) { a.hear(64); a.Close() }, fin, gone},
		{"greeting_then_silent_handshake_ivl_300", "tcp", Config{HandshakeTimeout: short}, after(), timer, gone},
		{"zmtp31_minor", "tcp", Config{}, func(a *attacker) { a.version(3, 1) }, inSound, gone},
		{"future_major_4", "tcp", Config{}, func(a *attacker) { a.version(4, 0) }, inSound, gone},
		{"zmtp1_peer", "tcp", Config{}, func(a *attacker) { a.say([]byte{1, 0, 2, 0, 'A'}) }, stranger, gone},
		{"zmtp1_peer_handshake_ivl_300", "tcp", Config{HandshakeTimeout: short}, func(a *attacker) { a.say([]byte{1, 0}) }, stranger, gone},
		{"zmtp2_peer", "tcp", Config{}, func(a *attacker) { a.say([]byte("\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x01\x05\x00\x00")) }, stranger, gone},
		{"bad_command_instead_of_ready", "tcp", Config{}, after(rawCommand("BOGUS", "xx")), fmt.Sprintf(inProto, "ZMTP_UNEXPECTED_COMMAND"), gone},
		{"message_instead_of_ready", "tcp", Config{}, after([]byte("\x00\x03abc")), fmt.Sprintf(inProto, "ZMTP_UNEXPECTED_COMMAND"), gone},
		{"error_command", "tcp", Config{}, after(rawCommand("ERROR", "\x03400")), "ACCEPTED HANDSHAKE_FAILED_AUTH(ZAP status 400) DISCONNECTED", gone},
		{"malformed_error_command", "tcp", Config{}, after(rawCommand("ERROR", "\x20400")), fmt.Sprintf(inProto, "ZMTP_MALFORMED_COMMAND_ERROR"), gone},
		{"malformed_ready_metadata", "tcp", Config{}, after(rawCommand("READY", "\x0bSocket-Ty")), "ACCEPTED DISCONNECTED", gone},
		{"bad_frame_after_handshake", "tcp", Config{}, joined(func(a *attacker) { a.say([]byte(strings.Repeat("\xff", 10))) }), inSound, gone},
		// Handshake commands have a bound of their own: libzmq's READY fails here.
		{"message_over_maxmsgsize", "tcp", Config{MaxMsgSize: 10}, joined(func(a *attacker) { a.say([]byte{0, 100}) }), inSound, gone},
		{"message_over_maxmsgsize_64", "tcp", Config{MaxMsgSize: 64}, joined(func(a *attacker) {
			a.say([]byte{0, 100}, make([]byte, 100))
		}), inSound, gone},
	}
	for _, m := range []string{"PLAIN", "CURVE", "GSSAPI", "BOGUS", "null"} {
		rows = append(rows, rawRow{"wrong_mechanism_" + m, "tcp", Config{}, func(a *attacker) { a.say(rawGreeting(3, 0, m)) },
			fmt.Sprintf(inProto, "ZMTP_MECHANISM_MISMATCH"), gone})
	}
	return rows
}

func randomBinary(a *attacker) {
	b := make([]byte, 300)
	r := rand.New(rand.NewPCG(7, 7))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	a.say(b)
}

// version is a handshake by a peer of another version, and its end.
func (a *attacker) version(major, minor byte) {
	a.say(rawGreeting(major, minor, "NULL"))
	a.hear(64)
	a.say(rawReady("Socket-Type", "DEALER"))
	a.hearFrame()
	a.Close()
}

// TestGuardRawPeers replays the scenarios on tcp and ipc.
func TestGuardRawPeers(t *testing.T) {
	for _, row := range rawRows() {
		for _, tr := range strings.Fields(row.transports) {
			t.Run(row.name+"/"+tr, func(t *testing.T) {
				ep := "tcp://127.0.0.1:0"
				if tr == "ipc" {
					ep = "ipc://" + filepath.Join(t.TempDir(), "s")
				}
				s := open(t, zmq4.Dealer, &row.cfg)
				events := s.Lifecycle(monitor.All)
				ep = bind(t, s, ep)
				a := attack(t, ep)
				row.act(a)
				var got []string
				for {
					e := next(t, events, monitor.All)
					got = append(got, brief(e))
					if e.Endpoint != ep {
						t.Errorf("%v: endpoint %q, want %q", e, e.Endpoint, ep)
					}
					if e.Type == row.until {
						break
					}
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				for e := range events.All(context.Background()) {
					got = append(got, brief(e))
				}
				if g, want := strings.Join(got, " "), "LISTENING "+row.want+" CLOSED MONITOR_STOPPED"; g != want {
					t.Errorf("got  %s\nwant %s", g, want)
				}
			})
		}
	}
}

// brief is an event without its descriptor.
func brief(e monitor.Event) string {
	switch d := e.Detail(); {
	case d == "" || strings.HasPrefix(d, "fd "):
		return e.Type.String()
	default:
		return e.Type.String() + "(" + d + ")"
	}
}

// TestGuardErrno: how a connection ends before its handshake is told by errno, at every stage and both for the FIN
// and for the RST (CONFORMANCE 1.3).
func TestGuardErrno(t *testing.T) {
	w := pullTraffic(t, nil)
	stages := []struct {
		name string
		act  func(*attacker)
	}{
		{"connected", func(a *attacker) {}},
		{"one byte", func(a *attacker) { a.say([]byte{0xFF}) }},
		{"half a greeting", func(a *attacker) { a.say(rawGreeting(3, 0, "NULL")[:32]) }},
		{"greeting", func(a *attacker) { a.say(rawGreeting(3, 0, "NULL")) }},
		{"half a READY", func(a *attacker) { a.say(rawGreeting(3, 0, "NULL"), rawReady("Socket-Type", "PUSH")[:9]) }},
	}
	for i, st := range stages {
		for _, end := range []struct {
			name  string
			act   func(a *attacker)
			errno syscall.Errno
		}{
			{"FIN", func(a *attacker) { a.Close() }, syscall.EPIPE},
			{"unread", func(a *attacker) { a.Close() }, syscall.ECONNRESET},
			{"RST", (*attacker).reset, syscall.ECONNRESET},
		} {
			t.Run(st.name+"/"+end.name, func(t *testing.T) {
				w.t = t
				a := attack(t, w.ep)
				st.act(a)
				if end.name == "unread" {
					a.hear(1)
				} else if a.hear(64); i >= 3 {
					a.hearFrame() // our READY
				}
				end.act(a)
				fate := w.fate(a)
				if len(fate) != 2 || fate[0].Type != monitor.HandshakeFailedNoDetail || fate[0].Value != int64(end.errno) {
					t.Errorf("%v, want NO_DETAIL %v", fate, end.errno)
				}
				want := monitor.ErrReset
				if end.errno == syscall.EPIPE {
					want = monitor.ErrEOF
				}
				for _, e := range fate {
					if !errors.Is(e.Err, want) {
						t.Errorf("%v: reason %v, want %v", e.Type, e.Err, want)
					}
				}
			})
		}
	}
	w.t = t
	w.done()
}
