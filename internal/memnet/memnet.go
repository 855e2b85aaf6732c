package memnet

import (
	"context"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/go-zeromq/zmq4/transport"
)

const (
	firstFD     = 3 // below are the standard streams
	firstListen = 30000
	firstClient = 40000 // to maxPort, then from here again
)

// Network is a set of listeners and connections that reach each other and nothing else, with switches for faults. All
// methods may be called concurrently. It has no goroutine and needs no Close. Make it with New, one per test.
type Network struct {
	mu           sync.Mutex          // guards all below; never held while a link's lock is taken
	listeners    map[int][]*listener // by port
	conns        map[int]*Conn       // the clients' ends of links that are not closed at both ends, by FD
	rules        []*rule
	unresolvable map[string]bool
	buffer       int
	nextFD       int
	clients      int // dialed so far
	anyPorts     int // tried for listeners that asked for any port, so far
}

var _ transport.Transport = (*Network)(nil)

// New returns a Network without listeners and faults.
func New() *Network {
	return &Network{
		listeners:    make(map[int][]*listener),
		conns:        make(map[int]*Conn),
		unresolvable: make(map[string]bool),
		buffer:       DefaultBuffer,
		nextFD:       firstFD,
	}
}

// Addr checks that ep is a host:port and returns it with the host "*" or none as 0.0.0.0 and the port "*" or none as
// 0, like zmq4's transport. It does not block and resolves nothing. Errors are *net.AddrError.
func (n *Network) Addr(ep string) (string, error) {
	host, port, err := split(ep)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

// Dial connects to the listener at addr; it returns before the connection is accepted. It blocks only for Delay and
// Blackhole, and then until ctx ends. Of the dialer, which may be nil, it uses only the method Attempt(fd int), if
// there is one: called with the connection's FD once the host is resolved and before the outcome is known.
//
// Errors are *net.OpError with a *net.AddrError or *net.DNSError (then without Attempt), ECONNREFUSED when nobody
// listens, or the error of ctx.
func (n *Network) Dial(ctx context.Context, dialer transport.Dialer, addr string) (net.Conn, error) {
	to, err := n.resolve(ctx, addr)
	if err != nil {
		return nil, opError("dial", nil, nil, err)
	}
	if to.anywhere() {
		to.host = to.loopback()
	}
	n.mu.Lock()
	fd := n.takeFD()
	n.mu.Unlock()
	if d, ok := dialer.(interface{ Attempt(fd int) }); ok {
		d.Attempt(fd)
	}
	if err := n.travel(ctx, to); err != nil {
		return nil, opError("dial", nil, to, err)
	}
	c, err := n.connect(fd, to)
	if err != nil {
		return nil, opError("dial", nil, to, err)
	}
	return c, nil
}

// Listen binds addr; the port 0 or "*" gets a free one. It does not block. The listener has a method FD() int. Errors
// are *net.OpError with a *net.AddrError, a *net.DNSError, EINVAL for a port above 65535, EADDRINUSE when a listener
// has the port on the same host or either has all hosts, or the error of ctx, which is not used later.
func (n *Network) Listen(ctx context.Context, addr string) (net.Listener, error) {
	at, err := n.resolve(ctx, addr)
	if err != nil {
		return nil, opError("listen", nil, nil, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if at.port == 0 {
		at.port = n.freePort(at.host)
	}
	switch {
	case at.port > maxPort:
		return nil, opError("listen", nil, at, os.NewSyscallError("bind", syscall.EINVAL))
	case n.listenerAt(at) != nil:
		return nil, opError("listen", nil, at, os.NewSyscallError("bind", syscall.EADDRINUSE))
	}
	l := &listener{net: n, addr: at, fd: n.takeFD()}
	l.changed.L = &n.mu
	n.listeners[at.port] = append(n.listeners[at.port], l)
	return l, nil
}

// resolve turns the text of an address into what listeners are found by.
func (n *Network) resolve(ctx context.Context, addr string) (address, error) {
	if err := ctx.Err(); err != nil {
		return address{}, err
	}
	host, port, err := split(addr)
	if err != nil {
		return address{}, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.unresolvable[strings.ToLower(host)] {
		return address{}, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return canonical(host, port), nil
}

// travel is the way of the SYN and its answer.
func (n *Network) travel(ctx context.Context, to address) error {
	way := n.ruling(to)
	if way.blackhole {
		<-ctx.Done()
		return ctx.Err()
	}
	if way.delay > 0 {
		t := time.NewTimer(way.delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if n.ruling(to).refuse { // asked again: what counts is the state when the SYN arrives
		return os.NewSyscallError("connect", syscall.ECONNREFUSED)
	}
	return nil
}

// connect makes the link and queues its far end at the listener.
func (n *Network) connect(fd int, to address) (*Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.listenerAt(to)
	if l == nil {
		return nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
	}
	client, server := newLink(n.buffer)
	client.local = address{to.loopback(), firstClient + n.clients%(maxPort+1-firstClient)}
	client.remote = to
	server.local, server.remote = client.remote, client.local
	client.fd, server.fd = fd, n.takeFD()
	n.clients++
	n.conns[fd] = client
	client.link.forget = func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.conns, fd)
	}
	l.queue = append(l.queue, server)
	l.changed.Broadcast()
	return client, nil
}

// listenerAt returns the listener that a dial of a reaches, of which there is only one since Listen refuses to bind what
// another listener meets; or for a wildcard any that would collide with it. The caller holds mu.
func (n *Network) listenerAt(a address) *listener {
	for _, l := range n.listeners[a.port] {
		if l.addr.meets(a) {
			return l
		}
	}
	return nil
}

// removeListener frees l's address. The caller holds mu.
func (n *Network) removeListener(l *listener) {
	port := l.addr.port
	n.listeners[port] = slices.DeleteFunc(n.listeners[port], func(o *listener) bool { return o == l })
	if len(n.listeners[port]) == 0 {
		delete(n.listeners, port)
	}
}

// freePort returns a port that no listener has, the next in turn so that a port just closed is not given again at once;
// one that is taken when there is none. The caller holds mu.
func (n *Network) freePort(host string) int {
	port := 0
	for range firstClient - firstListen {
		port = firstListen + n.anyPorts%(firstClient-firstListen)
		n.anyPorts++
		if n.listenerAt(address{host, port}) == nil {
			break
		}
	}
	return port
}

// takeFD gives the next descriptor. The caller holds mu.
func (n *Network) takeFD() int {
	n.nextFD++
	return n.nextFD - 1
}
