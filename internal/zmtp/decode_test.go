package zmtp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func repeat(n int) []byte { return bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n] }

func msg(frames ...string) [][]byte {
	var m [][]byte
	for _, f := range frames {
		m = append(m, []byte(f))
	}
	return m
}

// sizes cross every edge: size classes, the small buffer, header forms, 4 KiB, the big buffer, doubling.
var sizes = []int{0, 1, 24, 25, 40, 72, 104, 168, 232, 255, 256, 257, 360, 488, 489, 512, 4096, 32 << 10, 65_527, 65_528,
	65_536, 65_537, 70_000, 200_000, 1 << 20}

// TestDecodeSizes: messages of one, two, three and twenty frames of each size come out whole, however they arrive.
func TestDecodeSizes(t *testing.T) {
	for how, wrap := range readers {
		for _, prefix := range [][]byte{nil, []byte("id")} {
			t.Run(fmt.Sprintf("%s/prefix=%q", how, prefix), func(t *testing.T) {
				var want [][][]byte
				var wire []byte
				most := 1 << 20
				if how != "whole" {
					most = 80_000 // slow, and larger ones take no other path
				}
				for _, n := range sizes {
					for _, k := range []int{1, 2, 3, 5, 20} {
						if n*k > most {
							continue
						}
						m := make([][]byte, k)
						for i := range m {
							m[i] = repeat(n)
						}
						want, wire = append(want, m), AppendMessage(wire, m)
					}
				}
				d := NewDecoder(NewReader(wrap(bytes.NewReader(wire))))
				d.Prefix = prefix
				got, err := decodeAll(d)
				if err != io.EOF || len(got) != len(want) {
					t.Fatalf("%d messages of %d, %v", len(got), len(want), err)
				}
				for i := range want {
					checkMessage(t, prefix, want[i], got[i])
				}
			})
		}
	}
}

func checkMessage(t interface{ Fatalf(string, ...any) }, prefix []byte, want [][]byte, got zmq4.Msg) {
	if prefix != nil {
		want = append([][]byte{prefix}, want...)
	}
	if len(got.Frames) != len(want) || cap(got.Frames) != len(want) {
		t.Fatalf("%d frames (cap %d), want %d", len(got.Frames), cap(got.Frames), len(want))
	}
	for i, f := range got.Frames {
		if f == nil || !bytes.Equal(f, want[i]) || cap(f) != len(f) {
			t.Fatalf("frame %d: %d bytes (cap %d), want %d", i, len(f), cap(f), len(want[i]))
		}
	}
}

// TestDecodeModel: random messages and commands in random pieces come out as they went in, in order.
func TestDecodeModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want, got []string
		var wire []byte
		for range rapid.IntRange(0, 20).Draw(t, "units") {
			if rapid.IntRange(0, 4).Draw(t, "kind") == 0 {
				name := rapid.SampledFrom([]string{"PING", "CANCEL", "X"}).Draw(t, "name")
				body := repeat(rapid.SampledFrom([]int{0, 5, 300, 5000, 60_000}).Draw(t, "body"))
				wire = AppendCommand(wire, name, body)
				want = append(want, fmt.Sprintf("%s %d", name, len(body)))
				continue
			}
			var m [][]byte
			for range rapid.IntRange(1, 20).Draw(t, "frames") {
				m = append(m, repeat(rapid.SampledFrom([]int{0, 3, 60, 300, 600, 9_000}).Draw(t, "size")))
			}
			wire = AppendMessage(wire, m)
			want = append(want, describe(m))
		}
		d := NewDecoder(NewReader(&limited{bytes.NewReader(wire), rapid.SampledFrom([]int{1, 7, 300, 5000, 100_000}).Draw(t, "piece")}))
		d.Command = func(name string, body []byte) error {
			got = append(got, fmt.Sprintf("%s %d", name, len(body)))
			return nil
		}
		var batch []zmq4.Msg
		var err error
		for err == nil {
			batch, err = d.ReadBatch(batch)
			for _, m := range batch {
				got = append(got, describe(m.Frames))
			}
		}
		if err != io.EOF {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	})
}

func describe(m [][]byte) string {
	s := "msg"
	for _, f := range m {
		if !bytes.Equal(f, repeat(len(f))) {
			return "damaged"
		}
		s += fmt.Sprint(" ", len(f))
	}
	return s
}

// TestDecodeViolations: what came before a violation is delivered, then the error, again and again.
func TestDecodeViolations(t *testing.T) {
	many := bytes.Repeat([]byte{1, 0}, 100)
	cases := []struct {
		name string
		wire []byte
		max  int64
		want error
	}{
		{"reserved bit 3", []byte{0x08, 0}, -1, ErrProtocol},
		{"reserved bit 7, header cut", []byte{0x80}, -1, ErrProtocol},
		{"command with MORE", []byte{5, 0}, -1, ErrProtocol},
		{"reserved bit inside a message", []byte{1, 1, 'a', 0x10, 0}, -1, ErrProtocol},
		{"command of 64 KiB + 1", longFrame(4, 64<<10+1), -1, ErrProtocol},
		{"command without name", []byte{4, 0}, -1, ErrProtocol},
		{"command with empty name", []byte{4, 1, 0}, -1, ErrProtocol},
		{"command name too long", []byte{4, 2, 2, 'a'}, -1, ErrProtocol},
		{"length 2^63", longFrame(0, 1<<63), -1, ErrProtocol},
		{"length 2^64-1", longFrame(1, 1<<64-1), 1 << 30, ErrProtocol},
		{"length 2^63-1", longFrame(0, 1<<63-1), 1 << 30, ErrOversize},
		{"length 2^63-1 without limit", longFrame(0, 1<<63-1), -1, ErrOversize},
		{"64 GiB", longFrame(0, 64<<30), 1 << 30, ErrOversize},
		{"short frame too long", []byte{0, 65, 'x'}, 64, ErrOversize},
		{"whole short frame too long", append([]byte{0, 65}, repeat(65)...), 64, ErrOversize},
		{"sum too long", append([]byte{1, 10}, append(repeat(10), 0, 10)...), 51, ErrOversize},
		{"empty frames too many bytes", many, 50 * 32, ErrOversize},
		{"empty frames too many", many, -1, ErrOversize},
	}
	for _, c := range cases {
		for how, wrap := range readers {
			t.Run(c.name+"/"+how, func(t *testing.T) {
				good := AppendMessage(nil, msg("before"))
				d := NewDecoder(NewReader(&then{wrap(bytes.NewReader(cat(good, c.wire))), errors.New("read past the fault")}))
				d.MaxMsgSize, d.MaxFrames = c.max, 60
				msgs, err := decodeAll(d)
				if !errors.Is(err, c.want) || len(msgs) != 1 {
					t.Fatalf("%d messages, %v", len(msgs), err)
				}
				if again, err2 := d.ReadBatch(msgs); len(again) != 0 || err2 != err {
					t.Fatalf("then %d messages, %v", len(again), err2)
				}
			})
		}
	}
}

// then replaces io.EOF.
type then struct {
	r   io.Reader
	err error
}

func (e *then) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err == io.EOF {
		err = e.err
	}
	return n, err
}

// TestDecodeLimitsExact: what is just within the limits passes.
func TestDecodeLimitsExact(t *testing.T) {
	wire := AppendMessage(AppendMessage(nil, msg("0123456789", "0123456789")), msg(string(repeat(52))))
	d := NewDecoder(NewReader(bytes.NewReader(wire)))
	d.MaxMsgSize, d.MaxFrames = 10+32+10, 2
	d.Prefix = []byte("not counted")
	if msgs, err := decodeAll(d); err != io.EOF || len(msgs) != 2 {
		t.Fatal(len(msgs), err)
	}
	wire = AppendCommand(nil, "X", make([]byte, 64<<10-2))
	d = NewDecoder(NewReader(bytes.NewReader(wire)))
	d.MaxMsgSize = 10 // is about messages
	n := 0
	d.Command = func(name string, body []byte) error { n += len(body); return nil }
	if _, err := decodeAll(d); err != io.EOF || n != 64<<10-2 {
		t.Fatal(n, err)
	}
}

// TestDecodeBlocksNot: ReadBatch returns what it has without another read, at most 256 messages, and after a command.
func TestDecodeBlocksNot(t *testing.T) {
	var wire []byte
	for range 300 {
		wire = AppendMessage(wire, msg("m"))
	}
	wire = append(wire, 0, 9) // begins another
	d := NewDecoder(NewReader(&then{bytes.NewReader(wire), errors.New("read again")}))
	batch, err := d.ReadBatch(nil)
	total := len(batch)
	for err == nil && total < 300 {
		if len(batch) == 0 || len(batch) > 256 {
			t.Fatal(len(batch))
		}
		batch, err = d.ReadBatch(batch)
		total += len(batch)
	}
	if err != nil || total != 300 {
		t.Fatal(total, err)
	}

	d = NewDecoder(NewReader(&then{bytes.NewReader(AppendPong(nil, nil)), errors.New("read again")}))
	if batch, err := d.ReadBatch(nil); err != nil || len(batch) != 0 {
		t.Fatal(batch, err)
	}
	stop := errors.New("stop")
	d = NewDecoder(NewReader(bytes.NewReader(AppendPong(nil, nil))))
	d.Command = func(string, []byte) error { return stop }
	if _, err := d.ReadBatch(nil); err != stop {
		t.Fatal(err)
	}
}

// TestDecodeDeadline: a passed read deadline in the middle of anything loses nothing.
func TestDecodeDeadline(t *testing.T) {
	for _, m := range [][][]byte{msg("short"), msg("two", "frames"), {repeat(300_000)}} {
		a, b := tcpPair(t)
		wire := AppendMessage(nil, m)
		d := NewDecoder(NewReader(a))
		for _, cut := range []int{1, 6, len(wire) - 1} {
			if _, err := b.Write(wire[:cut]); err != nil {
				t.Fatal(err)
			}
			a.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			if batch, err := d.ReadBatch(nil); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(batch, err)
			}
			a.SetReadDeadline(time.Time{})
			if _, err := b.Write(wire[cut:]); err != nil {
				t.Fatal(err)
			}
			batch, err := d.ReadBatch(nil)
			if err != nil || len(batch) != 1 {
				t.Fatal(len(batch), err)
			}
			checkMessage(t, nil, m, batch[0])
		}
	}
}
