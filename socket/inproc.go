package socket

import (
	"fmt"
	"sync"
	"syscall"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// Inproc is a space of names for inproc endpoints: sockets find each other only within one. All sockets share one per
// process, unless Config.Inproc says otherwise. (In libzmq it is the context's.) It is safe for concurrent use.
type Inproc struct {
	mu      sync.Mutex // taken under a socket's lock, never the other way round
	bound   map[string]*endpoint
	waiting map[string][]*endpoint // dialled before anyone bound the name
}

// NewInproc returns an empty space of names.
func NewInproc() *Inproc {
	return &Inproc{bound: map[string]*endpoint{}, waiting: map[string][]*endpoint{}}
}

var processInproc = NewInproc()

func (s *Socket) registry() *Inproc {
	if s.st.inproc != nil {
		return s.st.inproc
	}
	return processInproc
}

// bind gives name to e and returns the dialled endpoints that wait for it.
func (r *Inproc) bind(name string, e *endpoint) ([]*endpoint, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bound[name] != nil {
		return nil, fmt.Errorf("inproc name %q: %w", name, syscall.EADDRINUSE)
	}
	waiting := r.waiting[name]
	delete(r.waiting, name)
	r.bound[name] = e
	return waiting, nil
}

// find returns who is bound to name, or notes that e waits for it.
func (r *Inproc) find(name string, e *endpoint) *endpoint {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := r.bound[name]; b != nil {
		return b
	}
	r.waiting[name] = append(r.waiting[name], e)
	return nil
}

func (r *Inproc) remove(e *endpoint) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := e.addr.rest
	if r.bound[name] == e {
		delete(r.bound, name)
	}
	for i, w := range r.waiting[name] {
		if w == e {
			r.waiting[name] = append(r.waiting[name][:i:i], r.waiting[name][i+1:]...)
			break
		}
	}
	if len(r.waiting[name]) == 0 {
		delete(r.waiting, name)
	}
}

// inprocAddr is the address of an inproc listener.
type inprocAddr string

// Network returns "inproc".
func (inprocAddr) Network() string { return "inproc" }

// String returns the name without its scheme.
func (a inprocAddr) String() string { return string(a) }

func (s *Socket) listenInproc(e *endpoint) error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return s.closedError()
	}
	waiting, err := s.registry().bind(e.addr.rest, e)
	if err != nil {
		s.mu.Unlock()
		return err
	}
	s.endpoints = append(s.endpoints, e)
	s.mu.Unlock()
	for _, d := range waiting {
		if err := d.join(e); err != nil {
			d.s.log.Warn("inproc peer refused", "endpoint", e.addr.raw, "error", err)
		}
	}
	return nil
}

func (s *Socket) dialInproc(e *endpoint) error {
	b := s.registry().find(e.addr.rest, e)
	if b == nil {
		return nil
	}
	if err := e.join(b); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		e.remove()
		return err
	}
	return nil
}

// join connects a dialled endpoint with a bound one: two pipes that hand over to each other.
func (e *endpoint) join(b *endpoint) error {
	if !e.s.typ.IsCompatible(b.s.typ) {
		return fmt.Errorf("%s cannot talk to %s: %w", e.s.typ, b.s.typ, syscall.EPROTOTYPE)
	}
	dialled, accepted := e.pipe, newPipe(b.s, b, true)
	accepted.peer, accepted.inprocID = dialled, newConnID()
	client, server := e.s.inprocSelf(), b.s.inprocSelf()
	if !b.admitInproc(accepted, client) {
		e.s.registry().find(e.addr.rest, e) // unbound just now: wait for the next
		return nil
	}
	e.s.mu.Lock()
	late := e.state == Ended
	if !late {
		dialled.inprocID = newConnID()
		dialled.joinInproc(accepted, server, monitor.Connected)
	}
	e.s.mu.Unlock()
	if late {
		accepted.remoteEnded()
	}
	return nil
}

// inprocSelf is what a socket tells the other end of an inproc connection, in place of a handshake.
type inprocSelf struct {
	peer    monitor.Peer
	recvHWM int
}

func (s *Socket) inprocSelf() inprocSelf {
	s.mu.Lock()
	defer s.mu.Unlock()
	return inprocSelf{
		peer:    monitor.Peer{Type: s.typ, Identity: s.st.routingID, Mechanism: string(zmq4.NullSecurity)},
		recvHWM: s.st.recvHWM,
	}
}

// admitInproc takes an accepted pipe into use, unless the endpoint has ended.
func (b *endpoint) admitInproc(p *pipe, from inprocSelf) bool {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	if b.state == Ended || b.s.closing {
		return false
	}
	b.pipes[p] = true
	b.s.pat.attach(p)
	p.joinInproc(p.peer, from, monitor.Accepted)
	return true
}

// joinInproc makes peer the other end of p.
func (p *pipe) joinInproc(peer *pipe, of inprocSelf, t monitor.Type) {
	s := p.s
	p.peer, p.peerHWM, p.peerInfo = peer, of.recvHWM, of.peer
	if p.hasRoom() && s.mayFill(p) {
		s.out.activate(p)
	}
	if s.st.inprocEvents {
		s.hub.Record(p.event(t, -1))
	}
	if !s.pat.identify(p, of.peer.Identity) {
		p.noteRefused()
	}
	if s.probes() {
		p.push(zmq4.NewMsg([]byte{}))
	}
	s.sendWait.wakeAll()
	s.peersChanged.wakeAll()
	p.inRoom.wakeAll() // the other end may have been faster
	p.kick()
}

// handOver moves changed subscriptions and queued messages to the other end. It releases the lock meanwhile.
func (p *pipe) handOver() {
	peer := p.peer
	var changes [][]byte
	for {
		topic, on, ok := p.tell.next()
		if !ok {
			break
		}
		changes = append(changes, subscriptionFrame(on, topic))
	}
	var msgs []zmq4.Msg
	if p.take() {
		msgs = p.batch.msgs[p.pos:]
	}
	p.s.mu.Unlock()
	peer.applyChanges(changes)
	n, ok := 0, true
	if len(msgs) > 0 {
		n, ok = peer.deliver(msgs, nil)
	}
	p.s.mu.Lock()
	p.release(n)
	p.wrote(n, n, false)
	if !ok {
		p.peerGone = true
	}
}

func (p *pipe) applyChanges(changes [][]byte) {
	if len(changes) == 0 {
		return
	}
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	for p.peer == nil && !p.ended {
		p.s.waitOn(&p.inRoom)
	}
	if pub, ok := p.s.pat.(*publisher); ok && !p.ended {
		for _, f := range changes {
			pub.subscription(p, f[0] == 1, string(f[1:]))
		}
	}
}

// flood lets the other end hand over everything it holds, past the high-water mark: it is about to close.
func (p *pipe) flood() {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.flooded = true
	p.inRoom.wakeAll()
	p.s.byteWait.wakeAll()
}

// remoteEnded ends the pipe after its other end. inproc does not reconnect, as in libzmq.
func (p *pipe) remoteEnded() {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	p.peerGone = true
	if p.ended {
		return
	}
	if s.st.inprocEvents && !s.closing {
		e := p.event(monitor.Disconnected, -1)
		e.Err = monitor.ErrEOF
		s.hub.Record(e)
	}
	if p.accepted {
		p.end(DropDisconnected)
	} else {
		p.ep.remove()
	}
}

// leaveInproc ends a dialled inproc endpoint once its pipe is handed over.
func (e *endpoint) leaveInproc() {
	peer := e.pipe.peer
	if peer == nil || e.pipe.unsent() == 0 {
		e.s.registry().remove(e)
		e.remove()
		return
	}
	e.s.group.Go(func() error { peer.flood(); return nil }) // owner: the socket; does not block
}

// dropInproc ends the pipes that a bound inproc endpoint accepted.
func (e *endpoint) dropInproc() {
	if e.net != nil {
		return
	}
	for p := range e.pipes {
		p.end(DropDisconnected)
	}
}
