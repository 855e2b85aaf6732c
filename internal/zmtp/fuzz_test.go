package zmtp

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/plain"
)

// FuzzHandshakeGuard: no input reaches the last net, and what follows the handshake is never lost.
func FuzzHandshakeGuard(f *testing.F) {
	for _, c := range failures {
		if len(c.wire) < 1000 {
			f.Add(c.wire, byte(1))
		}
	}
	f.Add(cat(okGreet, ready("Socket-Type", "PUSH", "Identity", "x"), []byte("rest")), byte(0))
	f.Add(cat(greet(3, 0, "PLAIN", 0), AppendCommand(nil, "HELLO", nil),
		AppendCommand(nil, "INITIATE", props("Socket-Type", "PUSH"))), byte(2))
	f.Fuzz(func(t *testing.T, wire []byte, how byte) {
		nc := &script{in: bytes.NewReader(wire)}
		if how&1 != 0 {
			nc.in = &limited{nc.in, 3}
		}
		o := Options{Type: zmq4.Pull, Server: how&4 == 0}
		if how&2 != 0 {
			o.Security = plain.Security("u", "p")
		}
		r := NewReader(nc)
		peer, err := Handshake(nc, r, o)
		if err != nil {
			if he, ok := err.(*HandshakeError); !ok || he.Panic {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		if peer.Type != zmq4.Push || len(peer.Identity) > 255 {
			t.Fatalf("%+v", peer)
		}
		rest, err := io.ReadAll(r)
		if err != nil || !bytes.HasSuffix(wire, rest) {
			t.Fatalf("left %q of %q, %v", rest, wire, err)
		}
	})
}

// FuzzDecoder: any bytes in any pieces give the same messages, limits hold, and what comes out encodes to what went in.
func FuzzDecoder(f *testing.F) {
	f.Add(AppendMessage(AppendMessage(nil, msg("a", "", "c")), msg("single")), byte(3))
	f.Add(cat([]byte{1, 1, 'a'}, AppendPing(nil, 0, nil)), byte(1))
	f.Add(longFrame(0, 1<<63-1), byte(1))
	f.Add(AppendMessage(nil, [][]byte{repeat(300), repeat(600)}), byte(100))
	f.Fuzz(func(t *testing.T, wire []byte, piece byte) {
		run := func(src io.Reader) ([]zmq4.Msg, int, error) {
			d := NewDecoder(NewReader(src))
			d.MaxMsgSize, d.MaxFrames = 4096, 20
			commands := 0
			d.Command = func(string, []byte) error { commands++; return nil }
			msgs, err := decodeAll(d)
			return msgs, commands, err
		}
		whole, c1, err1 := run(bytes.NewReader(wire))
		parts, c2, err2 := run(&limited{bytes.NewReader(wire), int(piece) + 1})
		if len(whole) != len(parts) || c1 != c2 || err1.Error() != err2.Error() {
			t.Fatalf("%d %d %v, in pieces %d %d %v", len(whole), c1, err1, len(parts), c2, err2)
		}
		if err1 != io.EOF && !errors.Is(err1, ErrProtocol) && !errors.Is(err1, ErrOversize) {
			t.Fatal(err1)
		}
		total := 0
		for i, m := range whole {
			if len(m.Frames) == 0 || len(m.Frames) > 20 {
				t.Fatal(len(m.Frames), "frames")
			}
			checkMessage(t, nil, parts[i].Frames, m)
			total += EncodedSize(m.Frames)
		}
		if total > len(wire) {
			t.Fatalf("%d bytes out of %d", total, len(wire))
		}
	})
}

// FuzzParsePing: a body of two bytes or more parses, and echoing it keeps time to live and context.
func FuzzParsePing(f *testing.F) {
	f.Add([]byte{0, 2, 'c'})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		ttl, context, err := ParsePing(body)
		if (err != nil) != (len(body) < 2) || len(context) > 16 || ttl < 0 {
			t.Fatal(ttl, context, err)
		}
		if err != nil {
			return
		}
		again, context2, err := ParsePing(AppendPing(nil, ttl, context)[7:])
		if err != nil || again != ttl || !bytes.Equal(context, context2) {
			t.Fatal(again, context2, err)
		}
	})
}
