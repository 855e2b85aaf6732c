package socket

import (
	"math"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/readiness"
)

// everyone wakes all that wait.
const everyone = math.MaxInt

// Readiness returns what the socket is ready for now: In when TryRecv would find a message, Out when TrySend would not
// find every peer full (zmq_poll(3), ZMQ_EVENTS). PUB, XPUB, XSUB and a ROUTER that is not mandatory are always ready to
// send, since they drop what does not fit, and with NoDrop too; PULL and SUB never are, PUSH and PUB never to receive.
// While somebody has claimed the socket it is not ready to receive. It does not block. Once Close has begun the error
// matches ErrClosed. With C in use, In says that the channel holds a message; who takes one from the channel of a REQ or
// REP, and not by Recv, makes it ready to send without waking a waiter, which sees it when it looks again.
//
// It is what package poller asks; a program uses poller.Poll, poller.Poller or the reactor.
func (s *Socket) Readiness() (readiness.Events, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return 0, opError("poll", s.closedError())
	}
	var ev readiness.Events
	if s.readable() {
		ev |= readiness.In
	}
	if s.pat.writable() {
		ev |= readiness.Out
	}
	return ev, nil
}

func (s *Socket) readable() bool {
	switch {
	case s.c != nil:
		return len(s.c) > 0 || s.offering
	case s.reader != nil:
		return false // Recv would fail, and the reader is woken without looking here
	}
	return s.pat.mayRecv() == nil && s.pat.readable()
}

// Notify registers w to be woken when the socket becomes ready, or ends. It does not block. See package poller.
func (s *Socket) Notify(w *readiness.Waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiters.Add(w)
	s.polled.Store(true)
}

// Forget takes back Notify; an unknown w is ignored. It does not block.
func (s *Socket) Forget(w *readiness.Waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiters.Remove(w)
}

// wakeReceivers wakes up to n of those who wait for a message. With C in use the pump is the only one; it tells the
// others when it has handed a message over.
func (s *Socket) wakeReceivers(n int) {
	s.recvWait.wakeN(n)
	if s.c == nil {
		s.waiters.Notify(readiness.In)
	}
}

// wakeSenders wakes up to n of those who wait for room.
func (s *Socket) wakeSenders(n int) {
	s.sendWait.wakeN(n)
	s.waiters.Notify(readiness.Out)
}

// notePumped tells that C's channel holds a message.
func (s *Socket) notePumped() {
	if !s.polled.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiters.Notify(readiness.In)
}

// noteTaken tells that Recv has taken a message from C's channel: a REQ or REP may send now.
func (s *Socket) noteTaken() {
	if s.lockstep() {
		s.waiters.Notify(readiness.Out)
	}
}

func (f fairQueue) readable() bool { return f.s.in.current() != nil }
func (f fairQueue) writable() bool { return f.s.out.current() != nil }

func (p *pullPattern) writable() bool { return false }

func (r *reqPattern) readable() bool { return r.s.unread() == 0 && r.fairQueue.readable() }
func (r *reqPattern) writable() bool { return r.maySend() && r.fairQueue.writable() }

func (r *repPattern) readable() bool { return r.mayTake() && r.fairQueue.readable() }
func (r *repPattern) writable() bool { return r.maySend() }

// writable wants a peer with room when the socket is mandatory, as libzmq does: one is enough, although a message for
// another may still have to wait. It goes through the rotation, which leaves out those that are full, and does not ask
// the pipes: an inproc pipe has room as soon as its other end is read, which wakes nobody here until the pipe moves on.
func (r *routerPattern) writable() bool {
	if !r.s.st.routerMandatory {
		return true
	}
	for p := r.s.out.current(); p != nil; p = p.turn[outbound].next {
		if r.routes[p.routingID] == p && r.s.reachable(p) { // one that is refused has a name and no route
			return true
		}
	}
	return false
}

func (d *publisher) readable() bool { return d.upward.Len() > 0 || d.xpub && d.fairQueue.readable() }
func (d *publisher) writable() bool { return true }

func (u *subscriber) writable() bool { return u.s.typ == zmq4.XSub }
