package socket

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/zmtp"
	"zmqbus/monitor"
)

// slotDeadline bounds the handshake once the greeting is there, while it holds a slot.
const slotDeadline = 5 * time.Second

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
		s.wakeSenders(everyone)
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

func (c *conn) releaseSlot() {
	if c.holdsSlot {
		c.holdsSlot = false
		c.s.handshakes.Release(1)
	}
}
