//go:build unix

package reactor

import "golang.org/x/sys/unix"

func soakNewPipe() (*soakPipe, error) {
	var p [2]int
	if err := unix.Pipe(p[:]); err != nil {
		return nil, err
	}
	for _, fd := range p {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			return nil, err
		}
	}
	return &soakPipe{
		from:  p[0],
		write: func(b byte) bool { n, _ := unix.Write(p[1], []byte{b}); return n == 1 },
		read: func() (byte, bool) {
			var b [1]byte
			n, _ := unix.Read(p[0], b[:])
			return b[0], n == 1
		},
		close: func() { _, _ = unix.Close(p[0]), unix.Close(p[1]) },
	}, nil
}
