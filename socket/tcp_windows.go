package socket

import (
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

// setBuffers sets SO_SNDBUF and SO_RCVBUF, each unless 0.
func setBuffers(fd uintptr, send, recv int) error {
	h := windows.Handle(fd)
	if send > 0 {
		if err := windows.SetsockoptInt(h, windows.SOL_SOCKET, windows.SO_SNDBUF, send); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	if recv > 0 {
		if err := windows.SetsockoptInt(h, windows.SOL_SOCKET, windows.SO_RCVBUF, recv); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	return nil
}

// reuseAddress does nothing: SO_REUSEADDR lets others steal the port on Windows.
func reuseAddress(uintptr) error { return nil }

// setBacklog does nothing: Winsock has no second listen, the OS's default stays.
func setBacklog(net.Listener, int) error { return nil }

// portableErrno translates Winsock's numbers; package syscall invents its own for the POSIX names.
func portableErrno(e syscall.Errno) syscall.Errno {
	switch e {
	case windows.WSAEACCES:
		return syscall.EACCES
	case windows.WSAEADDRINUSE:
		return syscall.EADDRINUSE
	case windows.WSAEADDRNOTAVAIL:
		return syscall.EADDRNOTAVAIL
	case windows.WSAEAFNOSUPPORT:
		return syscall.EAFNOSUPPORT
	case windows.WSAECONNABORTED:
		return syscall.ECONNABORTED
	case windows.WSAECONNREFUSED:
		return syscall.ECONNREFUSED
	case windows.WSAECONNRESET:
		return syscall.ECONNRESET
	case windows.WSAEHOSTUNREACH:
		return syscall.EHOSTUNREACH
	case windows.WSAEINVAL:
		return syscall.EINVAL
	case windows.WSAEMFILE:
		return syscall.EMFILE
	case windows.WSAENETUNREACH:
		return syscall.ENETUNREACH
	case windows.WSAENOBUFS:
		return syscall.ENOBUFS
	case windows.WSAETIMEDOUT:
		return syscall.ETIMEDOUT
	case syscall.ERROR_FILE_NOT_FOUND, syscall.ERROR_PATH_NOT_FOUND:
		return syscall.ENOENT
	}
	return e
}
