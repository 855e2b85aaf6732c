package socket

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/zmtp"
	"zmqbus/monitor"
)

// maxControl bounds the commands that wait to be written: a peer that floods us with PINGs and reads nothing is cut.
const maxControl = 64 << 10

var errUnreadReplies error = &reasonError{monitor.ErrProtocol, errors.New("peer asks for replies and does not read them")}

// slotDeadline bounds the handshake once the greeting is there, while it holds a slot.
const slotDeadline = 5 * time.Second

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

// handshake speaks ZMTP's greeting and mechanism, and takes the connection into use.
func (c *conn) handshake(retry func(outcome) bool) (outcome, bool) {
	s := c.s
	s.mu.Lock()
	timeout := s.st.handshakeTimeout
	opts := zmtp.Options{Type: s.typ, Identity: zmq4.SocketIdentity(s.st.routingID), Server: c.accepted, OnGreeting: c.greeted}
	if !c.failed && timeout > 0 {
		_ = c.nc.SetDeadline(time.Now().Add(timeout))
	}
	s.mu.Unlock()
	peer, err := zmtp.Handshake(c.nc, c.r, opts)
	c.leavePending()
	if err == nil {
		err = c.join(peer)
	}
	if err == nil {
		return outcome{}, true
	}
	return c.handshakeFailed(err, retry), false
}

func (c *conn) handshakeFailed(err error, retry func(outcome) bool) outcome {
	if cause := c.failure(); cause != nil {
		if errors.Is(cause, monitor.ErrLocal) {
			return outcome{err: cause, local: true, handshake: true}
		}
		err = &zmtp.HandshakeError{Failure: zmtp.NoDetail, Value: int64(syscall.EAGAIN), Retry: true, Err: cause}
	}
	var he *zmtp.HandshakeError
	if !errors.As(err, &he) {
		he = &zmtp.HandshakeError{Failure: zmtp.NoDetail, Value: int64(syscall.EPIPE), Retry: true, Err: err}
	}
	if he.Panic {
		c.s.log.Error("handshake panicked: please report this bug", "endpoint", c.endpoint, "peer", c.remote, "error", he.Err)
	}
	out := outcome{err: he, handshake: true, protocol: !he.Retry}
	types := map[zmtp.Failure]monitor.Type{
		zmtp.NoDetail: monitor.HandshakeFailedNoDetail,
		zmtp.Protocol: monitor.HandshakeFailedProtocol,
		zmtp.Auth:     monitor.HandshakeFailedAuth,
	}
	if t, loud := types[he.Failure]; loud {
		e := c.event(t, he.Value)
		e.Err, e.Retry = reasonFor(he), retry(out)
		c.s.hub.Record(e)
	}
	return out
}

// greeted runs when the peer's greeting is complete: from here on the handshake holds a slot, for a short time only.
func (c *conn) greeted() error {
	if !c.accepted {
		return nil
	}
	if err := c.takeSlot(); err != nil {
		return err
	}
	c.leavePending()
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	deadline := time.Now().Add(slotDeadline)
	if t := c.s.st.handshakeTimeout; t > 0 && c.since.Add(t).Before(deadline) {
		deadline = c.since.Add(t)
	}
	if !c.failed {
		_ = c.nc.SetDeadline(deadline)
	}
	return nil
}

// takeSlot waits for a slot, at most until the handshake has to be over. Meanwhile the connection stays pending: of
// those that wait for a slot, too, the oldest goes when there are too many.
func (c *conn) takeSlot() error {
	s := c.s
	if s.handshakes.TryAcquire(1) {
		c.holdsSlot = true
		return nil
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	s.mu.Lock()
	timeout := s.st.handshakeTimeout
	if c.abandon = cancel; c.failed {
		cancel()
	}
	s.mu.Unlock()
	if timeout > 0 {
		ctx, cancel = context.WithDeadline(ctx, c.since.Add(timeout))
		defer cancel()
	}
	err := s.handshakes.Acquire(ctx, 1)
	c.holdsSlot = err == nil
	return err
}

// join takes the connection into use after its handshake.
func (c *conn) join(peer zmtp.Peer) error {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.failed {
		return c.cause
	}
	_ = c.nc.SetDeadline(time.Time{})
	c.peer = monitor.Peer{Type: peer.Type, Identity: peer.Identity, Mechanism: peer.Mechanism, Metadata: peer.Metadata}
	if c.accepted {
		c.pipe = newPipe(s, c.ep, true)
	}
	s.hub.Record(c.event(monitor.HandshakeSucceeded, 0))
	s.conns[c.id] = c
	c.pipe.connect(c)
	s.peersChanged.wakeAll()
	return nil
}

// connect makes c the pipe's connection.
func (p *pipe) connect(c *conn) {
	s := p.s
	p.conn, p.peerInfo = c, c.peer
	if p.accepted {
		c.ep.pipes[p] = true
		s.pat.attach(p)
	} else if s.st.immediate && p.hasRoom() {
		s.out.activate(p)
		s.sendWait.wakeAll()
	}
	if !s.pat.identify(p, c.peer.Identity) {
		p.noteRefused()
	}
	if s.probes() {
		c.control = zmtp.AppendFrame(c.control, 0, nil)
	}
	c.hb.start()
	p.kick()
}

// serve reads until the connection ends, and takes it out of use.
func (c *conn) serve() outcome {
	err := c.readLoop()
	s, p := c.s, c.pipe
	s.mu.Lock()
	defer s.mu.Unlock()
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
		}
		s.pat.lost(p)
	}
	s.peersChanged.wakeAll()
	return outcome{err: c.cause, local: errors.Is(c.cause, monitor.ErrLocal), protocol: isProtocolError(c.cause)}
}

// readLoop moves messages from the connection to the pipe, a batch at a time.
func (c *conn) readLoop() error {
	c.setupDecoder()
	var batch []zmq4.Msg
	for {
		var err error
		batch, err = c.dec.ReadBatch(batch)
		c.hb.heard()
		for rest := batch; len(rest) > 0; {
			n, ok := c.pipe.deliver(rest, c)
			if !ok {
				return errLocal // or what ended the connection before
			}
			rest = rest[n:]
		}
		c.settle()
		if err != nil {
			return err
		}
		clear(batch)
		if cap(batch) > 32 && len(batch) < 8 {
			batch = nil // idle again
		}
	}
}

func (c *conn) setupDecoder() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	d := zmtp.NewDecoder(c.r)
	d.MaxMsgSize, d.MaxFrames = c.s.st.maxMsgSize, c.s.st.maxFrames
	d.Reserve, d.Command = c.reserve, c.command
	if c.s.typ == zmq4.Router {
		d.Prefix = []byte(c.pipe.routingID)
	}
	c.dec = d
}

// command handles a ZMTP command between messages (RFC 23, 37). Unknown ones are ignored, as libzmq does.
func (c *conn) command(name string, body []byte) error {
	switch name {
	case "PING":
		ttl, context, err := zmtp.ParsePing(body)
		if err != nil {
			return err
		}
		return c.pinged(ttl, context)
	case "SUBSCRIBE", "CANCEL":
		c.s.mu.Lock()
		defer c.s.mu.Unlock()
		if pub, ok := c.s.pat.(*publisher); ok && !c.pipe.ended {
			pub.command(c.pipe, name == "SUBSCRIBE", string(body))
		}
	}
	return nil
}

// sendControl queues a command for the writer.
func (c *conn) sendControl(frame []byte) error {
	if len(c.control)+len(frame) > maxControl {
		return errUnreadReplies
	}
	c.control = append(c.control, frame...)
	c.pipe.kick()
	return nil
}

// takeControl takes what goes out before the next message: commands, then changed subscriptions.
func (c *conn) takeControl() []byte {
	control := c.control
	c.control = nil
	return c.pipe.tell.appendTo(control, maxControl)
}

// fail ends the connection for the given reason. It does not wait.
func (c *conn) fail(err error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.failLocked(err)
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

func (c *conn) releaseSlot() {
	if c.holdsSlot {
		c.holdsSlot = false
		c.s.handshakes.Release(1)
	}
}

// reasonFor puts the typed reason in front of an error.
func reasonFor(err error) error {
	var he *zmtp.HandshakeError
	reason := error(nil)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &he) && he.Oversize, errors.Is(err, zmtp.ErrOversize):
		reason = monitor.ErrOversize
	case he != nil && he.Failure == zmtp.Auth:
		reason = monitor.ErrAuth
	case he != nil && he.Failure == zmtp.Protocol:
		reason = monitor.ProtocolError(he.Value)
	case he != nil && he.Failure == zmtp.Silent, errors.Is(err, zmtp.ErrProtocol):
		reason = monitor.ErrProtocol
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		reason = monitor.ErrEOF
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		reason = monitor.ErrReset
	case isTimeout(err):
		reason = monitor.ErrTimeout
	default:
		return err
	}
	return &reasonError{reason, err}
}

// reasonError is a cause with its typed reason.
type reasonError struct {
	reason, cause error
}

func (e *reasonError) Error() string   { return e.cause.Error() }
func (e *reasonError) Unwrap() []error { return []error{e.reason, e.cause} }

func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, monitor.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}

func isProtocolError(err error) bool {
	return errors.Is(err, zmtp.ErrProtocol) || errors.Is(err, zmtp.ErrOversize)
}

func writeAll(w io.Writer, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	_, err := w.Write(b)
	return err
}
