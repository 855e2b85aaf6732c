//go:build !unix

package zmtp

import "io"

// rawReads is false where a socket cannot be read by syscall.Read; Reader then grows from its small buffer.
const rawReads = false

func (r *Reader) fillRaw() error { return io.ErrNoProgress }

func (r *Reader) tryRead(uintptr) bool { return true }
