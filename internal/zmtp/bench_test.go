package zmtp

import (
	"fmt"
	"io"
	"testing"

	"github.com/go-zeromq/zmq4"
)

// loop is an endless source of the same bytes.
type loop struct {
	b  []byte
	at int
}

func (l *loop) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		k := copy(p[n:], l.b[l.at:])
		n += k
		if l.at += k; l.at == len(l.b) {
			l.at = 0
		}
	}
	return n, nil
}

var benchSizes = []struct {
	name string
	size int
}{{"64B", 64}, {"1KiB", 1 << 10}, {"64KiB", 64 << 10}}

func BenchmarkDecode(b *testing.B) {
	for _, c := range benchSizes {
		b.Run(c.name, func(b *testing.B) {
			var wire []byte
			for range 1 + bigBuf/c.size {
				wire = AppendMessage(wire, [][]byte{make([]byte, c.size)})
			}
			benchDecode(b, wire, c.size, 1)
		})
	}
	for k := 2; k <= 3; k++ {
		b.Run(fmt.Sprintf("%dx20B", k), func(b *testing.B) {
			frames := make([][]byte, k)
			for i := range frames {
				frames[i] = make([]byte, 20)
			}
			var wire []byte
			for range 1000 {
				wire = AppendMessage(wire, frames)
			}
			benchDecode(b, wire, 20, k)
		})
	}
}

func benchDecode(b *testing.B, wire []byte, size, frames int) {
	d := NewDecoder(NewReader(&loop{b: wire}))
	batch := make([]zmq4.Msg, 0, 256)
	b.ReportAllocs()
	b.SetBytes(int64(size * frames))
	n := 0
	for n < b.N {
		var err error
		if batch, err = d.ReadBatch(batch); err != nil {
			b.Fatal(err)
		}
		for i := range batch {
			if len(batch[i].Frames) != frames || len(batch[i].Frames[0]) != size {
				b.Fatal("wrong message")
			}
		}
		n += len(batch)
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, c := range benchSizes {
		b.Run(c.name, func(b *testing.B) {
			msgs := make([]zmq4.Msg, 256)
			for i := range msgs {
				msgs[i] = zmq4.NewMsg(make([]byte, c.size))
			}
			var w Writer
			b.ReportAllocs()
			b.SetBytes(int64(c.size))
			for n := 0; n < b.N; {
				k := ChunkLen(msgs)
				done, _, err := w.WriteChunk(io.Discard, msgs[:k])
				if err != nil || done != k {
					b.Fatal(done, err)
				}
				n += k
			}
		})
	}
}

// BenchmarkTCP is codec and kernel together: one writer of chunks, one reader of batches.
func BenchmarkTCP(b *testing.B) {
	for _, c := range benchSizes {
		b.Run(c.name, func(b *testing.B) {
			nc, peer := tcpPair(b)
			b.ReportAllocs()
			b.SetBytes(int64(c.size))
			var werr error
			wait := collect(func() {
				msgs := make([]zmq4.Msg, 256)
				for i := range msgs {
					msgs[i] = zmq4.NewMsg(make([]byte, c.size))
				}
				var w Writer
				for left := b.N; left > 0 && werr == nil; {
					k := min(ChunkLen(msgs), left)
					_, _, werr = w.WriteChunk(peer, msgs[:k])
					left -= k
				}
			})
			d := NewDecoder(NewReader(nc))
			var batch []zmq4.Msg
			var err error
			for n := 0; n < b.N && err == nil; n += len(batch) {
				batch, err = d.ReadBatch(batch)
			}
			wait()
			if err != nil || werr != nil {
				b.Fatal(err, werr)
			}
		})
	}
}
