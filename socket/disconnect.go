package socket

import "time"

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
	s.wakeSenders(everyone) // who waits for this pipe waits in vain
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
