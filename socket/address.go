package socket

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
)

// address is a parsed endpoint: "tcp://127.0.0.1:5555" has scheme "tcp" and rest "127.0.0.1:5555".
type address struct {
	scheme string
	rest   string
	raw    string // as the user gave it; events carry this form
}

func (a address) String() string { return a.raw }

// badEndpoint makes an error that matches ErrBadEndpoint and errno.
func badEndpoint(errno syscall.Errno, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %w", ErrBadEndpoint, fmt.Sprintf(format, args...), errno)
}

// parseEndpoint splits an endpoint at its first "://". It does not know which schemes exist. An endpoint without
// scheme or address matches ErrBadEndpoint and EINVAL (zmq_bind(3), zmq_connect(3)). A NUL byte is refused here,
// because the kernel would silently cut a socket path at it.
func parseEndpoint(ep string) (address, error) {
	scheme, rest, found := strings.Cut(ep, "://")
	switch {
	case !found || scheme == "":
		return address{}, badEndpoint(syscall.EINVAL, "%q has no transport, such as tcp://", ep)
	case rest == "":
		return address{}, badEndpoint(syscall.EINVAL, "%q has no address after the transport", ep)
	case strings.IndexByte(ep, 0) >= 0:
		return address{}, badEndpoint(syscall.EINVAL, "%q contains a NUL byte", ep)
	}
	return address{scheme: scheme, rest: rest, raw: ep}, nil
}

// splitHostPort splits at the last colon, and takes brackets off the host. Unlike net.SplitHostPort it takes an IPv6
// address without brackets, as libzmq does.
func splitHostPort(s string) (host, port string, err error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || i == len(s)-1 {
		return "", "", badEndpoint(syscall.EINVAL, "%q has no port", s)
	}
	host, port = s[:i], s[i+1:]
	if len(host) >= 2 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
	}
	return host, port, nil
}

// parsePort reads a decimal port. ok is false for a number that is no port, such as 99999; text is an error.
func parsePort(s string) (port uint16, ok bool, err error) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false, badEndpoint(syscall.EINVAL, "port %q is not a number", s)
		}
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil, nil
}

// parseListenPort reads the port of a bind address; "*" is 0, any free port.
func parseListenPort(s string) (uint16, error) {
	if s == "*" {
		return 0, nil
	}
	port, ok, err := parsePort(s)
	if err == nil && !ok {
		err = badEndpoint(syscall.EINVAL, "port %q is above 65535", s)
	}
	return port, err
}
