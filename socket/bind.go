package socket

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"zmqbus/monitor"
)

// Accept errors, such as no free descriptor, are met with a pause that doubles between these.
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

// lookup parses an endpoint and finds its transport; the network is nil for inproc.
func (s *Socket) lookup(ep string) (address, network, error) {
	a, err := parseEndpoint(ep)
	if err != nil {
		return a, nil, err
	}
	s.mu.Lock()
	t, ok := s.st.transports[a.scheme]
	s.mu.Unlock()
	if ok {
		return a, adaptTransport(a.scheme, t), nil
	}
	if a.scheme == "inproc" {
		return a, nil, nil
	}
	if n, ok := builtin[a.scheme]; ok {
		return a, n, nil
	}
	return a, nil, fmt.Errorf("%w: unknown transport %q: %w", ErrBadEndpoint, a.scheme, syscall.EPROTONOSUPPORT)
}

var builtin = builtinNetworks()

func (s *Socket) netOptions() netOptions {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.netOptionsLocked()
}

func (s *Socket) netOptionsLocked() netOptions {
	return netOptions{
		ipv6: s.st.ipv6, backlog: s.st.backlog, sendBuffer: s.st.sendBuffer, recvBuffer: s.st.recvBuffer,
		keepAlive: s.st.keepAlive, tcpMaxRT: s.st.tcpMaxRT,
	}
}

// Listen binds to ep and accepts in the background. "*" and port 0 are resolved: Endpoints tells to what. It blocks
// only as long as resolving a name takes. Errors match libzmq's errno: EADDRINUSE, EADDRNOTAVAIL, ENODEV, EINVAL, ...
// (zmq_bind(3))
func (s *Socket) Listen(ep string) error {
	if err := s.listen(ep); err != nil {
		return &OpError{Op: "listen", Endpoint: ep, Err: err}
	}
	return nil
}

func (s *Socket) listen(ep string) error {
	addr, n, err := s.lookup(ep)
	if err != nil {
		return err
	}
	s.mu.Lock()
	closing := s.closing
	s.mu.Unlock()
	if closing {
		return s.closedError()
	}
	e := s.newEndpoint(addr, n, true)
	e.id = newConnID()
	if n == nil {
		return s.listenInproc(e)
	}
	if err := n.checkListen(addr, s.netOptions()); err != nil {
		return err
	}
	fd := -1
	ln, err := n.listen(s.ctx, addr, s.netOptions(), func(f int) { fd = f })
	if err != nil {
		s.bindFailed(addr, fd, err)
		return err
	}
	e.ln, e.resolved = ln, ln.endpoint()
	return e.accept()
}

func (s *Socket) bindFailed(a address, fd int, err error) {
	if fd >= 0 {
		s.hub.Record(monitor.Event{Type: monitor.Closed, Value: int64(fd), Endpoint: a.raw, Err: err})
	}
	s.hub.Record(monitor.Event{Type: monitor.BindFailed, Value: int64(errnoOf(err)), Endpoint: a.raw, Err: err})
}

// accept makes a bound endpoint part of the socket and starts its loop.
func (e *endpoint) accept() error {
	s := e.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		e.ln.Close()
		return s.closedError()
	}
	s.endpoints = append(s.endpoints, e)
	s.hub.Record(monitor.Event{Type: monitor.Listening, Value: int64(e.ln.fd()), Endpoint: e.resolved, Conn: e.id, Local: e.resolved})
	s.group.Go(e.acceptLoop) // owner: the socket; ends when the listener is closed
	return nil
}

func (e *endpoint) acceptLoop() error {
	pause := acceptPauseMin
	for {
		nc, err := e.ln.Accept()
		switch {
		case err == nil:
			pause = acceptPauseMin
			e.welcome(nc)
			continue
		case errors.Is(err, net.ErrClosed) || !e.alive():
			return nil
		}
		ev := monitor.Event{Type: monitor.AcceptFailed, Value: int64(errnoOf(err)), Endpoint: e.resolved, Conn: e.id, Err: err}
		e.s.hub.Record(ev)
		e.s.log.Warn("accept failed", "endpoint", e.resolved, "error", err, "pause", pause)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-e.stop:
			timer.Stop()
			return nil
		}
		pause = min(2*pause, acceptPauseMax)
	}
}

// welcome starts an accepted connection. One that does not complete its greeting holds no slot; when there are too many
// of those, the oldest goes.
func (e *endpoint) welcome(nc net.Conn) {
	s := e.s
	c := newConn(e, nc, true)
	if !e.enter(c) {
		nc.Close()
		return
	}
	s.hub.Record(c.event(monitor.Accepted, int64(c.fd)))
	s.mu.Lock()
	s.pending = append(s.pending, c)
	if len(s.pending) > s.st.maxPending {
		oldest := s.pending[0]
		s.pending = s.pending[1:]
		oldest.failLocked(fmt.Errorf("more than %d connections without a greeting: %w", s.st.maxPending, monitor.ErrTimeout))
	}
	s.mu.Unlock()
	// Owner: the socket; ends with the connection.
	s.group.Go(func() error {
		defer e.leave(c)
		c.run(func(outcome) bool { return false })
		return nil
	})
}

// leavePending notes that the greeting is complete, or will never be.
func (c *conn) leavePending() {
	if !c.accepted {
		return
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for i, x := range c.s.pending {
		if x == c {
			c.s.pending = append(c.s.pending[:i], c.s.pending[i+1:]...)
			return
		}
	}
}

// Unbind closes the listener on ep, given as to Listen or as Endpoints tells it, and drops the connections that it
// accepted; what was queued for them is counted. It returns when the listener is closed. Errors: ErrNoEndpoint.
// (zmq_unbind(3))
func (s *Socket) Unbind(ep string) error {
	if _, err := parseEndpoint(ep); err != nil {
		return &OpError{Op: "unbind", Endpoint: ep, Err: err}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return &OpError{Op: "unbind", Endpoint: ep, Err: s.closedError()}
	}
	for i, e := range s.endpoints {
		if e.bound && e.state == Bound && (e.addr.raw == ep || e.resolved == ep) {
			s.endpoints = append(s.endpoints[:i], s.endpoints[i+1:]...)
			e.closeListener()
			e.stopLocked()
			e.dropInproc()
			return nil
		}
	}
	return &OpError{Op: "unbind", Endpoint: ep, Err: ErrNoEndpoint}
}

// closeListener records CLOSED before the descriptor's number is free again.
func (e *endpoint) closeListener() {
	if e.ln == nil {
		e.s.registry().remove(e)
		return
	}
	ev := monitor.Event{Type: monitor.Closed, Value: int64(e.ln.fd()), Endpoint: e.resolved, Conn: e.id, Local: e.resolved}
	if err := e.ln.release(); err != nil && strings.HasSuffix(e.addr.raw, "://*") {
		ev.Type, ev.Value, ev.Err = monitor.CloseFailed, int64(errnoOf(err)), err
	}
	e.s.hub.Record(ev)
	e.ln.Close()
}
