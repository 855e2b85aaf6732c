package zmtp

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
)

const (
	smallBuf = 512      // what an idle connection may keep
	bigBuf   = 64 << 10 // what a busy one borrows
)

// bufPool holds the 64 KiB buffers of readers and writers. Pointers to arrays, so that Put does not allocate.
var bufPool = sync.Pool{New: func() any { return new([bigBuf]byte) }}

// Reader is the one buffered reader of a connection: the handshake and then a Decoder read from it, so no byte is lost
// between the two. Under load it borrows a 64 KiB buffer from a pool, and it gives the buffer back before it blocks, unless
// more than 512 undecoded bytes are in it. A Reader belongs to one goroutine at a time.
type Reader struct {
	src   io.Reader
	raw   syscall.RawConn    // non-nil: src is a kernel socket that can be read without blocking
	try   func(uintptr) bool // tryRead, bound once: a closure per read would allocate
	small []byte             // made at first need
	big   *[bigBuf]byte      // borrowed
	buf   []byte             // small or big[:]
	r, w  int                // buf[r:w] is read and not yet consumed
	full  bool               // the last read filled the buffer: more is waiting
	err   error              // came together with bytes: returned by the next fill
	tryE  error              // result of tryRead
	total atomic.Uint64      // bytes read from src
}

// NewReader returns a Reader over src, usually a net.Conn. It reads TCP and Unix sockets of the net package without
// blocking first, so that a blocked connection holds no buffer; the deadlines of src work as always.
func NewReader(src io.Reader) *Reader {
	r := &Reader{src: src}
	switch c := src.(type) { // the exact types: a wrapper may override Read
	case *net.TCPConn:
		r.useRaw(c)
	case *net.UnixConn:
		r.useRaw(c)
	}
	return r
}

func (r *Reader) useRaw(c syscall.Conn) {
	if !rawReads {
		return
	}
	if raw, err := c.SyscallConn(); err == nil {
		r.raw, r.try = raw, r.tryRead
	}
}

// Received returns how many bytes have come from the source. It may be called from any goroutine.
func (r *Reader) Received() uint64 { return r.total.Load() }

// Buffered returns the number of bytes that were read and not yet consumed. It never blocks.
func (r *Reader) Buffered() int { return r.w - r.r }

// Read implements io.Reader: buffered bytes first, then one read of the source, which may block.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.Buffered() == 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buf[r.r:r.w])
	r.r += n
	return n, nil
}

// Release gives the borrowed buffer back and forgets what was buffered. Call it when the connection has ended; reading on
// works and starts with an empty buffer.
func (r *Reader) Release() {
	r.r, r.w, r.full = 0, 0, false
	r.shrink()
}

func (r *Reader) peek() []byte { return r.buf[r.r:r.w] }

// fill reads at least one byte into the buffer behind what is there, or returns the error of the source. The caller must have
// left room: Decoder leaves at most half of a small buffer unread, the guard nothing.
func (r *Reader) fill() error {
	if err := r.err; err != nil {
		r.err = nil
		return err
	}
	if r.raw != nil {
		return r.fillRaw()
	}
	if r.full || r.Buffered() >= smallBuf {
		r.enlarge()
	} else {
		r.shrink()
	}
	for range 100 {
		n, err := r.src.Read(r.buf[r.w:])
		r.w += n
		r.total.Add(uint64(n))
		r.full = r.w == len(r.buf)
		if n > 0 {
			r.err = err
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// direct reads from the source into p, past the empty buffer, and may block.
func (r *Reader) direct(p []byte) (int, error) {
	if err := r.err; err != nil {
		r.err = nil
		return 0, err
	}
	r.shrink()
	n, err := r.src.Read(p)
	r.total.Add(uint64(n))
	r.full = n == len(p)
	if n > 0 {
		r.err = err
		return n, nil
	}
	return 0, err
}

// enlarge makes the buffer a big one with what is unread at its start.
func (r *Reader) enlarge() {
	if r.big == nil {
		r.big = bufPool.Get().(*[bigBuf]byte)
	}
	r.move(r.big[:])
}

// shrink gives the big buffer back if what is unread fits in the small one.
func (r *Reader) shrink() {
	if r.Buffered() >= smallBuf { // no room to read behind it
		r.move(r.buf)
		return
	}
	if r.small == nil && (r.raw == nil || r.Buffered() > 0) {
		r.small = make([]byte, smallBuf)
	}
	r.move(r.small)
	if r.big != nil {
		bufPool.Put(r.big)
		r.big = nil
	}
}

func (r *Reader) move(to []byte) {
	n := copy(to, r.buf[r.r:r.w])
	r.buf, r.r, r.w = to, 0, n
}
