package zmtp

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
)

// TestReserve: memory beyond 64 KiB is asked for before it is taken, as bytes come, and refused memory ends it.
func TestReserve(t *testing.T) {
	const big = 1 << 20
	for name, frames := range map[string][][]byte{
		"one large":   {repeat(big)},
		"many middle": repeatFrames(big/20_000, 20_000),
		"many small":  repeatFrames(5_000, 100),
	} {
		t.Run(name, func(t *testing.T) {
			wire := AppendMessage(nil, frames)
			total := 0
			for _, f := range frames {
				total += len(f) + frameOverhead
			}
			asked := 0
			d := NewDecoder(NewReader(&limited{bytes.NewReader(wire), 10_000}))
			d.Reserve = func(n int) error { asked += n; return nil }
			msgs, err := decodeAll(d)
			if err != io.EOF || len(msgs) != 1 {
				t.Fatal(len(msgs), err)
			}
			if asked < total-freeBytes || asked > total+freeBytes || d.Pending() != 0 {
				t.Errorf("asked for %d of %d, %d pending", asked, total, d.Pending())
			}

			half := NewDecoder(NewReader(bytes.NewReader(wire[:len(wire)/2])))
			asked = 0
			half.Reserve = func(n int) error { asked += n; return nil }
			if _, err := decodeAll(half); err != io.EOF {
				t.Fatal(err)
			}
			if half.Pending() != asked || asked == 0 || asked > 3*total/2 {
				t.Errorf("pending %d, asked %d", half.Pending(), asked)
			}

			no := errors.New("no budget")
			d = NewDecoder(NewReader(bytes.NewReader(wire)))
			d.Reserve = func(int) error { return no }
			if _, err := decodeAll(d); err != no {
				t.Fatal(err)
			}
		})
	}
}

func repeatFrames(k, n int) [][]byte {
	m := make([][]byte, k)
	for i := range m {
		m[i] = repeat(n)
	}
	return m
}

// TestDecodeMemory: hostile input costs at most a small multiple of its bytes.
func TestDecodeMemory(t *testing.T) {
	cases := []struct {
		name string
		wire func() io.Reader
		most uint64
	}{
		{"declared 1 GiB, nothing sent", func() io.Reader { return bytes.NewReader(longFrame(0, 1<<30-32)) }, 8 << 10},
		{"declared 1 GiB, 1000 bytes sent", func() io.Reader {
			return io.MultiReader(bytes.NewReader(longFrame(0, 1<<30-32)), bytes.NewReader(make([]byte, 1000)))
		}, 100 << 10},
		{"declared 1 GiB, 1 MiB sent", func() io.Reader {
			return io.MultiReader(bytes.NewReader(longFrame(0, 1<<30-32)), bytes.NewReader(make([]byte, 1<<20)))
		}, 6 << 20},
		{"10 million empty frames", func() io.Reader { return io.LimitReader(&loop{b: []byte{1, 0}}, 20_000_000) }, 8 << 20},
		{"100,000 commands", func() io.Reader {
			return io.LimitReader(&loop{b: AppendPing(nil, time.Second, []byte("0123456789abcdef"))}, 2_500_000)
		}, 1 << 20},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := allocated(func() {
				r := NewReader(c.wire())
				if _, err := decodeAll(NewDecoder(r)); err == nil {
					t.Fatal("no error")
				}
				r.Release()
			})
			if got > c.most {
				t.Errorf("%d bytes allocated, more than %d", got, c.most)
			}
		})
	}
}

// TestDecodeAllocs: a small message is one allocation, a command none.
func TestDecodeAllocs(t *testing.T) {
	cases := []struct {
		name   string
		unit   []byte
		prefix []byte
		most   float64
	}{
		{"empty", AppendMessage(nil, msg("")), nil, 1},
		{"64 B", AppendMessage(nil, [][]byte{repeat(64)}), nil, 1},
		{"300 B", AppendMessage(nil, [][]byte{repeat(300)}), nil, 1},
		{"480 B", AppendMessage(nil, [][]byte{repeat(480)}), nil, 1.01}, // one cut by the end of the buffer is begun apart
		{"1 KiB", AppendMessage(nil, [][]byte{repeat(1024)}), nil, 2},
		{"prefix and 64 B", AppendMessage(nil, [][]byte{repeat(64)}), []byte("id"), 1},
		{"topic and 64 B", AppendMessage(nil, [][]byte{repeat(10), repeat(64)}), nil, 1.01},
		{"PONG", AppendPong(nil, []byte("ctx")), nil, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := NewDecoder(NewReader(&loop{b: bytes.Repeat(c.unit, 1000)}))
			d.Prefix = c.prefix
			batch := make([]zmq4.Msg, 0, maxBatch)
			units := 0
			d.Command = func(string, []byte) error { units++; return nil }
			runs := 0
			per := testing.AllocsPerRun(100, func() {
				var err error
				if batch, err = d.ReadBatch(batch); err != nil {
					t.Fatal(err)
				}
				units += len(batch)
				runs++
			})
			if got := per * float64(runs) / float64(units); got > c.most+0.02 {
				t.Errorf("%.3f allocations, want at most %v", got, c.most)
			}
		})
	}
}

// TestMessagesShareNothing: writing into one message changes no other.
func TestMessagesShareNothing(t *testing.T) {
	var wire []byte
	for range 50 {
		wire = AppendMessage(wire, msg("aaaa", "bb"))
		wire = AppendMessage(wire, msg("cccc"))
	}
	msgs, _ := decodeAll(NewDecoder(NewReader(bytes.NewReader(wire))))
	for i, m := range msgs {
		for _, f := range m.Frames {
			for j := range f {
				f[j] = byte(i)
			}
		}
		m.Frames[0] = append(m.Frames[0], "overflow"...)
	}
	for i, m := range msgs {
		for _, f := range m.Frames {
			for j := range f[:min(len(f), 2)] {
				if f[j] != byte(i) {
					t.Fatalf("message %d was changed by another", i)
				}
			}
		}
	}
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
