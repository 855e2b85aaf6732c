package socket

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// netOptions is what a transport needs to know of the socket's settings. All but ipv6 and backlog concern tcp only.
type netOptions struct {
	ipv6       bool
	backlog    int // 0 = the OS's default
	sendBuffer int // bytes, 0 = the OS's default
	recvBuffer int // bytes, 0 = the OS's default
	keepAlive  KeepAlive
	tcpMaxRT   time.Duration // 0 = the OS's default; Linux only
}

// network is a transport as the socket's loops see it. Its methods are safe for concurrent use.
type network interface {
	// checkDial finds the errors that Dial reports at once; all others belong to an attempt, and are retried.
	checkDial(a address, o netOptions) error
	// checkListen finds the errors that Listen reports without any event.
	checkListen(a address, o netOptions) error
	// dial makes one attempt, at one address. attempt, which may be nil, is called at most once, before connecting,
	// with the attempt's descriptor; never for ipc, which has no CONNECT_DELAYED. On failure descriptorOf(err) is
	// the descriptor that the attempt had, for ipc too.
	dial(ctx context.Context, a address, o netOptions, attempt func(fd int)) (net.Conn, error)
	// listen binds. attempt, which may be nil, is called at most once, when a descriptor exists: a failure after it
	// is CLOSED and BIND_FAILED, a failure without it BIND_FAILED alone.
	listen(ctx context.Context, a address, o netOptions, attempt func(fd int)) (listener, error)
}

// listener is a bound endpoint.
type listener interface {
	// Accept waits for a connection; it fails with net.ErrClosed after Close.
	Accept() (net.Conn, error)
	// release removes what listen made in the file system and leaves the descriptor open, so that the caller can
	// record CLOSED, or CLOSE_FAILED with this error, before the descriptor's number is free. Idempotent.
	release() error
	// Close releases, then closes the descriptor. It reports release's error first. Idempotent.
	Close() error
	// endpoint is the resolved endpoint, ZMQ_LAST_ENDPOINT.
	endpoint() string
	// fd is the listening descriptor, -1 if the transport has none.
	fd() int
	// Addr is the bound address.
	Addr() net.Addr
}

// builtinNetworks returns the transports that live on the kernel's sockets, by scheme.
func builtinNetworks() map[string]network {
	return map[string]network{"tcp": tcpNetwork{}, "ipc": ipcNetwork{}}
}

// boundListener is the listener of every transport.
type boundListener struct {
	net.Listener
	ep          string
	desc        int
	releaseOnce func() error
	closeOnce   func() error
}

// newListener wraps l; remove, which may be nil, takes away what the bind left in the file system.
func newListener(l net.Listener, ep string, remove func() error) *boundListener {
	b := &boundListener{Listener: l, ep: ep, desc: descriptor(l)}
	if remove == nil {
		remove = func() error { return nil }
	}
	b.releaseOnce = sync.OnceValue(remove)
	b.closeOnce = sync.OnceValue(func() error {
		err := b.release()
		if cerr := l.Close(); err == nil {
			err = cerr
		}
		return err
	})
	return b
}

func (b *boundListener) release() error   { return b.releaseOnce() }
func (b *boundListener) Close() error     { return b.closeOnce() }
func (b *boundListener) endpoint() string { return b.ep }
func (b *boundListener) fd() int          { return b.desc }

// fdControl is the hook that package net calls between socket(2) and connect(2) or bind(2). It serves one attempt.
type fdControl struct {
	attempt func(fd int)           // may be nil
	prepare func(fd uintptr) error // sets options; may be nil
	desc    int                    // -1 until a descriptor exists
}

func newFDControl(attempt func(fd int), prepare func(fd uintptr) error) *fdControl {
	return &fdControl{attempt: attempt, prepare: prepare, desc: -1}
}

// run refuses a second descriptor. Package net makes one when a dial connected to itself or was told
// EADDRNOTAVAIL; libzmq has no such second try, and one attempt must stay one in the events.
func (c *fdControl) run(_, _ string, raw syscall.RawConn) error {
	if c.desc >= 0 {
		return syscall.ECONNREFUSED
	}
	var err error
	cerr := raw.Control(func(fd uintptr) {
		c.desc = int(fd)
		if c.prepare != nil {
			err = c.prepare(fd)
		}
	})
	if cerr != nil {
		return cerr
	}
	if c.attempt != nil {
		c.attempt(c.desc)
	}
	return err
}

// failed wraps err with the descriptor that the attempt had, if it had one.
func (c *fdControl) failed(err error) error {
	if c.desc < 0 {
		return err
	}
	return &attemptError{fd: c.desc, err: err}
}

// attemptError remembers the descriptor of a failed attempt.
type attemptError struct {
	fd  int
	err error
}

func (e *attemptError) Error() string { return e.err.Error() }
func (e *attemptError) Unwrap() error { return e.err }

// descriptorOf returns the descriptor of the attempt that failed with err, -1 if it had none. It is closed already.
func descriptorOf(err error) int {
	if e, ok := errors.AsType[*attemptError](err); ok {
		return e.fd
	}
	return -1
}
