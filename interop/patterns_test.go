package interop

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/go-zeromq/zmq4"
)

// pattern is a pair of socket types and what stands in front of a message on its way: a sends aFront + message, b
// receives bFront + message. A reply travels with the same fronts the other way.
type pattern struct {
	a, b           zmq4.SocketType
	aFront, bFront []string
	reply          bool
}

func (p pattern) String() string { return fmt.Sprintf("%s-%s", p.a, p.b) }

// generated stands for an identity that a ROUTER made up: five bytes, the first of them 0.
const generated = "\x00generated"

var patterns = []pattern{
	{a: zmq4.Push, b: zmq4.Pull},
	{a: zmq4.Pub, b: zmq4.Sub},
	{a: zmq4.XPub, b: zmq4.Sub},
	{a: zmq4.Pub, b: zmq4.XSub},
	{a: zmq4.XPub, b: zmq4.XSub},
	{a: zmq4.Pair, b: zmq4.Pair, reply: true},
	{a: zmq4.Req, b: zmq4.Rep, reply: true},
	{a: zmq4.Req, b: zmq4.Router, bFront: []string{generated, ""}, reply: true},
	{a: zmq4.Dealer, b: zmq4.Rep, aFront: []string{""}, reply: true},
	{a: zmq4.Dealer, b: zmq4.Router, bFront: []string{generated}, reply: true},
	{a: zmq4.Dealer, b: zmq4.Dealer, reply: true},
	{a: zmq4.Router, b: zmq4.Router, aFront: []string{"B"}, bFront: []string{"A"}, reply: true},
}

// sizes are the edges of the frame codec: empty, short frames, the first long frame, 16 bits, and one that no
// buffer holds at once.
var sizes = []int{0, 1, 255, 256, 65535, 16 << 20}

func payload(size int) []byte {
	b := make([]byte, size)
	x := uint32(size) + 1
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// messages are single ones of every size, and multipart ones: all sizes in both orders, empty frames, many frames.
// Those of publishers carry the topic in their first frame.
var messages = func() [][][]byte {
	var single, up [][]byte
	for _, n := range sizes {
		single = append(single, payload(n))
	}
	var all [][][]byte
	for _, b := range single {
		all = append(all, [][]byte{b})
		up = append(up, b)
	}
	down := slices.Clone(up)
	slices.Reverse(down)
	many := slices.Repeat([][]byte{payload(7)}, 300)
	return append(all, up, down, [][]byte{{}, {}}, [][]byte{{}, payload(3), {}}, many)
}()

func TestPatterns(t *testing.T) {
	for _, p := range patterns {
		for _, transport := range []string{"tcp", "ipc"} {
			for _, aOurs := range []bool{true, false} {
				for _, aBinds := range []bool{true, false} {
					name := fmt.Sprintf("%s/%s/ours=%s/binds=%s", p, transport, pick(aOurs, "first", "second"), pick(aBinds, "first", "second"))
					t.Run(name, func(t *testing.T) { converse(t, p, transport, aOurs, aBinds) })
				}
			}
		}
	}
}

func pick(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// converse sends every message from a to b, and back where the pattern replies. Over tcp our end receives through
// C(), over ipc through Recv.
func converse(t *testing.T, p pattern, transport string, aOurs, aBinds bool) {
	router := p.a == zmq4.Router
	o := options{mandatory: router}
	if router {
		o.id = "A"
	}
	a := newEnd(t, aOurs, p.a, o)
	if router {
		o.id = "B"
	}
	b := newEnd(t, !aOurs, p.b, o)
	for _, e := range []end{a, b} {
		if e, ok := e.(*ours); ok {
			e.channel = transport == "tcp"
		}
	}
	if aBinds {
		b.connect(a.bind(endpoint(t, transport)))
	} else {
		a.connect(b.bind(endpoint(t, transport)))
	}
	meet(t, p, a, b)
	for i, m := range messages {
		if publishes(p.a) {
			m = append([][]byte{[]byte("topic")}, m...)
			a.send([][]byte{[]byte("other"), payload(100)})
		}
		a.send(front(p.aFront, nil, m))
		got := b.recv()
		expect(t, i, got, p.bFront, m)
		if p.reply {
			b.send(front(p.bFront, got, m))
			expect(t, i, a.recv(), p.aFront, m)
		}
	}
}

func publishes(t zmq4.SocketType) bool { return t == zmq4.Pub || t == zmq4.XPub }

// meet returns when what a sends reaches b: the subscription is at the publisher, or both routers know each other.
func meet(t *testing.T, p pattern, a, b end) {
	t.Helper()
	hello := [][]byte{[]byte("topic hello")}
	switch {
	case publishes(p.a):
		subscribe(t, p, a, b)
	case p.a == zmq4.Router:
		toB, toA := front(p.aFront, nil, hello), front(p.bFront, nil, hello)
		greet(t, a, toB)
		expect(t, -1, b.recv(), p.bFront, hello)
		greet(t, b, toA)
		expect(t, -1, a.recv(), p.aFront, hello)
	}
}

// greet sends as soon as the ROUTER knows the peer. Waiting for a message, which cannot be there, is what lets a
// libzmq socket do its work meanwhile.
func greet(t *testing.T, from end, m [][]byte) {
	t.Helper()
	eventually(t, "the routers to know each other", func() bool {
		if from.trySend(m) {
			return true
		}
		if got := from.tryRecv(); got != nil {
			t.Fatalf("a router received %q before the greeting", got)
		}
		return false
	})
}

// subscribe waits for the subscription the way that each publisher offers: ours tells, XPUB hands it up, and with
// libzmq's PUB one can only publish until something arrives. A libzmq SUB that bound does its part only while its
// application uses it, so it is asked for a message all the time.
func subscribe(t *testing.T, p pattern, a, b end) {
	t.Helper()
	b.subscribe("topic")
	hello, last := [][]byte{[]byte("topic hello")}, [][]byte{[]byte("topic last")}
	publisher, known := a.(*ours)
	eventually(t, "the subscription to reach the publisher", func() bool {
		if !known && p.a == zmq4.Pub {
			a.send(hello)
		}
		got := b.tryRecv()
		switch {
		case known:
			ctx, cancel := context.WithTimeout(t.Context(), tick)
			defer cancel()
			return publisher.WaitPeers(ctx, 1) == nil
		case p.a == zmq4.XPub:
			return checkSubscription(t, a.tryRecv())
		default:
			return got != nil
		}
	})
	if known && p.a == zmq4.XPub && !checkSubscription(t, a.recv()) {
		t.Fatal("no subscription was handed up")
	}
	a.send(last)
	for m := b.recv(); !bytes.Equal(m[0], last[0]); m = b.recv() {
		expect(t, -1, m, nil, hello)
	}
}

func checkSubscription(t *testing.T, m [][]byte) bool {
	t.Helper()
	if m != nil {
		expect(t, -1, m, nil, [][]byte{[]byte("\x01topic")})
	}
	return m != nil
}

// front puts the frames in front of m. A generated identity is taken from what was received.
func front(names []string, received, m [][]byte) [][]byte {
	var out [][]byte
	for i, name := range names {
		if name == generated {
			out = append(out, received[i])
			continue
		}
		out = append(out, []byte(name))
	}
	return append(out, m...)
}

func expect(t *testing.T, i int, got [][]byte, names []string, m [][]byte) {
	t.Helper()
	if len(got) != len(names)+len(m) {
		t.Fatalf("message %d: %d frames, want %d", i, len(got), len(names)+len(m))
	}
	for j, name := range names {
		switch {
		case name == generated && (len(got[j]) != 5 || got[j][0] != 0):
			t.Fatalf("message %d: identity %x, want five bytes that begin with 0", i, got[j])
		case name != generated && string(got[j]) != name:
			t.Fatalf("message %d: frame %d is %q, want %q", i, j, got[j], name)
		}
	}
	for j, want := range m {
		g := got[len(names)+j]
		if !bytes.Equal(g, want) {
			t.Fatalf("message %d: frame %d has %d bytes and checksum %08x, want %d and %08x",
				i, len(names)+j, len(g), crc32.ChecksumIEEE(g), len(want), crc32.ChecksumIEEE(want))
		}
	}
}
