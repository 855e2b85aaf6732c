package socket

import (
	"context"
	"net"
	"strings"
	"sync"
	"syscall"

	"github.com/go-zeromq/zmq4/transport"
)

// adapted is a transport of Config.Transports.
type adapted struct {
	scheme string
	t      transport.Transport
}

// adaptTransport makes a network of t. The dialer that t.Dial gets has, besides DialContext, a method
// Attempt(fd int): a transport that opens its descriptors itself may call it, found by type assertion, before it
// connects. Connections and listeners without a SyscallConn may tell their descriptor by a method FD() int.
func adaptTransport(scheme string, t transport.Transport) network { return adapted{scheme, t} }

func (n adapted) resolve(a address) (string, error) {
	addr, err := n.t.Addr(a.rest)
	if err != nil {
		return "", badEndpoint(syscall.EINVAL, "%s: %v", a.raw, err)
	}
	return addr, nil
}

// checkDial holds a transport that stands in for tcp or ipc to the syntax of that scheme.
func (n adapted) checkDial(a address, o netOptions) error {
	if b, ok := builtinNetworks()[n.scheme]; ok {
		if err := b.checkDial(a, o); err != nil {
			return err
		}
	}
	_, err := n.resolve(a)
	return err
}

func (n adapted) checkListen(address, netOptions) error { return nil }

func (n adapted) dial(ctx context.Context, a address, o netOptions, attempt func(fd int)) (net.Conn, error) {
	addr, err := n.resolve(a)
	if err != nil {
		return nil, err
	}
	d := &attemptDialer{o: o, attempt: attempt, fd: -1}
	conn, err := n.t.Dial(ctx, d, addr)
	if err != nil {
		return nil, d.failed(err)
	}
	return conn, nil
}

// listen never calls attempt: the interface has no place where a transport could tell a descriptor before the bind.
func (n adapted) listen(ctx context.Context, a address, _ netOptions, _ func(fd int)) (listener, error) {
	if n.scheme == "tcp" {
		if _, _, err := parseListen(a.rest); err != nil {
			return nil, err
		}
	}
	addr, err := n.resolve(a)
	if err != nil {
		return nil, err
	}
	l, err := n.t.Listen(ctx, addr)
	if isResolveError(err) {
		return nil, badEndpoint(syscall.ENODEV, "%v", err)
	}
	if err != nil {
		return nil, err
	}
	return newListener(l, endpointOf(n.scheme, l.Addr()), nil), nil
}

// attemptDialer is the transport.Dialer that a Config.Transports transport dials with.
type attemptDialer struct {
	o       netOptions
	attempt func(fd int)

	mu sync.Mutex // a transport may race addresses against each other
	fd int        // guarded by mu; -1 until the attempt was told
}

// DialContext dials with the socket's TCP options. The descriptor of a tcp dial is reported as Attempt would.
func (d *attemptDialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if !strings.HasPrefix(network, "tcp") {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	c := newFDControl(d.Attempt, func(fd uintptr) error { return prepareTCP(fd, d.o) })
	dialer := tcpDialer(d.o, c)
	conn, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// Attempt reports the descriptor of this attempt; only the first call counts.
func (d *attemptDialer) Attempt(fd int) {
	d.mu.Lock()
	first := d.fd < 0
	if first {
		d.fd = fd
	}
	d.mu.Unlock()
	if first && d.attempt != nil {
		d.attempt(fd)
	}
}

func (d *attemptDialer) failed(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fd < 0 {
		return err
	}
	return &attemptError{fd: d.fd, err: err}
}
