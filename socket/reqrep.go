package socket

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/go-zeromq/zmq4"
)

// reqPattern sends a request and waits for its reply, in lockstep (RFC 28). A reply that nobody waits for is discarded
// and counted.
type reqPattern struct {
	fairQueue
	waiting bool   // a request is out and its reply not yet taken
	peer    *pipe  // where the reply has to come from; nil once it is there
	id      uint32 // ReqCorrelate: the request's number
}

func newReqPattern(base fairQueue) *reqPattern {
	return &reqPattern{fairQueue: base, id: rand.Uint32()}
}

func (r *reqPattern) send(m zmq4.Msg) error {
	if !r.maySend() {
		return ErrState
	}
	if r.s.out.current() == nil {
		return errWait
	}
	r.forgetReply()
	r.id++
	m.Frames = append(r.envelope(len(m.Frames)), m.Frames...)
	p, err := r.balance(m)
	if err == nil {
		r.waiting, r.peer = true, p
	}
	return err
}

// maySend reports whether the state allows a request: none is out, or the socket is relaxed.
func (r *reqPattern) maySend() bool {
	return r.s.st.reqRelaxed || !r.waiting && r.s.unread() == 0
}

// forgetReply throws away a reply that came before a relaxed REQ sent its next request.
func (r *reqPattern) forgetReply() {
	r.s.discardUnread(DropStale)
	for p := r.s.in.current(); p != nil; p = r.s.in.current() {
		p.takeIn(&r.s.popped)
		r.s.discard(p, r.s.takePopped().msg, DropStale)
	}
}

// envelope is what precedes the body: the delimiter and, with ReqCorrelate, the request's number.
func (r *reqPattern) envelope(body int) [][]byte {
	frames := make([][]byte, 0, body+2)
	if r.s.st.reqCorrelate {
		frames = append(frames, binary.BigEndian.AppendUint32(make([]byte, 0, 4), r.id))
	}
	return append(frames, []byte{})
}

func (r *reqPattern) accept(p *pipe, m *zmq4.Msg) bool {
	if !r.waiting || p != r.peer {
		return r.s.discard(p, *m, DropStale)
	}
	body := m.Frames
	if r.s.st.reqCorrelate {
		if len(body[0]) != 4 || binary.BigEndian.Uint32(body[0]) != r.id {
			return r.s.discard(p, *m, DropStale)
		}
		body = body[1:]
	}
	if len(body) < 2 || len(body[0]) != 0 {
		return r.s.discard(p, *m, DropMalformed)
	}
	m.Frames = body[1:]
	r.peer = nil
	return true
}

func (r *reqPattern) pop(to *item) bool {
	if r.s.unread() > 0 || !r.fairQueue.pop(to) {
		return false
	}
	r.waiting = false
	r.s.wakeSenders(everyone)
	return true
}

func (r *reqPattern) mayRecv() error {
	if !r.waiting && r.s.unread() == 0 {
		return ErrState
	}
	return nil
}

func (r *reqPattern) detach(p *pipe) {
	r.fairQueue.detach(p)
	if p == r.peer {
		r.peer = nil // no reply will come; only a relaxed REQ can go on
	}
}

// States of a REP socket.
const (
	repIdle = iota
	repBusy // a request was handed out and its reply is owed
	repLost // as busy, but the peer that asked is gone
)

// repPattern hands out one request at a time and sends the reply to where it came from (RFC 28).
type repPattern struct {
	fairQueue
	state    int
	peer     *pipe
	envelope [][]byte // what precedes the body, delimiter included
}

// accept refuses a request that has no delimiter: there would be no way to answer it.
func (r *repPattern) accept(p *pipe, m *zmq4.Msg) bool {
	if n := delimiter(m.Frames); n < 0 || n == len(m.Frames)-1 {
		return r.s.discard(p, *m, DropMalformed)
	}
	return true
}

// delimiter returns the index of the first empty frame, -1 when there is none.
func delimiter(frames [][]byte) int {
	for i, f := range frames {
		if len(f) == 0 {
			return i
		}
	}
	return -1
}

func (r *repPattern) pop(to *item) bool {
	p := r.s.in.current()
	if !r.mayTake() || !r.fairQueue.pop(to) {
		return false
	}
	n := delimiter(to.msg.Frames) + 1
	r.state, r.peer, r.envelope = repBusy, p, to.msg.Frames[:n:n]
	to.msg.Frames = to.msg.Frames[n:]
	if p.ended {
		r.state = repLost
	}
	r.s.wakeSenders(everyone)
	return true
}

// mayTake reports whether the state allows to hand out a request: no reply is owed, and none waits in C's channel.
func (r *repPattern) mayTake() bool { return r.state != repBusy && r.s.unread() == 0 }

// maySend reports whether a reply is owed, to a request that has left C's channel.
func (r *repPattern) maySend() bool {
	return r.state != repIdle && r.s.unread() == 0
}

func (r *repPattern) mayRecv() error {
	if r.state == repBusy && r.s.unread() == 0 {
		return ErrState
	}
	return nil
}

func (r *repPattern) send(m zmq4.Msg) error {
	if !r.maySend() {
		return ErrState
	}
	p := r.peer
	m.Frames = append(r.envelope, m.Frames...)
	lost := r.state == repLost
	r.state, r.peer, r.envelope = repIdle, nil, nil
	switch {
	case lost:
		r.s.dropNew(p, m, DropDisconnected)
	case !p.hasRoom():
		r.s.dropNew(p, m, DropFull)
	default:
		p.push(m)
	}
	r.s.wakeReceivers(everyone) // the next request may be handed out
	return nil
}

func (r *repPattern) detach(p *pipe) {
	r.fairQueue.detach(p)
	if p == r.peer && r.state == repBusy {
		r.state = repLost
		r.s.wakeReceivers(everyone)
	}
}
