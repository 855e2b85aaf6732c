package zmtp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"
	"github.com/go-zeromq/zmq4/security/plain"
)

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
