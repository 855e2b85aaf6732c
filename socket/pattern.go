package socket

import (
	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/sentinel"
)

// pattern is what a socket type does with pipes and messages. Its methods run under the socket's lock and never block.
type pattern interface {
	// attach takes a new pipe into use: a dialled one at Dial, an accepted one after its handshake.
	attach(p *pipe)
	// identify runs after each handshake, when the peer's routing id is known, and reports whether p is admitted; one
	// that is not stays connected and unread.
	identify(p *pipe, id string) bool
	// lost runs when p's connection is gone and p goes on without it.
	lost(p *pipe)
	// detach takes p out of use for good.
	detach(p *pipe)
	// relieved runs when p has room again.
	relieved(p *pipe)

	// send queues m on the pipes that the pattern picks: errWait when the caller has to wait for room.
	send(m zmq4.Msg) error
	// accept looks at an arriving message, may change it, and reports whether it goes to p's inbound queue.
	accept(p *pipe, m *zmq4.Msg) bool
	// mayRecv returns the error of a Recv that the state forbids.
	mayRecv() error
	// pop takes the next message for the user, and reports whether there was one. (An item is too big to be returned: the
	// copies cost more than the rest of Recv.)
	pop(to *item) bool
	// readable reports whether pop would find one, writable whether send would not have to wait, as far as that can be
	// known without the message.
	readable() bool
	writable() bool
}

// errWait asks the caller of pattern.send to wait for room. It does not leave the package.
var errWait = sentinel.New("no pipe has room")

// newPattern returns the behaviour of s's type.
func newPattern(s *Socket) pattern {
	base := fairQueue{s}
	switch s.typ {
	case zmq4.Push:
		return &pushPattern{base}
	case zmq4.Pull:
		return &pullPattern{base}
	case zmq4.Dealer:
		return &dealerPattern{base}
	case zmq4.Pair:
		return &pairPattern{fairQueue: base}
	case zmq4.Req:
		return newReqPattern(base)
	case zmq4.Rep:
		return &repPattern{fairQueue: base}
	case zmq4.Router:
		return newRouterPattern(base)
	case zmq4.Pub, zmq4.XPub:
		return newPublisher(base)
	case zmq4.Sub, zmq4.XSub:
		return newSubscriber(base)
	}
	return nil
}

// fairQueue is the behaviour that most patterns share: every pipe is both read in turn and, when it has room, eligible
// to be written to.
type fairQueue struct {
	s *Socket
}

func (f fairQueue) attach(p *pipe) {
	f.s.in.add(p)
	f.s.out.add(p)
	if p.hasRoom() && f.s.mayFill(p) {
		f.s.out.activate(p)
		f.s.wakeSenders(everyone)
	}
}

func (f fairQueue) identify(*pipe, string) bool      { return true }
func (f fairQueue) lost(*pipe)                       {}
func (f fairQueue) relieved(*pipe)                   {}
func (f fairQueue) accept(p *pipe, m *zmq4.Msg) bool { return true }
func (f fairQueue) mayRecv() error                   { return nil }
func (f fairQueue) send(zmq4.Msg) error              { return ErrNotSupported }

// detach keeps p readable until its last message is taken.
func (f fairQueue) detach(p *pipe) {
	f.s.out.remove(p)
	if p.in.Len() == 0 {
		f.s.in.remove(p)
	}
}

// pop takes one message from the pipe whose turn it is.
func (f fairQueue) pop(to *item) bool {
	p := f.s.in.current()
	if p == nil {
		return false
	}
	p.popIn(to)
	if p.in.Len() > 0 {
		f.s.in.advance() // an emptied pipe has left its place to the next one
	}
	return true
}

// balance gives m to the pipe with room whose turn it is.
func (f fairQueue) balance(m zmq4.Msg) (*pipe, error) {
	p := f.s.out.current()
	if p == nil {
		return nil, errWait
	}
	f.s.out.advance()
	p.push(m)
	return p, nil
}

// pushPattern balances over its peers and receives nothing (RFC 30).
type pushPattern struct{ fairQueue }

func (p *pushPattern) send(m zmq4.Msg) error            { _, err := p.balance(m); return err }
func (p *pushPattern) accept(q *pipe, m *zmq4.Msg) bool { return p.s.discard(q, *m, DropUnexpected) }

// pullPattern reads its peers in turn and sends nothing (RFC 30).
type pullPattern struct{ fairQueue }

// dealerPattern balances what it sends and reads its peers in turn (RFC 28).
type dealerPattern struct{ fairQueue }

func (d *dealerPattern) send(m zmq4.Msg) error { _, err := d.balance(m); return err }

// pairPattern talks to one peer at a time; a second stays connected and unread until the first goes (RFC 31).
type pairPattern struct {
	fairQueue
	holder  *pipe
	waiting []*pipe
}

func (d *pairPattern) attach(p *pipe) {
	if d.holder != nil {
		p.refused = true
		d.waiting = append(d.waiting, p)
		return
	}
	d.holder = p
	p.refused = false
	d.fairQueue.attach(p)
}

func (d *pairPattern) identify(p *pipe, _ string) bool { return !p.refused }

func (d *pairPattern) send(m zmq4.Msg) error { _, err := d.balance(m); return err }

func (d *pairPattern) detach(p *pipe) {
	d.waiting = without(d.waiting, p)
	if d.holder != p {
		return
	}
	d.fairQueue.detach(p)
	d.holder = nil
	if len(d.waiting) > 0 {
		next := d.waiting[0]
		d.waiting = d.waiting[1:]
		d.attach(next)
		next.admit()
	}
}

// admit lets a refused pipe take part.
func (p *pipe) admit() {
	p.refused = false
	p.inRoom.wakeAll()
	p.kick()
}

func without(pipes []*pipe, p *pipe) []*pipe {
	for i, x := range pipes {
		if x == p {
			return append(pipes[:i:i], pipes[i+1:]...)
		}
	}
	return pipes
}
