//go:build unix

package socket

import (
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// setBuffers sets SO_SNDBUF and SO_RCVBUF, each unless 0.
func setBuffers(fd uintptr, send, recv int) error {
	if send > 0 {
		if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, send); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	if recv > 0 {
		if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, recv); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	return nil
}

// reuseAddress sets SO_REUSEADDR.
func reuseAddress(fd uintptr) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
}

// setBacklog sets the length of l's accept queue by a second listen(2), which package net has no option for. 0 keeps
// the OS's default.
func setBacklog(l net.Listener, backlog int) error {
	c, ok := l.(syscall.Conn)
	if !ok || backlog <= 0 {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	cerr := raw.Control(func(fd uintptr) { err = unix.Listen(int(fd), backlog) })
	if cerr != nil {
		return cerr
	}
	return os.NewSyscallError("listen", err)
}

func portableErrno(e syscall.Errno) syscall.Errno { return e }
