package socket

import (
	"context"
	"net"
	"time"

	"zmqbus/monitor"
)

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
	if bound {
		e.ctx, e.cancel = s.ctx, func() {} // no attempts: a Listen that fails must leave nothing behind in s.ctx
	} else {
		e.ctx, e.cancel = context.WithCancel(s.ctx)
	}
	return e
}

func (e *endpoint) netAddr() net.Addr {
	if e.ln != nil {
		return e.ln.Addr()
	}
	return inprocAddr(e.addr.rest)
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

// EndpointInfo tells of one endpoint.
type EndpointInfo struct {
	Endpoint string        // as it was really bound, ZMQ_LAST_ENDPOINT; as given, when dialled
	Bound    bool          // by Listen; else by Dial
	State    EndpointState // how it stands now
	Conns    int           // connections, those in their handshake included
}

// Endpoints returns the socket's endpoints, oldest first. It does not block.
func (s *Socket) Endpoints() []EndpointInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	infos := make([]EndpointInfo, 0, len(s.endpoints))
	for _, e := range s.endpoints {
		info := EndpointInfo{Endpoint: e.resolved, Bound: e.bound, State: e.state, Conns: len(e.live)}
		if e.net == nil {
			info.Conns = len(e.pipes)
		}
		if !e.bound && e.pipe.joined() {
			info.State, info.Conns = Connected, 1
		}
		infos = append(infos, info)
	}
	return infos
}

// joined reports whether the pipe has a peer now.
func (p *pipe) joined() bool { return p.conn != nil || p.peer != nil && !p.ended }
