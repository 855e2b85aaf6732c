//go:build unix

package zmtp

import (
	"io"
	"os"
	"syscall"
)

// rawReads says that tryRead works here.
const rawReads = true

// fillRaw is fill for a kernel socket: the buffer is borrowed only while there is something to read.
func (r *Reader) fillRaw() error {
	r.tryE = nil
	if err := r.raw.Read(r.try); err != nil {
		return err
	}
	return r.tryE
}

// tryRead makes one non-blocking read; false makes the runtime wait until the socket is readable.
func (r *Reader) tryRead(fd uintptr) bool {
	r.enlarge()
	for {
		n, err := syscall.Read(int(fd), r.buf[r.w:])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			r.shrink()
			return false
		case err != nil:
			r.tryE = os.NewSyscallError("read", err)
		case n <= 0:
			r.tryE = io.EOF
		default:
			r.w += n
			r.total.Add(uint64(n))
			return true
		}
		r.shrink()
		return true
	}
}
