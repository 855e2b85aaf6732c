package socket

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"zmqbus/internal/zmtp"
	"zmqbus/monitor"
)

// conn is one connection of a pipe, from the moment the transport has it. Its goroutine, the dial loop's or one of the
// accept loop's, runs the handshake and then the read loop. The socket's lock guards what changes after newConn.
type conn struct {
	s             *Socket
	ep            *endpoint
	pipe          *pipe // an accepted connection gets its own after the handshake
	id            monitor.ConnID
	nc            net.Conn
	fd            int
	local, remote string
	endpoint      string // as events name it
	accepted      bool
	since         time.Time
	r             *zmtp.Reader
	w             zmtp.Writer
	dec           *zmtp.Decoder

	peer      monitor.Peer
	control   []byte // commands to write before the next message
	failed    bool
	mute      error // of the write that failed: only what the peer sent before is still read
	cause     error // why it failed first
	hb        heartbeat
	holdsSlot bool   // a handshake slot, between the greeting and the end of the handshake; only c's goroutine looks
	abandon   func() // ends the wait for a slot; nil before it
	reserved  int    // bytes of messages that are not in the pipe's queue yet, counted in the socket's partialBytes
	watched   bool   // has to bring stallBytes more than mark by the next look: see watchStalls
	mark      uint64
}

func newConn(ep *endpoint, nc net.Conn, accepted bool) *conn {
	c := &conn{s: ep.s, ep: ep, id: newConnID(), nc: nc, fd: connFD(nc), accepted: accepted, since: time.Now()}
	c.local, c.remote = connEndpoints(ep.addr.scheme, nc)
	c.endpoint = ep.addr.raw
	if accepted {
		c.endpoint = c.local
	}
	c.r = zmtp.NewReader(nc)
	c.hb.c = c
	return c
}

func (c *conn) event(t monitor.Type, value int64) monitor.Event {
	return monitor.Event{Type: t, Value: value, Endpoint: c.endpoint, Conn: c.id, Local: c.local, Remote: c.remote, Peer: c.peer}
}

// outcome is how a connection, or an attempt at one, ended.
type outcome struct {
	conn      *conn // nil for an attempt that made none
	err       error
	local     bool // we ended it: no event
	protocol  bool // libzmq would not retry
	handshake bool // it ended during the handshake
	refused   bool // there was no connection
	connected bool // the handshake succeeded
}

// run takes the connection from its first byte to its close, and records what happens to it. retry says whether an
// attempt follows a given outcome.
func (c *conn) run(retry func(outcome) bool) outcome {
	defer c.nc.Close()
	out, ok := c.handshake(retry)
	c.releaseSlot()
	if ok {
		out = c.serve()
		out.connected = true
	}
	c.s.mu.Lock()
	delete(c.s.conns, c.id)
	if c.s.overdraft == c {
		c.s.overdraft = nil
		c.s.byteWait.wakeAll()
	}
	c.s.mu.Unlock()
	if out.local {
		c.s.hub.Forget(c.id)
		return out
	}
	e := c.event(monitor.Disconnected, int64(c.fd))
	e.Err, e.Retry = reasonFor(out.err), retry(out)
	c.s.hub.Record(e) // before close(2): the fd's number is still ours
	c.s.log.Debug("disconnected", "endpoint", c.endpoint, "peer", c.remote, "reason", out.err)
	return out
}

// serve reads until the connection ends, and takes it out of use.
func (c *conn) serve() outcome {
	err := c.readLoop()
	s, p := c.s, c.pipe
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(err, io.EOF) && errors.Is(c.mute, syscall.ECONNRESET) {
		err = c.mute // the write took the reset that the read would have reported
	}
	c.failLocked(err)
	c.hb.stop()
	s.partialBytes -= int64(c.reserved)
	c.reserved = 0
	s.releaseBytes()
	for p.writing {
		s.waitOn(&p.writerEnded)
	}
	p.conn = nil
	if p.accepted {
		p.end(DropDisconnected)
	} else {
		if s.st.immediate {
			s.out.deactivate(p)
			s.wakeSenders(everyone) // who waits for this pipe waits in vain
		}
		s.pat.lost(p)
	}
	s.peersChanged.wakeAll()
	return outcome{err: c.cause, local: errors.Is(c.cause, monitor.ErrLocal), protocol: isProtocolError(c.cause)}
}

// failLocked wakes both loops through the deadline and leaves the close to the connection's own goroutine, which
// records the end first.
func (c *conn) failLocked(err error) {
	if c.failed {
		return
	}
	c.failed, c.cause = true, err
	if c.abandon != nil {
		c.abandon()
	}
	_ = c.nc.SetDeadline(time.Unix(1, 0))
	if p := c.pipe; p != nil && p.conn == c {
		p.inRoom.wakeAll()
	}
	c.s.byteWait.wakeAll()
}

func (c *conn) failure() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.cause
}
