package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// DefaultBuffer is how many bytes each direction of a connection holds unless Network.Buffer says otherwise.
const DefaultBuffer = 64 << 10

// link is what the two ends of a connection share. Its lock covers both directions, so that an end closes or is reset
// in one step.
type link struct {
	mu       sync.Mutex
	up, down pipe // client to server, server to client
	open     int  // ends that are not closed
	forget   func()
}

// Conn is one end of an in-memory connection; a net.Conn that behaves as TCP does, as far as the package comment says.
// All methods may be called concurrently, Close and Reset included. Make one with Pipe, Network.Dial or Accept.
type Conn struct {
	link          *link
	in, out       *pipe
	local, remote address
	fd            int
	closed        bool // guarded by link.mu
}

var _ net.Conn = (*Conn)(nil)

// Pipe returns the two ends of a fresh connection of DefaultBuffer bytes per direction. It belongs to no Network: its
// addresses mean nothing and FD is -1.
func Pipe() (a, b *Conn) {
	a, b = newLink(DefaultBuffer)
	a.local, a.remote = address{"127.0.0.1", 1}, address{"127.0.0.1", 2}
	b.local, b.remote = a.remote, a.local
	return a, b
}

func newLink(buffer int) (client, server *Conn) {
	l := &link{open: 2}
	l.up.init(&l.mu, buffer)
	l.down.init(&l.mu, buffer)
	return &Conn{link: l, in: &l.down, out: &l.up, fd: -1}, &Conn{link: l, in: &l.up, out: &l.down, fd: -1}
}

// Read fills b with bytes that have arrived, at least one, and blocks while there are none. b is the caller's.
// Errors: io.EOF after the peer's Close or CloseWrite; a *net.OpError with ECONNRESET, os.ErrDeadlineExceeded, or
// net.ErrClosed after this end's Close.
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.in.read(b)
	if err != nil && err != io.EOF {
		err = c.opError("read", err)
	}
	return n, err
}

// Write sends b, and blocks while the direction is full. b is the caller's again when Write returns. It returns how
// many bytes were taken, all of them unless there is an error: a *net.OpError with EPIPE (the peer is closed, or
// CloseWrite was called here), ECONNRESET, os.ErrDeadlineExceeded, or net.ErrClosed after this end's Close.
func (c *Conn) Write(b []byte) (int, error) {
	n, err := c.out.write(b)
	if err != nil {
		err = c.opError("write", err)
	}
	return n, err
}

// Close ends the connection for this end and wakes its blocked calls. It does not block. The peer reads what was
// written, then io.EOF, or ECONNRESET if this end leaves bytes unread. A second Close returns net.ErrClosed.
func (c *Conn) Close() error { return c.end(false) }

// Reset is Close as a TCP RST: the peer reads what was written, then ECONNRESET. It is what SetLinger(0) and Close do
// on a *net.TCPConn.
func (c *Conn) Reset() error { return c.end(true) }

func (c *Conn) end(abort bool) error {
	l := c.link
	l.mu.Lock()
	if c.closed {
		l.mu.Unlock()
		return c.opError("close", net.ErrClosed)
	}
	c.closed = true
	l.open--
	last := l.open == 0
	abort = abort || c.in.buf.Len() > 0
	c.in.closeReader()
	c.out.closeWriter()
	switch {
	case c.out.lost: // half-open: FIN and RST vanish too
	case abort:
		c.out.tellReader(syscall.ECONNRESET)
		c.in.tellWriter(syscall.ECONNRESET)
	default:
		c.out.tellReader(io.EOF)
		c.in.tellWriter(syscall.EPIPE)
	}
	l.mu.Unlock()
	if last && l.forget != nil {
		l.forget()
	}
	return nil
}

// CloseWrite ends the sending direction: the peer reads what was written, then io.EOF, and may go on writing. Later
// Writes here fail with EPIPE, as does one that is blocked. It does not block; again, it has no effect. After Close it
// returns net.ErrClosed.
func (c *Conn) CloseWrite() error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.out.tellWriter(syscall.EPIPE)
	if !c.out.lost {
		c.out.tellReader(io.EOF)
	}
	return nil
}

// FD returns a number that stands for the file descriptor: unique in the connection's Network, also after Close; -1
// for the ends of Pipe.
func (c *Conn) FD() int { return c.fd }

// LocalAddr returns this end's host:port, of network "tcp", also after Close.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the peer's host:port, of network "tcp", also after Close.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets the time at which present and future Reads and Writes fail with os.ErrDeadlineExceeded; the zero
// time is never, and lets them work again. It does not block. After Close it returns net.ErrClosed.
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadlines(t, true, true) }

// SetReadDeadline is SetDeadline for Read alone.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, true, false) }

// SetWriteDeadline is SetDeadline for Write alone.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, false, true) }

func (c *Conn) setDeadlines(t time.Time, read, write bool) error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	if read {
		c.in.expire(&c.in.rexpires, t)
	}
	if write {
		c.out.expire(&c.out.wexpires, t)
	}
	return nil
}

// cut resets both ends, whoever holds them, half-open or not.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range []*pipe{&l.up, &l.down} {
		p.tellReader(syscall.ECONNRESET)
		p.tellWriter(syscall.ECONNRESET)
	}
}

// lose makes the link half-open.
func (l *link) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range []*pipe{&l.up, &l.down} {
		p.lost = true
		p.moved.Broadcast()
	}
}

func (c *Conn) opError(op string, err error) error { return opError(op, c.local, c.remote, err) }

// opError dresses err as package net does, so that code which digs for the errno or asks Timeout and Temporary finds
// what it would find in an error of the kernel's.
func opError(op string, source, addr net.Addr, err error) error {
	if errno, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError(op, errno)
	}
	return &net.OpError{Op: op, Net: "tcp", Source: source, Addr: addr, Err: err}
}
