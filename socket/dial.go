package socket

import (
	"context"
	"syscall"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// errLocal is the cause of everything that this side ends: such ends are silent.
var errLocal = monitor.ErrLocal

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
