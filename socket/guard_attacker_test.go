package socket

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"zmqbus/internal/zmtp"
)

// attacker is a raw connection to a socket under test.
type attacker struct {
	t testing.TB
	net.Conn
}

// attack connects to ep without a word.
func attack(t testing.TB, ep string) *attacker {
	t.Helper()
	network, addr, _ := strings.Cut(ep, "://")
	if network == "ipc" {
		network = "unix"
	}
	nc, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	return rawPeer(t, nc)
}

// rawPeer makes an attacker of nc, which is closed with the test.
func rawPeer(t testing.TB, nc net.Conn) *attacker {
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	return &attacker{t, nc}
}

// name is the attacker's end as events of the other side name it.
func (a *attacker) name() string { return endpointOf("tcp", a.LocalAddr()) }

// while runs f in a goroutine. The end of the test closes the connection, on which f has to return, and waits for it.
func (a *attacker) while(f func()) {
	wait := background(f)
	a.t.Cleanup(func() { a.Close(); wait() })
}

// background runs f in a goroutine that wait joins.
func background(f func()) (wait func()) {
	done := make(chan struct{})
	go func() { defer close(done); f() }() // joined by wait
	return func() { <-done }
}

// say writes. An error is no failure: the other side may cut the connection at any byte.
func (a *attacker) say(b ...[]byte) {
	switch len(b) {
	case 0:
	case 1:
		_, _ = a.Write(b[0])
	default:
		_, _ = a.Write(bytes.Join(b, nil))
	}
}

// hear reads n bytes.
func (a *attacker) hear(n int) []byte {
	a.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(a, b); err != nil {
		a.t.Fatalf("attacker: read: %v", err)
	}
	return b
}

// hearFrame reads one frame.
func (a *attacker) hearFrame() (flags byte, body []byte) {
	a.t.Helper()
	head := a.hear(2)
	n := uint64(head[1])
	if head[0]&2 != 0 {
		n = binary.BigEndian.Uint64(append(head[1:], a.hear(7)...))
	}
	return head[0], a.hear(int(n))
}

// greet exchanges greetings.
func (a *attacker) greet() {
	a.t.Helper()
	a.say(rawGreeting(3, 0, "NULL"))
	a.hear(64)
}

// join completes a handshake.
func (a *attacker) join(typ string) {
	a.t.Helper()
	a.greet()
	a.say(rawReady("Socket-Type", typ))
	a.hearFrame()
}

// drain reads until the other side ends the connection.
func (a *attacker) drain() {
	_, err := io.Copy(io.Discard, a)
	if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
		a.t.Errorf("attacker: the connection was not cut")
	}
}

// reset closes with an RST.
func (a *attacker) reset() {
	if tcp, ok := a.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	a.Close()
}

func rawGreeting(major, minor byte, mechanism string) []byte {
	b := make([]byte, 64)
	b[0], b[9], b[10], b[11] = 0xFF, 0x7F, major, minor
	copy(b[12:32], mechanism)
	return b
}

func rawCommand(name, body string) []byte { return zmtp.AppendCommand(nil, name, []byte(body)) }

func rawReady(kv ...string) []byte { return rawCommand("READY", rawProps(kv...)) }

func rawProps(kv ...string) string {
	var b []byte
	for i := 0; i < len(kv); i += 2 {
		b = append(append(b, byte(len(kv[i]))), kv[i]...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(kv[i+1])))
		b = append(b, kv[i+1]...)
	}
	return string(b)
}

// rawLength is the head of a long frame.
func rawLength(flags byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{flags | 2}, n)
}
