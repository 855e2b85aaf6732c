package memnet

import (
	"net"
	"sync"
)

// listener is a net.Listener of a Network. Dialed connections wait in its queue, which has no bound: a test that
// floods a listener counts what it dials.
type listener struct {
	net     *Network
	addr    address
	fd      int
	changed sync.Cond // of net.mu, which also guards the fields below
	queue   []*Conn
	closed  bool
}

// Accept returns the connection that has waited longest, and blocks while there is none. An error ordered by
// Network.FailAccept comes first and leaves the queue as it is. After Close it returns net.ErrClosed.
func (l *listener) Accept() (net.Conn, error) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	for {
		if l.closed {
			return nil, opError("accept", nil, l.addr, net.ErrClosed)
		}
		if err := l.net.acceptFault(l.addr); err != nil {
			return nil, opError("accept", nil, l.addr, err)
		}
		if len(l.queue) > 0 {
			c := l.queue[0]
			l.queue[0] = nil
			l.queue = l.queue[1:]
			return c, nil
		}
		l.changed.Wait()
	}
}

// Close frees the address, wakes Accept, and resets the connections that were not accepted; accepted ones live on. It
// does not block. A second Close returns net.ErrClosed.
func (l *listener) Close() error {
	l.net.mu.Lock()
	if l.closed {
		l.net.mu.Unlock()
		return opError("close", nil, l.addr, net.ErrClosed)
	}
	l.closed = true
	l.net.removeListener(l)
	queue := l.queue
	l.queue = nil
	l.changed.Broadcast()
	l.net.mu.Unlock()
	for _, c := range queue {
		c.Reset() // cannot fail: nobody else has it
	}
	return nil
}

// Addr returns the host:port that was bound, with the real port when any was asked for.
func (l *listener) Addr() net.Addr { return l.addr }

// FD returns a number that stands for the file descriptor, unique in the Network, also after Close.
func (l *listener) FD() int { return l.fd }
