package zmtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"
	"github.com/go-zeromq/zmq4/security/plain"
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

func TestHandshakeSucceeds(t *testing.T) {
	cases := []struct {
		name string
		wire []byte
		id   string
	}{
		{"3.0", cat(okGreet, ready("Socket-Type", "PUSH", "Identity", "")), ""},
		{"3.1", cat(greet(3, 1, "NULL", 0), ready("Socket-Type", "PUSH")), ""},
		{"4.0, as-server", cat(greet(4, 0, "NULL", 1), ready("Socket-Type", "PUSH")), ""},
		{"names in any case", cat(okGreet, ready("SOCKET-TYPE", "PUSH", "identity", "me")), "me"},
		{"X- property", cat(okGreet, ready("X-foo", "bar", "Socket-Type", "PUSH")), ""},
		{"Identity of 255 bytes", cat(okGreet, ready("Socket-Type", "PUSH", "Identity", strings.Repeat("i", 255))), strings.Repeat("i", 255)},
		{"filler and tail ignored", fill(cat(okGreet, ready("Socket-Type", "PUSH")), 0xAA), ""},
		{"READY of 64 KiB", cat(okGreet, ready("Socket-Type", "PUSH", "X-big", strings.Repeat("b", 64<<10-6-20-10))), ""},
	}
	for _, c := range cases {
		for how, wrap := range readers {
			t.Run(c.name+"/"+how, func(t *testing.T) {
				rest := AppendMessage(nil, [][]byte{[]byte("first"), []byte("message")})
				nc := &script{in: wrap(bytes.NewReader(cat(c.wire, rest)))}
				r := NewReader(nc)
				greeted := 0
				peer, err := Handshake(nc, r, Options{Type: zmq4.Pull, OnGreeting: func() error { greeted++; return nil }})
				if err != nil {
					t.Fatal(err)
				}
				if peer.Type != zmq4.Push || peer.Identity != c.id || peer.Mechanism != "NULL" || greeted != 1 {
					t.Errorf("peer %+v, %d greetings", peer, greeted)
				}
				if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, rest) {
					t.Errorf("left %q, %v, want %q", got, err, rest)
				}
			})
		}
	}
}

func fill(b []byte, with byte) []byte {
	for i := 1; i < greetingLen; i++ {
		if i < 9 || i > 32 {
			b[i] = with
		}
	}
	return b
}

// TestHandshakeBothEnds: we talk to ourselves, to zmq4, and with PLAIN; READY is one write.
func TestHandshakeBothEnds(t *testing.T) {
	for _, sec := range []func() zmq4.Security{null.Security, func() zmq4.Security { return plain.Security("user", "secret") }} {
		a, b := tcpPair(t)
		var server Peer
		var serverErr error
		wait := collect(func() {
			server, serverErr = Handshake(b, NewReader(b), Options{Type: zmq4.Router, Identity: []byte("srv"), Security: sec(), Server: true})
		})
		writes := &countWrites{Conn: a}
		client, err := Handshake(writes, NewReader(a), Options{Type: zmq4.Dealer, Identity: []byte("cli"), Security: sec()})
		wait()
		if err != nil || serverErr != nil {
			t.Fatal(err, serverErr)
		}
		name := string(sec().Type())
		if client.Type != zmq4.Router || client.Identity != "srv" || client.Mechanism != name {
			t.Errorf("client sees %+v", client)
		}
		if server.Type != zmq4.Dealer || server.Identity != "cli" || server.Metadata["Identity"] != "cli" {
			t.Errorf("server sees %+v", server)
		}
		if want := map[string]int{"NULL": 2, "PLAIN": 3}[name]; writes.n != want {
			t.Errorf("%s: %d writes, want %d", name, writes.n, want)
		}
	}
}

type countWrites struct {
	net.Conn
	n int
}

func (c *countWrites) Write(p []byte) (int, error) { c.n++; return c.Conn.Write(p) }

func TestHandshakeWithZMQ4(t *testing.T) {
	a, b := tcpPair(t)
	var peerErr error
	wait := collect(func() {
		var c *zmq4.Conn
		if c, peerErr = zmq4.Open(b, null.Security(), zmq4.Push, []byte("them"), true, nil); peerErr == nil {
			peerErr = c.SendMsg(zmq4.NewMsgFrom([]byte("a"), bytes.Repeat([]byte("b"), 300)))
		}
	})
	r := NewReader(a)
	peer, err := Handshake(a, r, Options{Type: zmq4.Pull})
	wait()
	if err != nil || peerErr != nil || peer.Identity != "them" {
		t.Fatal(peer, err, peerErr)
	}
	msgs, err := NewDecoder(r).ReadBatch(nil)
	if err != nil || len(msgs) != 1 || len(msgs[0].Frames) != 2 || len(msgs[0].Frames[1]) != 300 {
		t.Fatal(msgs, err)
	}
}

func TestOnGreetingError(t *testing.T) {
	mine := errors.New("no slot")
	nc := &script{in: bytes.NewReader(cat(okGreet, ready("Socket-Type", "PUSH")))}
	r := NewReader(nc)
	_, err := Handshake(nc, r, Options{Type: zmq4.Pull, OnGreeting: func() error { return mine }})
	if he := wantFailure(t, err, NoDetail, int64(syscall.EAGAIN)); !he.Retry || !errors.Is(err, mine) {
		t.Errorf("%+v", he)
	}
	nc = &script{in: bytes.NewReader(okGreet[:63])}
	_, err = Handshake(nc, NewReader(nc), Options{Type: zmq4.Pull, OnGreeting: func() error { t.Error("called early"); return nil }})
	wantFailure(t, err, NoDetail, int64(syscall.EPIPE))
}

// custom is a mechanism whose metadata the guard cannot read.
type custom struct {
	zmq4.Security
	name zmq4.SecurityType
	run  func(*zmq4.Conn) error
}

func (c custom) Type() zmq4.SecurityType               { return c.name }
func (c custom) Handshake(nc *zmq4.Conn, _ bool) error { return c.run(nc) }

func TestCustomMechanism(t *testing.T) {
	refused := &HandshakeError{Failure: Auth, Value: 400, Err: errors.New("bad password")}
	meta := func(k, v string) func(*zmq4.Conn) error {
		return func(c *zmq4.Conn) error { c.Peer.Meta[k] = v; return nil }
	}
	cases := []struct {
		name  string
		run   func(*zmq4.Conn) error
		fail  Failure
		value int64
		panic bool
	}{
		{"own error", func(*zmq4.Conn) error { return fmt.Errorf("wrapped: %w", refused) }, Auth, 400, false},
		{"other error", func(*zmq4.Conn) error { return io.ErrUnexpectedEOF }, Protocol, ProtoZMTPUnspecified, false},
		{"panic", func(*zmq4.Conn) error { panic("bug") }, Protocol, ProtoZMTPUnspecified, true},
		{"no type", meta("X", "y"), Silent, 0, false},
		{"unknown type", meta("Socket-Type", "WEIRD"), Silent, 0, false},
		{"wrong type", meta("Socket-Type", "SUB"), Silent, 0, false},
		{"long identity", meta("Identity", strings.Repeat("x", 256)), Silent, 0, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			nc := &script{in: bytes.NewReader(greet(3, 0, "XYZ", 0))}
			_, err := Handshake(nc, NewReader(nc), Options{Type: zmq4.Pull, Security: custom{null.Security(), "XYZ", c.run}})
			if he := wantFailure(t, err, c.fail, c.value); he.Panic != c.panic {
				t.Errorf("panic = %v", he.Panic)
			}
		})
	}
	nc := &script{in: bytes.NewReader(greet(3, 0, "XYZ", 0))}
	good := custom{null.Security(), "XYZ", func(c *zmq4.Conn) error {
		c.Peer.Meta["Socket-Type"] = "PUSH"
		return c.SendCmd("DONE", nil)
	}}
	if _, err := Handshake(nc, NewReader(nc), Options{Type: zmq4.Pull, Security: good}); err != nil {
		t.Fatal(err)
	}
	if want := AppendCommand(nil, "DONE", nil); !bytes.HasSuffix(nc.out.Bytes(), want) {
		t.Errorf("last command was not flushed: %x", nc.out.Bytes())
	}
}

// TestPlainBadMetadata: zmq4's PLAIN would panic on this.
func TestPlainBadMetadata(t *testing.T) {
	wire := cat(greet(3, 0, "PLAIN", 0), AppendCommand(nil, "HELLO", []byte("\x01u\x01p")), AppendCommand(nil, "INITIATE", []byte{200, 'x'}))
	nc := &script{in: bytes.NewReader(wire)}
	_, err := Handshake(nc, NewReader(nc), Options{Type: zmq4.Pull, Security: plain.Security("u", "p"), Server: true})
	wantFailure(t, err, Silent, 0)
}

// TestHandshakeMemory: a declared length costs nothing.
func TestHandshakeMemory(t *testing.T) {
	for _, n := range []uint64{60 << 10, 64 << 30, 1<<63 - 1} {
		wire := cat(okGreet, longFrame(4, n))
		got := allocated(func() {
			nc := &script{in: bytes.NewReader(wire)}
			if _, err := Handshake(nc, NewReader(nc), Options{Type: zmq4.Pull}); err == nil {
				t.Fatal("no error")
			}
		})
		if got > 16<<10 {
			t.Errorf("declared %d: %d bytes allocated", n, got)
		}
	}
}

// allocated returns the bytes that f allocates, the least of a few runs as other goroutines allocate too.
func allocated(f func()) uint64 {
	least := ^uint64(0)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}
