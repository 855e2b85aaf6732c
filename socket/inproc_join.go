package socket

import (
	"fmt"
	"syscall"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// meet joins a dialled endpoint with b, or, if b has just been unbound, with who has the name now.
func (e *endpoint) meet(b *endpoint) error {
	for ; b != nil; b = e.seek() {
		if !e.s.typ.IsCompatible(b.s.typ) {
			return fmt.Errorf("%s cannot talk to %s: %w", e.s.typ, b.s.typ, syscall.EPROTOTYPE)
		}
		if e.join(b) {
			return nil
		}
	}
	return nil
}

// join connects a dialled endpoint with a bound one: two pipes that hand over to each other. It reports whether b was
// still bound.
func (e *endpoint) join(b *endpoint) bool {
	dialled, accepted := e.pipe, newPipe(b.s, b, true)
	accepted.peer, accepted.inprocID = dialled, newConnID()
	client, server := e.s.inprocSelf(), b.s.inprocSelf()
	if !b.admitInproc(accepted, client) {
		return false
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
	return true
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
	s.wakeSenders(everyone)
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
	bytes := payloads(p.batch, p.pos, n)
	p.s.mu.Lock()
	p.release(n)
	p.wrote(n, n, bytes, false)
	if !ok { // it closes, or has: nothing more gets there
		p.peerGone = true
		p.dropOutput(DropDisconnected)
		p.s.out.deactivate(p)
		p.s.wakeSenders(everyone)
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
			pub.command(p, f[0] == 1, string(f[1:]))
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
