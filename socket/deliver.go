package socket

import (
	"slices"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/queue"
	"zmqbus/monitor"
)

// item is a received message and the connection that brought it.
type item struct {
	msg  zmq4.Msg
	conn monitor.ConnID
	size int // bytes counted against RecvBytes
}

var itemRings = queue.Rings[item]()

// deliver queues as many of msgs as there is room for, waiting for room first, and returns how many it took from msgs;
// ok is false when the pipe has ended. Messages that the pattern consumes or discards need no room.
func (p *pipe) deliver(msgs []zmq4.Msg, c *conn) (n int, ok bool) {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if !p.waitRoom(c) {
		return 0, false
	}
	switch {
	case s.closing && c == nil:
		return 0, false // an inproc sender keeps the count of what it could not hand over
	case s.closing:
		p.refuseAll(msgs)
		return len(msgs), true
	}
	id := p.connID()
	queued := 0
	for n < len(msgs) && (p.inHasRoom() || p.flooded) {
		m := &p.arriving
		*m = msgs[n]
		n++
		if c == nil {
			m.Frames = ownFrames(m.Frames)
		}
		s.stats.received(&p.stats, payload(*m))
		if s.pat.accept(p, m) {
			p.enqueue(item{msg: *m, conn: id, size: footprint(*m)})
			queued++
		} else {
			p.taken()
		}
	}
	p.arriving = zmq4.Msg{}
	if queued > 0 {
		s.in.activate(p)
		s.wakeReceivers(queued)
	}
	return n, true
}

// ownFrames makes an inproc receiver's own slice of a message's frames, whose bytes stay shared: nobody may append to
// them.
func ownFrames(frames [][]byte) [][]byte {
	own := make([][]byte, len(frames))
	for i, f := range frames {
		own[i] = slices.Clip(f)
	}
	return own
}

// taken tells an inproc sender that one of its messages has left the inbound queue.
func (p *pipe) taken() {
	if p.peer != nil {
		p.peer.untaken.Add(-1)
	}
}

// refuseAll counts what arrives while the socket closes. It is still read, so that the peer can write and its end is seen.
func (p *pipe) refuseAll(msgs []zmq4.Msg) {
	for _, m := range msgs {
		p.s.stats.received(&p.stats, payload(m))
		p.s.discard(p, m, DropClosed)
	}
}

func (p *pipe) enqueue(it item) {
	if p.s.st.conflate && p.in.Len() > 0 {
		old := p.in.Pop()
		p.s.queuedBytes -= int64(old.size)
		p.taken()
		p.s.discard(p, old.msg, DropConflated)
	}
	p.in.Push(it)
	p.s.queuedBytes += int64(it.size)
}

func (p *pipe) inHasRoom() bool {
	return p.s.st.conflate || p.in.Len() < p.s.st.recvHWM && (p.s.bytesLeft(0) || p.conn.paid())
}

// waitRoom waits until the inbound queue has room. While it waits the connection's deadlines are suspended: its read
// loop cannot see what would reset them.
func (p *pipe) waitRoom(c *conn) bool {
	for {
		switch {
		case p.ended || c != nil && c.failed:
			return false
		case p.s.closing || p.readable(c) && (p.inHasRoom() || p.flooded):
			return true
		}
		list := &p.inRoom
		if p.readable(c) && p.in.Len() < p.s.st.recvHWM {
			list = &p.s.byteWait
			p.s.watchStalls()
		}
		c.suspend()
		p.s.waitOn(list)
		c.resume()
	}
}

// readable reports whether p takes messages at all: not while it is refused, nor before an inproc receiver has joined.
func (p *pipe) readable(c *conn) bool { return !p.refused && (c != nil || p.peer != nil) }

// popIn takes the next inbound message of p for the user.
func (p *pipe) popIn(to *item) {
	p.takeIn(to)
	p.s.stats.delivered(&p.stats, to.size-frameFootprint*len(to.msg.Frames))
}

// takeIn takes the next inbound message of p, and lets its deliverer go on when the queue is half empty: waking it for
// every message would cost a goroutine switch each.
func (p *pipe) takeIn(to *item) {
	p.in.PopTo(to)
	s := p.s
	s.queuedBytes -= int64(to.size)
	p.taken()
	if p.in.Len() == 0 {
		s.in.deactivate(p)
		if p.ended {
			s.in.remove(p)
		}
	}
	if p.in.Len() <= s.st.recvHWM/2 {
		p.inRoom.wakeAll()
	}
	s.releaseBytes()
}

// frameFootprint is what a frame counts against RecvBytes besides its bytes: an empty one is not free.
const frameFootprint = 32

func footprint(m zmq4.Msg) int { return payload(m) + frameFootprint*len(m.Frames) }

// payload is the number of bytes in m's frames.
func payload(m zmq4.Msg) int {
	n := 0
	for _, f := range m.Frames {
		n += len(f)
	}
	return n
}
