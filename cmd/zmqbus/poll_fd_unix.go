//go:build unix

package main

import (
	"io"

	"golang.org/x/sys/unix"
)

// checkFD reports whether fd is open.
func checkFD(fd int) error {
	var st unix.Stat_t
	return unix.Fstat(fd, &st)
}

// readFD is read(2), with io.EOF at the end. An os.File would close the descriptor when it is collected, and might change
// how it blocks for those who share it.
func readFD(fd int, to []byte) (int, error) {
	n, err := unix.Read(fd, to)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}
