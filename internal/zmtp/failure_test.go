package zmtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
)

func longFrame(flags byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{flags | flagLong}, n)
}

var okGreet = greet(3, 0, "NULL", 0)

// failures are what a peer may do wrong, with the event that CONFORMANCE 1.3 and 1.8 ask for. Ours is a PULL.
var failures = []struct {
	name  string
	wire  []byte
	fail  Failure
	value int64
	part  string // of the error text
}{
	{"garbage", []byte("GET / HTTP/1.1\r\n\r\n"), Protocol, ProtoZMTPUnspecified, "does not speak"},
	{"first byte", []byte{0xFE}, Protocol, ProtoZMTPUnspecified, ""},
	{"ten zeros", make([]byte, 10), Protocol, ProtoZMTPUnspecified, ""},
	{"byte 9 bit 0 clear", append([]byte{0xFF}, make([]byte, 9)...), Protocol, ProtoZMTPUnspecified, ""},
	{"byte 9 other", append([]byte{0xFF, 0, 0, 0, 0, 0, 0, 0, 0}, 0x01), Protocol, ProtoZMTPUnspecified, "signature"},
	{"zmtp 1 peer", []byte{1, 0, 2, 0, 'h'}, Protocol, ProtoZMTPUnspecified, ""},
	{"zmtp 2 peer", greet(1, 0, "", 0)[:11], Protocol, ProtoZMTPUnspecified, "older"},
	{"version 2", greet(2, 9, "NULL", 0)[:11], Protocol, ProtoZMTPUnspecified, "older"},
	{"FF and garbage", cat([]byte{0xFF}, make([]byte, 8), []byte{0x7F}, bytes.Repeat([]byte{0xEE}, 200)),
		Protocol, ProtoMechanismMismatch, "another"},
	{"mechanism PLAIN", greet(3, 0, "PLAIN", 0), Protocol, ProtoMechanismMismatch, ""},
	{"mechanism CURVE", greet(3, 0, "CURVE", 0), Protocol, ProtoMechanismMismatch, ""},
	{"mechanism null", greet(3, 0, "null", 0), Protocol, ProtoMechanismMismatch, ""},
	{"mechanism NULLX", greet(3, 0, "NULLX", 0), Protocol, ProtoMechanismMismatch, ""},
	{"mechanism empty", greet(3, 0, "", 0), Protocol, ProtoMechanismMismatch, ""},
	{"as-server 2", greet(3, 0, "NULL", 2), Protocol, ProtoMechanismMismatch, "as-server"},

	{"message instead of READY", cat(okGreet, []byte{0, 1, 'x'}), Protocol, ProtoUnexpectedCommand, "message"},
	{"message flags alone", cat(okGreet, []byte{1}), Protocol, ProtoUnexpectedCommand, "message"},
	{"command with MORE", cat(okGreet, []byte{5, 1, 'x'}), Protocol, ProtoMalformedCommand, "flags"},
	{"command with reserved bit", cat(okGreet, []byte{0x84, 1, 'x'}), Protocol, ProtoMalformedCommand, "flags"},
	{"command 64 KiB + 1", cat(okGreet, longFrame(4, 64<<10+1)), Protocol, ProtoMalformedCommand, "65537"},
	{"command 64 GiB", cat(okGreet, longFrame(4, 64<<30)), Protocol, ProtoMalformedCommand, ""},
	{"command 2^63-1", cat(okGreet, longFrame(4, 1<<63-1)), Protocol, ProtoMalformedCommand, ""},
	{"command 2^64-1", cat(okGreet, longFrame(4, 1<<64-1)), Protocol, ProtoMalformedCommand, ""},
	{"empty command", cat(okGreet, []byte{4, 0}), Protocol, ProtoMalformedCommand, "name"},
	{"empty name", cat(okGreet, []byte{4, 2, 0, 0}), Protocol, ProtoMalformedCommand, "name"},
	{"name too long", cat(okGreet, []byte{4, 3, 9, 'R', 'E'}), Protocol, ProtoMalformedCommand, "name"},
	{"BOGUS instead of READY", cat(okGreet, AppendCommand(nil, "BOGUS", nil)), Protocol, ProtoUnexpectedCommand, "BOGUS"},
	{"PING instead of READY", cat(okGreet, AppendPing(nil, 0, nil)), Protocol, ProtoUnexpectedCommand, "PING"},
	{"ready in lower case", cat(okGreet, AppendCommand(nil, "ready", props("Socket-Type", "PUSH"))),
		Protocol, ProtoUnexpectedCommand, ""},

	{"ERROR 300", cat(okGreet, AppendCommand(nil, "ERROR", []byte("\x03300"))), Auth, 300, "300"},
	{"ERROR 400", cat(okGreet, AppendCommand(nil, "ERROR", []byte("\x03400"))), Auth, 400, "400"},
	{"ERROR 500 and more", cat(okGreet, AppendCommand(nil, "ERROR", []byte("\x03500xx"))), Auth, 500, ""},
	{"ERROR 200", cat(okGreet, AppendCommand(nil, "ERROR", []byte("\x03200"))), Silent, 0, `"200"`},
	{"ERROR text", cat(okGreet, AppendCommand(nil, "ERROR", []byte("\x05no\n!\x00"))), Silent, 0, `"no\n!\x00"`},
	{"ERROR without reason", cat(okGreet, AppendCommand(nil, "ERROR", []byte{0})), Silent, 0, `""`},
	{"ERROR without body", cat(okGreet, AppendCommand(nil, "ERROR", nil)), Protocol, ProtoMalformedError, ""},
	{"ERROR cut", cat(okGreet, AppendCommand(nil, "ERROR", []byte("\x04400"))), Protocol, ProtoMalformedError, ""},

	{"no metadata", cat(okGreet, ready()), Silent, 0, "unknown socket type"},
	{"no Socket-Type", cat(okGreet, ready("Identity", "x")), Silent, 0, "unknown socket type"},
	{"empty Socket-Type", cat(okGreet, ready("Socket-Type", "")), Silent, 0, "unknown socket type"},
	{"unknown Socket-Type", cat(okGreet, ready("Socket-Type", "STREAM")), Silent, 0, `"STREAM"`},
	{"lower-case Socket-Type", cat(okGreet, ready("Socket-Type", "push")), Silent, 0, `"push"`},
	{"incompatible", cat(okGreet, ready("Socket-Type", "PULL")), Silent, 0, "does not fit"},
	{"two Socket-Types", cat(okGreet, ready("Socket-Type", "PUSH", "SOCKET-TYPE", "PUSH")), Silent, 0, "two"},
	{"Identity of 256 bytes", cat(okGreet, ready("Socket-Type", "PUSH", "Identity", strings.Repeat("x", 256))), Silent, 0, "Identity"},
	{"two Identities", cat(okGreet, ready("Identity", "a", "identity", "b", "Socket-Type", "PUSH")), Silent, 0, "Identity"},
	{"257 properties", cat(okGreet, ready(slices.Concat([]string{"Socket-Type", "PUSH"}, slices.Repeat([]string{"X", ""}, 256))...)), Silent, 0, "malformed"},
	{"empty property name", cat(okGreet, ready("", "x")), Silent, 0, "malformed"},
	{"name beyond the end", cat(okGreet, AppendCommand(nil, "READY", []byte{200, 'S'})), Silent, 0, "malformed"},
	{"no value length", cat(okGreet, AppendCommand(nil, "READY", []byte{1, 'S', 0, 0})), Silent, 0, "malformed"},
	{"value beyond the end", cat(okGreet, AppendCommand(nil, "READY", []byte{1, 'S', 0, 0, 0, 9, 'x'})), Silent, 0, "malformed"},
	{"value of 4 GiB", cat(okGreet, AppendCommand(nil, "READY", []byte{1, 'S', 255, 255, 255, 255, 'x'})), Silent, 0, "malformed"},
}

// TestHandshakeFailure: a peer that goes on living gets exactly the failure of the table, however its bytes arrive.
func TestHandshakeFailure(t *testing.T) {
	for _, c := range failures {
		for how, wrap := range readers {
			t.Run(c.name+"/"+how, func(t *testing.T) {
				nc := &script{in: wrap(bytes.NewReader(c.wire)), end: errors.New("read past the fault")}
				_, err := Handshake(nc, NewReader(nc), Options{Type: zmq4.Pull})
				he := wantFailure(t, err, c.fail, c.value)
				if he.Retry || he.Panic {
					t.Errorf("retry %v, panic %v", he.Retry, he.Panic)
				}
				if !strings.Contains(err.Error(), c.part) {
					t.Errorf("error %q does not name %q", err, c.part)
				}
				if want := strings.HasPrefix(c.name, "command 64 ") || strings.HasPrefix(c.name, "command 2^"); he.Oversize != want {
					t.Errorf("oversize = %v", he.Oversize)
				}
				if !bytes.HasPrefix(nc.out.Bytes(), okGreet[:32]) {
					t.Errorf("our greeting did not go out: %x", nc.out.Bytes())
				}
			})
		}
	}
}

func wantFailure(t *testing.T, err error, fail Failure, value int64) *HandshakeError {
	t.Helper()
	he, ok := err.(*HandshakeError)
	if !ok {
		t.Fatalf("error %v (%T), want *HandshakeError", err, err)
	}
	if he.Failure != fail || he.Value != value {
		t.Fatalf("%v %#x (%v), want %v %#x", he.Failure, he.Value, err, fail, value)
	}
	return he
}

// TestHandshakeEnds: what the end of the connection, at any point of the handshake, is reported as.
func TestHandshakeEnds(t *testing.T) {
	whole := cat(okGreet, ready("Socket-Type", "PUSH", "Identity", "p"))
	reset := &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	ends := []struct {
		err   error
		errno syscall.Errno
	}{
		{nil, syscall.EPIPE},
		{reset, syscall.ECONNRESET},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, syscall.EAGAIN},
		{net.ErrClosed, syscall.EPIPE},
		{errors.New("other"), syscall.EPIPE},
	}
	for _, e := range ends {
		for n := range len(whole) {
			nc := &script{in: bytes.NewReader(whole[:n]), end: e.err}
			_, err := Handshake(nc, NewReader(nc), Options{Type: zmq4.Pull})
			he := wantFailure(t, err, NoDetail, int64(e.errno))
			if !he.Retry || e.err != nil && !errors.Is(err, e.err) {
				t.Fatalf("after %d bytes: %+v", n, he)
			}
		}
	}
}

// TestHandshakeTCP: the same ends on a kernel socket.
func TestHandshakeTCP(t *testing.T) {
	cases := []struct {
		name  string
		peer  func(nc *net.TCPConn)
		errno syscall.Errno
	}{
		{"reads all and closes", func(nc *net.TCPConn) { io.ReadFull(nc, make([]byte, greetingLen)); nc.Close() }, syscall.EPIPE},
		{"half close", func(nc *net.TCPConn) { nc.CloseWrite() }, syscall.EPIPE},
		{"reset", func(nc *net.TCPConn) {
			io.ReadFull(nc, make([]byte, greetingLen))
			nc.SetLinger(0)
			nc.Close()
		}, syscall.ECONNRESET},
		{"silent", func(*net.TCPConn) {}, syscall.EAGAIN},
		{"silent after greeting", func(nc *net.TCPConn) { nc.Write(okGreet) }, syscall.EAGAIN},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ours, theirs := tcpPair(t)
			if c.errno == syscall.EAGAIN {
				ours.SetDeadline(time.Now().Add(30 * time.Millisecond))
			}
			defer collect(func() { c.peer(theirs) })()
			_, err := Handshake(ours, NewReader(ours), Options{Type: zmq4.Pull})
			wantFailure(t, err, NoDetail, int64(c.errno))
		})
	}
}

// TestLastWordsAfterReset: what a peer said before it reset is heard although our own write fails.
func TestLastWordsAfterReset(t *testing.T) {
	nc := &deaf{script{in: bytes.NewReader(cat(okGreet, AppendCommand(nil, "ERROR", []byte("\x03400"))))}}
	_, err := Handshake(nc, NewReader(nc), Options{Type: zmq4.Pull})
	wantFailure(t, err, Auth, 400)

	nc = &deaf{script{in: bytes.NewReader(okGreet)}}
	_, err = Handshake(nc, NewReader(nc), Options{Type: zmq4.Pull})
	wantFailure(t, err, NoDetail, int64(syscall.ECONNRESET))
}

type deaf struct{ script }

func (*deaf) Write([]byte) (int, error) { return 0, syscall.ECONNRESET }
