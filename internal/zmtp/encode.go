package zmtp

import (
	"io"
	"net"

	"github.com/go-zeromq/zmq4"
)

// refFrame is the body size from which a frame is written by reference: below, copying is cheaper than another iovec.
const refFrame = 32 << 10

// maxSegs bounds the list of one vectored write, and so what a Writer keeps of it.
const maxSegs = 64

// ChunkLen returns how many of msgs go into one write: as many as encode to 64 KiB, and at least one if there is one.
func ChunkLen(msgs []zmq4.Msg) int {
	total := 0
	for i := range msgs {
		total += EncodedSize(msgs[i].Frames)
		if total > bigBuf {
			return max(i, 1)
		}
	}
	return len(msgs)
}

// Writer encodes and writes chunks of messages. The zero value works. It is owned by one goroutine at a time and keeps no
// buffer and no message between calls.
type Writer struct {
	buf  []byte   // of the borrowed buffer
	from int      // buf[from:] is not in segs yet
	segs [][]byte // what to write, in order; kept for its capacity
	vec  net.Buffers
	n    int64 // written in this call
}

// WriteChunk encodes msgs and writes them to w, in one write if ChunkLen says so and w is a socket or no frame reaches 32 KiB,
// else in several. It blocks as w does. The messages must not change meanwhile; small frames are copied, large ones are written
// by reference, and none is kept. After an error, done counts the messages whose last byte w took, and straddled says that
// a part of msgs[done] was written; the error is the one of w.
func (w *Writer) WriteChunk(nc io.Writer, msgs []zmq4.Msg) (done int, straddled bool, err error) {
	big := bufPool.Get().(*[bigBuf]byte)
	w.buf, w.n = big[:0], 0
	for i := range msgs {
		if err = w.encode(nc, msgs[i].Frames); err != nil {
			break
		}
	}
	if err == nil {
		err = w.flush(nc)
	}
	w.buf, w.from = nil, 0
	bufPool.Put(big)
	if err == nil {
		return len(msgs), false, nil
	}
	done, straddled = account(msgs, w.n)
	return done, straddled, err
}

func (w *Writer) encode(nc io.Writer, frames [][]byte) error {
	for i, f := range frames {
		ref, need := len(f) >= refFrame, longHeader
		if !ref {
			need = frameSize(len(f))
		}
		if cap(w.buf)-len(w.buf) < need || len(w.segs) >= maxSegs {
			if err := w.flush(nc); err != nil {
				return err
			}
		}
		w.buf = appendHeader(w.buf, moreFlag(i, len(frames)), len(f))
		if !ref {
			w.buf = append(w.buf, f...)
			continue
		}
		w.segs = append(w.segs, w.buf[w.from:], f)
		w.from = len(w.buf)
	}
	return nil
}

// flush writes what was encoded and empties the buffer.
func (w *Writer) flush(nc io.Writer) error {
	var n int64
	var err error
	if len(w.segs) == 0 {
		var k int
		if len(w.buf) > 0 {
			k, err = nc.Write(w.buf)
		}
		n = int64(k)
	} else {
		if w.from < len(w.buf) {
			w.segs = append(w.segs, w.buf[w.from:])
		}
		w.vec = w.segs
		n, err = w.vec.WriteTo(nc)
		clear(w.segs) // pins nothing while idle
		w.segs, w.vec = w.segs[:0], nil
	}
	w.n += n
	w.buf, w.from = w.buf[:0], 0
	return err
}

// account finds how many of msgs lie within the first n bytes of their encoding.
func account(msgs []zmq4.Msg, n int64) (done int, straddled bool) {
	for i := range msgs {
		size := int64(EncodedSize(msgs[i].Frames))
		if size > n {
			return i, n > 0
		}
		n -= size
	}
	return len(msgs), false
}
