package socket

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// errLocal is the cause of everything that this side ends: such ends are silent.
var errLocal = monitor.ErrLocal

// EndpointState says how an endpoint stands.
type EndpointState int

// The states of an endpoint.
const (
	Bound      EndpointState = iota // a listener that accepts
	Connecting                      // dialled: an attempt or a handshake is under way
	Connected                       // dialled: the handshake has succeeded
	Retrying                        // dialled: waits for the next attempt
	GaveUp                          // dialled: no attempt follows, until Dial revives it
	Ended                           // unbound, disconnected, or closed
)

// String returns the state's name in lower case.
func (st EndpointState) String() string {
	names := [...]string{"bound", "connecting", "connected", "retrying", "gave up", "ended"}
	if st < 0 || int(st) >= len(names) {
		return "unknown"
	}
	return names[st]
}

// endpoint is one Listen or Dial. The socket's lock guards what changes.
type endpoint struct {
	s                *Socket
	addr             address
	net              network // nil for inproc
	bound            bool
	id               monitor.ConnID // a listener's
	state            EndpointState
	stop             chan struct{} // closed when the endpoint ends
	ln               listener
	resolved         string
	pipe             *pipe          // dialled
	pipes            map[*pipe]bool // bound: accepted pipes
	live             map[*conn]bool // connections, in their handshake too
	connectRoutingID string         // ROUTER: ConnectRoutingID of this dial
	linger           *time.Timer    // Disconnect: how long the pipe may flush
	cancel           context.CancelFunc
	ctx              context.Context // of attempts
}

func (s *Socket) newEndpoint(a address, n network, bound bool) *endpoint {
	e := &endpoint{
		s: s, addr: a, net: n, bound: bound, resolved: a.raw, stop: make(chan struct{}),
		pipes: map[*pipe]bool{}, live: map[*conn]bool{},
	}
	e.ctx, e.cancel = context.WithCancel(s.ctx)
	return e
}

func (e *endpoint) netAddr() net.Addr {
	if e.ln != nil {
		return e.ln.Addr()
	}
	return inprocAddr(e.addr.rest)
}

// Dial connects to ep. It checks the endpoint and returns: the connection is made, and made again whenever it is lost,
// in the background (see Config.ReconnectInterval). Messages queue up to SendHWM meanwhile, unless Immediate is set. A
// second Dial of the same endpoint does nothing on DEALER, SUB, REQ and PUB, makes a second connection on others, and
// revives an endpoint that had given up. Errors: ErrBadEndpoint with EINVAL, ENAMETOOLONG or EPROTONOSUPPORT.
// (zmq_connect(3))
func (s *Socket) Dial(ep string) error {
	if err := s.dial(ep); err != nil {
		return &OpError{Op: "dial", Endpoint: ep, Err: err}
	}
	return nil
}

func (s *Socket) dial(ep string) error {
	addr, n, err := s.lookup(ep)
	if err != nil {
		return err
	}
	if n != nil {
		if err := n.checkDial(addr, s.netOptions()); err != nil {
			return err
		}
	}
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return s.closedError()
	}
	if s.redial(ep) {
		s.mu.Unlock()
		return nil
	}
	e := s.newEndpoint(addr, n, false)
	e.state = Connecting
	e.connectRoutingID, s.st.connectRoutingID, s.cfg.ConnectRoutingID = s.st.connectRoutingID, "", ""
	s.endpoints = append(s.endpoints, e)
	e.pipe = newPipe(s, e, false)
	if e.connectRoutingID != "" {
		s.pat.identify(e.pipe, "") // the name is known: the route exists at once
	}
	s.pat.attach(e.pipe)
	if n != nil {
		s.group.Go(e.dialLoop) // owner: the socket; ends with the endpoint
	}
	s.mu.Unlock()
	if n == nil {
		return s.dialInproc(e)
	}
	return nil
}

// redial handles an endpoint that was dialled before, and reports whether that was all there is to do.
func (s *Socket) redial(ep string) bool {
	for _, e := range s.endpoints {
		if e.bound || e.addr.raw != ep || e.state == Ended || e.pipe.draining {
			continue
		}
		if e.state == GaveUp {
			e.state = Connecting
			e.revive()
			return true
		}
		switch s.typ {
		case zmq4.Dealer, zmq4.Sub, zmq4.Req, zmq4.Pub:
			return true
		}
	}
	return false
}

func (e *endpoint) revive() {
	if e.pipe.hasRoom() && e.s.mayFill(e.pipe) {
		e.s.out.activate(e.pipe)
		e.s.sendWait.wakeAll()
	}
	e.s.group.Go(e.dialLoop) // owner: the socket; ends with the endpoint
}

// dialLoop makes connections one after another until the endpoint ends or gives up.
func (e *endpoint) dialLoop() error {
	for failures := 0; ; failures++ {
		out := e.attempt()
		if out.connected {
			failures = 0
		}
		wait, again := e.scheduleRetry(out, failures)
		if !again {
			e.finish(out)
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-e.stop:
			timer.Stop()
		}
	}
}

// scheduleRetry announces the next attempt and returns how long to wait for it; again is false when none follows. All
// of it is one step, so that Disconnect is not followed by CONNECT_RETRIED.
func (e *endpoint) scheduleRetry(out outcome, failures int) (wait time.Duration, again bool) {
	s := e.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if out.local || !e.willRetryLocked(out) {
		return 0, false
	}
	wait = s.retryInterval(failures)
	e.state = Retrying
	ev := e.attemptEvent(monitor.ConnectRetried, millis(wait))
	if out.conn != nil { // the connection that was lost
		ev = out.conn.event(monitor.ConnectRetried, millis(wait))
	}
	ev.Err, ev.Retry = reasonFor(out.err), true
	s.hub.Record(ev)
	return wait, true
}

// attemptEvent is an event about an attempt to connect: there is no connection yet, and no local end.
func (e *endpoint) attemptEvent(t monitor.Type, value int64) monitor.Event {
	return monitor.Event{Type: t, Value: value, Endpoint: e.addr.raw, Remote: e.addr.raw}
}

// attempt makes one connection and sees it to its end.
func (e *endpoint) attempt() outcome {
	s := e.s
	if !e.setState(Connecting) {
		return outcome{local: true}
	}
	s.mu.Lock()
	timeout, opts := s.st.connectTimeout, s.netOptionsLocked()
	s.mu.Unlock()
	ctx, cancel := e.ctx, context.CancelFunc(func() {})
	if timeout > 0 {
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, monitor.ErrTimeout)
	}
	nc, err := e.net.dial(ctx, e.addr, opts, func(fd int) {
		s.hub.Record(e.attemptEvent(monitor.ConnectDelayed, int64(syscall.EINPROGRESS)))
	})
	cancel()
	if err != nil {
		return e.attemptFailed(err)
	}
	c := newConn(e, nc, false)
	c.pipe = e.pipe
	if !e.enter(c) {
		nc.Close()
		return outcome{local: true}
	}
	defer e.leave(c)
	s.hub.Record(c.event(monitor.Connected, int64(c.fd)))
	out := c.run(e.willRetry)
	out.conn = c
	return out
}

func (e *endpoint) attemptFailed(err error) outcome {
	out := outcome{err: err, refused: true}
	if isResolveError(err) {
		return out // no fd, hence no CLOSED
	}
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	if e.state == Ended {
		return outcome{local: true}
	}
	ev := e.attemptEvent(monitor.Closed, int64(descriptorOf(err)))
	ev.Err, ev.Retry = reasonFor(err), e.willRetryLocked(out)
	e.s.hub.Record(ev)
	return out
}

// willRetry says whether another attempt follows (CONFORMANCE 1.3).
func (e *endpoint) willRetry(out outcome) bool {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	return e.willRetryLocked(out)
}

func (e *endpoint) willRetryLocked(out outcome) bool {
	st := &e.s.st
	switch {
	case e.bound || e.state == Ended || e.s.dead || st.reconnectInterval <= 0:
		return false
	case e.pipe.draining && st.reconnectStop&StopAfterDisconnect != 0:
		return false
	case out.protocol:
		return st.retryProtocolErrors
	case out.refused && isRefused(out.err):
		return st.reconnectStop&StopConnRefused == 0
	case out.handshake:
		return st.reconnectStop&StopHandshakeFailed == 0
	}
	return true
}

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// retryInterval is the wait before the k-th retry in a row, counted from 0: the interval doubles up to the maximum, if
// there is one, and jitter of up to one interval is added, as libzmq 4.3.4 does.
func (s *Socket) retryInterval(k int) time.Duration {
	base := s.st.reconnectInterval
	wait := base
	if limit := s.st.reconnectIntervalMax; limit > base {
		for ; k > 0 && wait < limit; k-- {
			wait = min(2*wait, limit)
		}
	}
	unit := time.Millisecond
	if base < unit {
		unit = time.Nanosecond
	}
	return wait + time.Duration(s.rand.Int64N(int64(base/unit)))*unit
}

// millis rounds up, so that a wait that is reported is never longer than said by a fraction.
func millis(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// finish ends the dial loop: the endpoint was disconnected, or it gives up and keeps its pipe for a later Dial.
func (e *endpoint) finish(out outcome) {
	s := e.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if out.local || e.state == Ended || e.pipe.draining || s.st.reconnectInterval <= 0 {
		e.remove()
		return
	}
	e.state = GaveUp
	s.out.deactivate(e.pipe) // else it would be chosen in turn, for nothing
	s.flushed.wakeAll()
	s.log.Warn("endpoint gave up: no reconnect follows", "endpoint", e.addr.raw, "reason", out.err)
}

// remove takes a dialled endpoint and its pipe out of the socket.
func (e *endpoint) remove() {
	e.state = Ended
	e.cancel()
	if e.net == nil {
		e.s.registry().remove(e)
	}
	for i, x := range e.s.endpoints {
		if x == e {
			e.s.endpoints = append(e.s.endpoints[:i], e.s.endpoints[i+1:]...)
			break
		}
	}
	if e.linger != nil {
		e.linger.Stop()
	}
	if e.pipe != nil {
		e.pipe.end(DropDisconnected)
	}
}

// setState changes the state of an endpoint that has not ended, and reports whether it has not.
func (e *endpoint) setState(st EndpointState) bool {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	if e.state == Ended {
		return false
	}
	e.state = st
	return true
}

func (e *endpoint) alive() bool {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	return e.state != Ended
}

// enter registers a connection with its endpoint, so that the end of one ends the other; false when it is too late.
func (e *endpoint) enter(c *conn) bool {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	if e.state == Ended {
		return false
	}
	e.live[c] = true
	return true
}

func (e *endpoint) leave(c *conn) {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	delete(e.live, c)
}

// stopLocked ends the endpoint: its loops, its connections, and with them their pipes. It does not wait.
func (e *endpoint) stopLocked() {
	if e.state == Ended {
		return
	}
	gaveUp := e.state == GaveUp
	e.state = Ended
	close(e.stop)
	e.cancel()
	for c := range e.live {
		c.failLocked(errLocal)
	}
	if gaveUp || e.net == nil && !e.bound {
		e.remove() // no loop is there to do it
	}
}

// Disconnect ends every connection that Dial of ep made, without an event on this side. It returns at once; what is
// queued for them is flushed in the background for up to Linger, and what is left then is counted. Errors:
// ErrNoEndpoint when nothing was dialled under that name. (zmq_disconnect(3))
func (s *Socket) Disconnect(ep string) error {
	if _, err := parseEndpoint(ep); err != nil {
		return &OpError{Op: "disconnect", Endpoint: ep, Err: err}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return &OpError{Op: "disconnect", Endpoint: ep, Err: s.closedError()}
	}
	found := false
	for _, e := range append([]*endpoint(nil), s.endpoints...) {
		if !e.bound && e.addr.raw == ep && !e.pipe.draining {
			found = true
			e.disconnect()
		}
	}
	if !found {
		return &OpError{Op: "disconnect", Endpoint: ep, Err: ErrNoEndpoint}
	}
	return nil
}

// disconnect lets the pipe flush and then ends the endpoint.
func (e *endpoint) disconnect() {
	p, s := e.pipe, e.s
	p.draining = true
	s.out.remove(p)
	if e.net == nil {
		e.leaveInproc()
		return
	}
	linger := s.st.linger
	hopeless := e.state == GaveUp || e.state == Retrying && s.st.reconnectStop&StopAfterDisconnect != 0
	if linger == 0 || p.unsent() == 0 || hopeless {
		e.stopLocked()
		return
	}
	if linger > 0 {
		e.linger = time.AfterFunc(linger, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			e.stopLocked()
		})
	}
}
