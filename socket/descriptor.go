package socket

import (
	"net"
	"strings"
	"syscall"
)

// descriptor finds the file descriptor (on Windows the handle) behind a connection or a listener, -1 if there is none.
// It stays owned by v.
func descriptor(v any) int {
	switch v := v.(type) {
	case interface{ FD() int }:
		return v.FD()
	case syscall.Conn:
		fd := -1
		raw, err := v.SyscallConn()
		if err != nil {
			return -1
		}
		if raw.Control(func(d uintptr) { fd = int(d) }) != nil {
			return -1
		}
		return fd
	}
	return -1
}

// connFD is descriptor for connections: the value of CONNECTED, ACCEPTED and DISCONNECTED. It is -1 once c is closed.
func connFD(c net.Conn) int { return descriptor(c) }

// connEndpoints returns both ends of c as endpoints. For an accepted connection local is ACCEPTED's endpoint: the
// address it was accepted on, never a wildcard.
func connEndpoints(scheme string, c net.Conn) (local, remote string) {
	return endpointOf(scheme, c.LocalAddr()), endpointOf(scheme, c.RemoteAddr())
}

// endpointOf writes a as an endpoint. The unnamed end of an ipc connection has no path: it is "ipc://".
func endpointOf(scheme string, a net.Addr) string {
	prefix := scheme + "://"
	if a == nil {
		return prefix
	}
	s := a.String()
	if u, ok := a.(*net.UnixAddr); ok && (u == nil || u.Name == "@") {
		s = ""
	}
	return prefix + strings.TrimPrefix(s, prefix)
}
