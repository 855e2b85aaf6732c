package socket

import (
	"bytes"
	"errors"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/zmtp"
	"zmqbus/monitor"
)

// badFrames are what a PUSH may do wrong after its handshake. Each ends in DISCONNECTED alone.
var badFrames = []struct {
	name   string
	wire   []byte
	reason error
}{
	{"reserved bits", bytes.Repeat([]byte{0xFF}, 10), monitor.ErrProtocol},
	{"one reserved bit", []byte{0x08, 1, 'x'}, monitor.ErrProtocol},
	{"length 64 GiB", rawLength(0, 64<<30), monitor.ErrOversize},
	{"length 2^63-1", rawLength(0, 1<<63-1), monitor.ErrOversize},
	{"length 2^63", rawLength(0, 1<<63), monitor.ErrProtocol},
	{"length 2^64-1", rawLength(0, 1<<64-1), monitor.ErrProtocol},
	{"length 2^63-1 of a second frame", append([]byte{1, 1, 'x'}, rawLength(0, 1<<63-1)...), monitor.ErrOversize},
	{"length 1 GiB + 1", rawLength(0, 1<<30+1), monitor.ErrOversize},
	{"command of 64 KiB + 1", rawLength(4, 64<<10+1), monitor.ErrProtocol},
	{"command of 2^63-1", rawLength(4, 1<<63-1), monitor.ErrProtocol},
	{"command with MORE", []byte{5, 5, 4, 'P', 'I', 'N', 'G'}, monitor.ErrProtocol},
	{"command without a name", []byte{4, 0}, monitor.ErrProtocol},
	{"command name beyond the end", []byte{4, 3, 9, 'P', 'I'}, monitor.ErrProtocol},
	{"PING without TTL", rawCommand("PING", ""), monitor.ErrProtocol},
	{"PING with half a TTL", rawCommand("PING", "\x00"), monitor.ErrProtocol},
	{"a million empty frames", bytes.Repeat([]byte{1, 0}, 1_000_000), monitor.ErrOversize},
	{"a million frames of one byte", bytes.Repeat([]byte{1, 1, 'x'}, 1_000_000), monitor.ErrOversize},
	{"a million frames and PONGs", bytes.Repeat(append([]byte{1, 0}, rawCommand("PONG", "")...), 1_000_000), monitor.ErrOversize},
}

// TestGuardFrames: every violation ends that connection only, at once, and costs nothing.
func TestGuardFrames(t *testing.T) {
	w := pullTraffic(t, nil)
	for _, c := range badFrames {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			a := attack(t, w.ep)
			a.join("PUSH")
			read := background(a.drain)
			a.say(c.wire)
			w.cutFor(a, c.reason)
			read()
		})
	}
	w.t = t
	w.done()
}

// cutFor checks that the attacker, whose handshake was fine, was disconnected for a reason.
func (w *traffic) cutFor(a *attacker, reason error) {
	w.t.Helper()
	fate := w.fate(a)
	if len(fate) != 2 || fate[0].Type != monitor.HandshakeSucceeded {
		w.t.Fatalf("events %v", fate)
	}
	if e := fate[1]; !errors.Is(e.Err, reason) || e.Retry {
		w.t.Errorf("%v: reason %v, want %v", e, e.Err, reason)
	}
}

// TestGuardMessageLimits: what fits is delivered, what is too large by one byte or one frame is not (each frame after
// the first counts 32 bytes more); what came before it is delivered.
func TestGuardMessageLimits(t *testing.T) {
	w := pullTraffic(t, &Config{MaxMsgSize: 100_000, MaxFrames: 10})
	part := func(n int, more byte) []byte { return zmtp.AppendFrame(nil, more, make([]byte, n)) }
	for _, c := range []struct {
		name string
		wire []byte
		fits uint64
	}{
		{"one frame", part(100_000, 0), 1},
		{"one frame, a byte too much", part(100_001, 0), 0},
		{"one after another", append(part(1000, 0), part(100_001, 0)...), 1},
		{"two frames", append(part(50_000, 1), part(50_000-32, 0)...), 1},
		{"two frames, a byte too much", append(part(50_000, 1), part(50_000-31, 0)...), 0},
		{"ten frames", bytes.Join([][]byte{bytes.Repeat(part(1, 1), 9), part(1, 0)}, nil), 1},
		{"eleven frames", bytes.Join([][]byte{bytes.Repeat(part(1, 1), 10), part(1, 0)}, nil), 0},
		{"endless", bytes.Repeat(part(30_000, 1), 100), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			a := attack(t, w.ep)
			a.join("PUSH")
			a.say(c.wire)
			if c.fits == 0 {
				w.cutFor(a, monitor.ErrOversize)
				return
			}
			a.say(rawLength(0, 1<<40))
			id := w.fate(a)[0].Conn
			if got := w.from(id); got != c.fits {
				t.Errorf("%d messages delivered, want %d", got, c.fits)
			}
		})
	}
	w.t = t
	w.done()
}

// TestGuardCommandInsideMessage: libzmq sends PINGs between the frames of a message when its socket buffer was full
// there. They are answered, and the message is whole.
func TestGuardCommandInsideMessage(t *testing.T) {
	s := open(t, zmq4.Pull, nil)
	a := attack(t, bind(t, s, "tcp://127.0.0.1:0"))
	a.join("PUSH")
	big := bytes.Repeat([]byte{'b'}, 100_000)
	ping := rawCommand("PING", "\x00\x00ctx")
	a.say(ping, zmtp.AppendFrame(nil, 1, []byte("a")), ping, zmtp.AppendFrame(nil, 1, big), ping, ping, zmtp.AppendFrame(nil, 0, []byte("c")))
	want(t, recv(t, s), "a", string(big), "c")
	for range 4 {
		if flags, body := a.hearFrame(); flags != 4 || string(body) != "\x04PONGctx" {
			t.Errorf("flags %d, %q", flags, body)
		}
	}
}
