package monitor

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func u64(values ...uint64) [][]byte {
	var frames [][]byte
	for _, v := range values {
		frames = append(frames, binary.NativeEndian.AppendUint64(nil, v))
	}
	return frames
}

// The bytes that libzmq was seen to send, on a little-endian machine and turned round on others.
func TestEncodeBytes(t *testing.T) {
	little := [][2]any{
		{Event{Type: MonitorStopped}, []byte{0, 4, 0, 0, 0, 0}},
		{Event{Type: Listening, Value: 0x01020304}, []byte{8, 0, 4, 3, 2, 1}},
		{Event{Type: HandshakeFailedProtocol, Value: int64(ZMTPMechanismMismatch)}, []byte{0, 0x20, 2, 0, 0, 0x11}},
		{Event{Type: Connected, Value: -1}, []byte{1, 0, 255, 255, 255, 255}},
	}
	for _, c := range little {
		e, want := c[0].(Event), c[1].([]byte)
		e.Endpoint = "tcp://127.0.0.1:1"
		if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
			want = []byte{want[1], want[0], want[5], want[4], want[3], want[2]}
		}
		frames := Encode(e)
		if len(frames) != 2 || !bytes.Equal(frames[0], want) || string(frames[1]) != e.Endpoint {
			t.Errorf("%v: %v, want %v", e.Type, frames, want)
		}
	}
	frames := Encode(Event{Type: MonitorStopped})
	if len(frames) != 2 || len(frames[1]) != 0 {
		t.Errorf("empty endpoint: %v, want a second, empty frame", frames)
	}
}

func TestEncodeWithoutForm(t *testing.T) {
	for _, typ := range []Type{0, PipesStats, Dropped, Connected | Accepted, All} {
		if f := Encode(Event{Type: typ}); f != nil {
			t.Errorf("%v: v1 %v, want nil", typ, f)
		}
	}
	for _, typ := range []Type{0, Connected | Accepted, All} {
		if f := EncodeV2(Event{Type: typ}); f != nil {
			t.Errorf("%v: v2 %v, want nil", typ, f)
		}
	}
}

func TestV1RoundTrip(t *testing.T) {
	for _, e := range []Event{
		{Type: Listening, Value: 7, Endpoint: "tcp://0.0.0.0:5555"},
		{Type: Connected, Value: -1, Endpoint: "inproc://a"},
		{Type: HandshakeFailedProtocol, Value: int64(WSUnspecified), Endpoint: "ipc:///tmp/x"},
		{Type: MonitorStopped},
	} {
		got, err := Decode(Encode(e))
		if diff := cmp.Diff(e, got); err != nil || diff != "" {
			t.Errorf("%v: %v %s", e, err, diff)
		}
	}
}

// What libzmq's test_monitor expects of version 2.
func TestEncodeV2(t *testing.T) {
	ours, theirs := "tcp://127.0.0.1:4000", "tcp://127.0.0.1:5555"
	for _, c := range []struct {
		name          string
		e             Event
		values        []uint64
		local, remote string
	}{
		{"listener", Event{Type: Listening, Value: 3, Endpoint: theirs, Local: "tcp://*:5555", Remote: ours}, []uint64{3}, theirs, ""},
		{"client", Event{Type: Connected, Value: 4, Endpoint: theirs, Local: ours, Remote: theirs}, []uint64{4}, ours, theirs},
		{"retry", Event{Type: ConnectRetried, Value: 100, Endpoint: theirs, Local: ours, Remote: theirs}, []uint64{100}, ours, theirs},
		{"server", Event{Type: Accepted, Value: 5, Endpoint: theirs, Local: theirs, Remote: ours}, []uint64{5}, theirs, ours},
		{"stopped", Event{Type: MonitorStopped, Local: ours, Remote: theirs}, []uint64{0}, "", ""},
		{"stats", Event{Type: PipesStats, Queued: [2]uint64{8, 9}, Local: ours, Remote: theirs}, []uint64{8, 9}, ours, theirs},
		{"attempt", Event{Type: ConnectDelayed, Value: 115, Endpoint: theirs}, []uint64{115}, "", theirs},
		{"failed attempt", Event{Type: Closed, Value: 6, Endpoint: theirs, Remote: theirs}, []uint64{6}, "", theirs},
		{"closed listener", Event{Type: Closed, Value: 6, Endpoint: theirs}, []uint64{6}, theirs, ""},
		{"no fd", Event{Type: Disconnected, Value: -1, Local: ours, Remote: theirs}, []uint64{1<<64 - 1}, ours, theirs},
		{"ours", Event{Type: Dropped, Count: 11, Local: ours, Remote: theirs}, []uint64{11}, ours, theirs},
	} {
		want := u64(append([]uint64{uint64(c.e.Type), uint64(len(c.values))}, c.values...)...)
		want = append(want, []byte(c.local), []byte(c.remote))
		if diff := cmp.Diff(want, EncodeV2(c.e)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		got, err := Decode(want)
		if err != nil || got.Type != c.e.Type || got.Local != c.local || got.Remote != c.remote ||
			got.Value != c.e.Value || got.Queued != c.e.Queued || got.Count != c.e.Count {
			t.Errorf("%s: decoded %+v, %v", c.name, got, err)
		}
	}
}

// Version 1's endpoint, as far as version 2 lets one tell.
func TestDecodeV2Endpoint(t *testing.T) {
	for _, c := range []struct {
		t             Type
		local, remote string
		want          string
	}{
		{Listening, "L", "", "L"},
		{Accepted, "L", "R", "L"},
		{Connected, "L", "R", "R"},
		{ConnectRetried, "", "R", "R"},
		{Closed, "", "R", "R"},
		{Closed, "L", "", "L"},
		{HandshakeSucceeded, "L", "R", ""},
		{MonitorStopped, "", "", ""},
	} {
		e, err := Decode(append(u64(uint64(c.t), 1, 0), []byte(c.local), []byte(c.remote)))
		if err != nil || e.Endpoint != c.want {
			t.Errorf("%v (%q, %q): %q, %v; want %q", c.t, c.local, c.remote, e.Endpoint, err, c.want)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	head := Encode(Event{Type: Connected})[0]
	tail := [][]byte{[]byte("l"), []byte("r")}
	v2 := func(numbers ...uint64) [][]byte { return append(u64(numbers...), tail...) }
	for _, c := range []struct {
		name   string
		frames [][]byte
		want   string
	}{
		{"nothing", nil, "0 frames"},
		{"one frame", [][]byte{head}, "1 frames"},
		{"three frames", [][]byte{head, nil, nil}, "3 frames"},
		{"v2 without value", v2(1, 0), "4 frames"},
		{"short head", [][]byte{head[:5], nil}, "5 bytes"},
		{"padded head", [][]byte{append(head, 0, 0), nil}, "8 bytes"},
		{"no event", [][]byte{make([]byte, 6), nil}, "0x0 is not one event"},
		{"two events", v2(3, 1, 0), "0x3 is not one event"},
		{"short number", append(append(u64(1, 1), make([]byte, 4)), tail...), "frame 3 has 4 bytes"},
		{"count too small", v2(1, 1, 5, 6), "1 values announced, 2 sent"},
		{"count huge", v2(1, 1<<64-1, 5), "18446744073709551615 values announced, 1 sent"},
		{"stats with one value", v2(uint64(PipesStats), 1, 5), "PIPES_STATS has 1 value"},
	} {
		e, err := Decode(c.frames)
		if err == nil || !strings.HasPrefix(err.Error(), "monitor: decode: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
		if diff := cmp.Diff(Event{}, e); diff != "" {
			t.Errorf("%s: event beside the error: %s", c.name, diff)
		}
	}
}

func TestDecodeKeepsNothing(t *testing.T) {
	frames := Encode(Event{Type: Connected, Value: 1, Endpoint: "tcp://a:1"})
	e, err := Decode(frames)
	clear(frames[1])
	if err != nil || e.Endpoint != "tcp://a:1" {
		t.Errorf("%q, %v after the frame was overwritten", e.Endpoint, err)
	}
}

// Decode takes anything. What it accepts, the encoder gives back: byte for byte in version 1; in version 2 as the same
// event, since values beyond those that the type has are not kept.
func FuzzDecode(f *testing.F) {
	add := func(frames [][]byte) {
		var in []byte
		for _, fr := range frames {
			in = append(append(in, byte(len(fr))), fr...)
		}
		f.Add(in)
	}
	add(Encode(Event{Type: Listening, Value: 7, Endpoint: "tcp://127.0.0.1:5555"}))
	add(EncodeV2(Event{Type: Connected, Value: 7, Local: "tcp://a:1", Remote: "tcp://b:2"}))
	add(EncodeV2(Event{Type: PipesStats, Queued: [2]uint64{1, 2}, Local: "tcp://a:1", Remote: "tcp://b:2"}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, in []byte) {
		var frames [][]byte
		for len(in) > 0 {
			n := min(int(in[0]), len(in)-1)
			frames, in = append(frames, in[1:1+n]), in[1+n:]
		}
		e, err := Decode(frames)
		if err != nil {
			return
		}
		if len(frames) == 2 {
			if diff := cmp.Diff(frames, Encode(e)); diff != "" {
				t.Fatal(diff)
			}
			return
		}
		if e.Type == Listening || e.Type == MonitorStopped {
			return // their endpoints are fixed, a foreign writer's need not be
		}
		again, err := Decode(EncodeV2(e))
		if diff := cmp.Diff(e, again); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
	})
}
