package socket

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// tcpNetwork is zmq_tcp(7) on package net, without the parts of net that libzmq lacks: no second address is tried,
// no multipath TCP, and no keep-alive unless asked for.
type tcpNetwork struct{}

// resolveError says that a name has no usable address: a dial retries then, with no descriptor to report.
type resolveError struct {
	host string
	err  error
}

func (e *resolveError) Error() string { return fmt.Sprintf("cannot resolve %q: %v", e.host, e.err) }
func (e *resolveError) Unwrap() error { return e.err }

// checkDial refuses what zmq_connect(3) refuses with EINVAL: a wildcard, a missing port, a port that is no number. A
// number that is no port is fine, and then refused at every attempt.
func (tcpNetwork) checkDial(a address, _ netOptions) error {
	source, target, hasSource := cutSource(a.rest)
	if !dialable(a.rest) {
		return badEndpoint(syscall.EINVAL, "%q is not host:port", a.rest)
	}
	_, port, err := splitHostPort(target)
	if err != nil {
		return err
	}
	if _, _, err = parsePort(port); err != nil || !hasSource {
		return err
	}
	if _, port, err = splitHostPort(source); err == nil {
		_, err = parseListenPort(port)
	}
	return err
}

// dialable tells if s, the address with its optional source, has only characters that an address can have. A
// wildcard host may stand neither first nor as the target.
func dialable(s string) bool {
	_, target, _ := cutSource(s)
	if s[0] == '*' || strings.HasPrefix(target, "*") {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		alnum := r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		return !alnum && !strings.ContainsRune(".-:%;[]_*", r)
	})
}

// cutSource splits "source:port;host:port" (zmq_tcp(7), connecting from a given address).
func cutSource(s string) (source, target string, found bool) {
	source, target, found = strings.Cut(s, ";")
	if !found {
		return "", s, false
	}
	return source, target, true
}

func (tcpNetwork) checkListen(address, netOptions) error { return nil }

// dial resolves, then connects to one address. An endpoint whose port is above 65535 dials port 0, which the kernel
// refuses as libzmq's users see it.
func (tcpNetwork) dial(ctx context.Context, a address, o netOptions, attempt func(fd int)) (net.Conn, error) {
	source, target, hasSource := cutSource(a.rest)
	host, text, err := splitHostPort(target)
	if err != nil {
		return nil, err
	}
	port, _, err := parsePort(text)
	if err != nil {
		return nil, err
	}
	c := newFDControl(attempt, func(fd uintptr) error { return prepareTCP(fd, o) })
	d := tcpDialer(o, c)
	if hasSource {
		from, err := resolveListen(ctx, source, o.ipv6)
		if err != nil {
			return nil, &resolveError{source, err}
		}
		// One source port may serve connections to several peers.
		c.prepare = func(fd uintptr) error {
			if err := reuseAddress(fd); err != nil {
				return err
			}
			return prepareTCP(fd, o)
		}
		d.LocalAddr = net.TCPAddrFromAddrPort(from)
	}
	ip, err := resolveHost(ctx, host, o.ipv6)
	if err != nil {
		return nil, err
	}
	conn, err := d.DialContext(ctx, familyOf(ip), netip.AddrPortFrom(ip, port).String())
	if err != nil {
		return nil, c.failed(err)
	}
	return conn, nil
}

// listen binds to a numeric address, an interface's name, a host's name or "*".
func (tcpNetwork) listen(ctx context.Context, a address, o netOptions, attempt func(fd int)) (listener, error) {
	at, err := resolveListen(ctx, a.rest, o.ipv6)
	if err != nil {
		return nil, err
	}
	c := newFDControl(attempt, func(fd uintptr) error { return prepareTCP(fd, o) })
	lc := net.ListenConfig{Control: c.run, KeepAlive: -1, KeepAliveConfig: keepAliveConfig(o.keepAlive)}
	lc.SetMultipathTCP(false)
	family := familyOf(at.Addr())
	if at.Addr() == netip.IPv6Unspecified() {
		family = "tcp" // both families on one descriptor
	}
	l, err := lc.Listen(ctx, family, at.String())
	if err != nil {
		return nil, c.failed(err)
	}
	if err := setBacklog(l, o.backlog); err != nil {
		l.Close()
		return nil, c.failed(err)
	}
	return newListener(l, endpointOf("tcp", l.Addr()), nil), nil
}

// tcpDialer makes a dialer that opens one descriptor, through c.
func tcpDialer(o netOptions, c *fdControl) net.Dialer {
	d := net.Dialer{
		Control:         c.run,
		FallbackDelay:   -1,
		KeepAlive:       -1,
		KeepAliveConfig: keepAliveConfig(o.keepAlive),
	}
	d.SetMultipathTCP(false)
	return d
}

// prepareTCP sets what must stand before connect or listen: buffers decide on the window scale.
func prepareTCP(fd uintptr, o netOptions) error {
	if err := setBuffers(fd, o.sendBuffer, o.recvBuffer); err != nil {
		return err
	}
	return setMaxRT(fd, o.tcpMaxRT)
}

// keepAliveConfig translates: package net takes 0 for a default of its own, and -1 for the OS's.
func keepAliveConfig(k KeepAlive) net.KeepAliveConfig {
	c := net.KeepAliveConfig{Enable: k.Mode == 1, Idle: -1, Interval: -1, Count: -1}
	if k.Idle > 0 {
		c.Idle = k.Idle
	}
	if k.Interval > 0 {
		c.Interval = k.Interval
	}
	if k.Count > 0 {
		c.Count = k.Count
	}
	return c
}

func familyOf(ip netip.Addr) string {
	if ip.Is4() {
		return "tcp4"
	}
	return "tcp6"
}
