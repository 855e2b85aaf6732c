package socket

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/zmtp"
	"zmqbus/monitor"
)

// item is a received message and the connection that brought it.
type item struct {
	msg  zmq4.Msg
	conn monitor.ConnID
	size int // bytes counted against RecvBytes
}

// msgBuf is a reusable run of outbound messages.
type msgBuf struct{ msgs []zmq4.Msg }

// msgBufs holds the buffers of pipes that are idle, so that a pipe keeps none of its own.
var msgBufs = sync.Pool{New: func() any { return &msgBuf{} }}

var itemRings = ringPool[item]()

// pipe is a bounded queue in each direction between the socket and one peer. A dialled pipe outlives its connections;
// an accepted one ends with its connection. The socket's lock guards every field, except that batch and pos belong to
// the running writer.
type pipe struct {
	s        *Socket
	ep       *endpoint
	accepted bool
	slot     [2]int // places in the socket's rotations

	in       queue[item]
	arriving zmq4.Msg // the one that the pattern looks at: a local would be an allocation each
	inRoom   waitlist // deliverers that wait for room
	flooded  bool     // inproc: the peer closes and hands over all it has, past the mark

	out         *msgBuf // waiting; nil when empty
	batch       *msgBuf // what the writer took
	pos         int     // next of batch to write
	held        int     // messages of batch that still count against the mark
	inflight    int     // messages of batch being written now
	writing     bool    // a writer runs
	drainFunc   func()  // made once: starting a writer allocates nothing
	peerGone    bool    // inproc: the other end takes nothing any more
	writerEnded waitlist
	full        bool // at the mark since FULL
	draining    bool // Disconnect: ends when flushed

	conn *conn // current connection after its handshake; nil while there is none, and for inproc
	peer *pipe // inproc: the other end, once there is one

	inprocID monitor.ConnID
	peerHWM  int          // inproc: RecvHWM of the other end when the two met
	untaken  atomic.Int64 // inproc: pushed here and not yet taken by the other end's user; that end counts down
	since    time.Time

	peerInfo   monitor.Peer
	routingID  string         // ROUTER: the name that the peer goes by
	refused    bool           // not admitted by the pattern: its messages wait until the holder goes
	mark       uint64         // last distribution that chose this pipe
	topics     map[string]int // publisher: what the peer subscribed to, counting duplicates
	topicBytes int            // publisher: of all topics that are kept for the peer
	warned     bool           // publisher: the log has said that the peer subscribes to too much
	tell       subscriptionDelta
	ended      bool
	stats      counters
}

func newPipe(s *Socket, ep *endpoint, accepted bool) *pipe {
	p := &pipe{s: s, ep: ep, accepted: accepted, since: time.Now(), in: queue[item]{pool: itemRings}}
	p.drainFunc = p.drain
	return p
}

// pending is the number of messages that count against SendHWM.
func (p *pipe) pending() int {
	if p.out == nil {
		return p.held
	}
	return len(p.out.msgs) + p.held
}

// unsent is the number of messages accepted and not yet written or dropped.
func (p *pipe) unsent() int { return p.pending() + p.inflight }

// hasRoom reports whether the pipe is below its high-water mark. An inproc pipe has no kernel's buffers behind it: it
// holds what both ends allow, from the first message on.
func (p *pipe) hasRoom() bool {
	hwm := p.s.st.sendHWM
	switch {
	case p.s.st.conflate:
		return true
	case p.peer == nil:
		return p.pending() < hwm
	case hwm > math.MaxInt-p.peerHWM:
		return true
	}
	return p.untaken.Load() < int64(hwm+p.peerHWM)
}

// push queues m. The pattern has checked that there is room.
func (p *pipe) push(m zmq4.Msg) {
	size := payload(m)
	p.s.stats.accepted(&p.stats, size)
	if p.out == nil {
		p.out = msgBufs.Get().(*msgBuf)
	}
	if n := len(p.out.msgs); p.s.st.conflate && n > 0 {
		p.s.drop(p, p.out.msgs[n-1], DropConflated)
		p.out.msgs[n-1] = m
	} else {
		p.out.msgs = append(p.out.msgs, m)
		if p.ep.net == nil {
			p.untaken.Add(1)
		}
	}
	if !p.hasRoom() {
		p.s.out.deactivate(p)
		p.noteFull()
	}
	p.kick()
}

// kick starts the writer when there is something that it can write.
func (p *pipe) kick() {
	if p.writing || !p.writable() || p.s.dead {
		return
	}
	p.writing = true
	p.s.writers.Add(1)
	// The writer is owned by the socket: it ends when nothing is left to write, or when its connection ends, and
	// Close waits for it.
	go p.drainFunc()
}

func (p *pipe) writable() bool {
	queued := p.out != nil || p.held > 0
	if p.peer != nil {
		return !p.peerGone && !p.refused && (queued || !p.tell.empty())
	}
	c := p.conn
	return c != nil && !c.failed && (len(c.control) > 0 || !p.refused && (queued || !p.tell.empty()))
}

// drain is the transient writer: it exists only while there is something to write.
func (p *pipe) drain() {
	defer p.s.writers.Done()
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	for yielded := false; ; {
		switch {
		case !p.writable():
			if yielded {
				p.stopWriting()
				return
			}
			// One more look saves a new goroutine per message under a steady load.
			yielded = true
			s.mu.Unlock()
			runtime.Gosched()
			s.mu.Lock()
		case p.peer != nil:
			yielded = false
			p.handOver()
		default:
			yielded = false
			p.writeChunk(p.conn)
		}
	}
}

func (p *pipe) stopWriting() {
	p.writing = false
	p.writerEnded.wakeAll()
	if p.ended {
		p.dropOutput(DropDisconnected)
	}
	if p.unsent() == 0 {
		p.s.flushed.wakeAll()
		if p.draining {
			p.ep.stopLocked()
		}
	}
}

// take makes sure that batch holds what is to be written next, and reports whether there is anything.
func (p *pipe) take() bool {
	if p.batch != nil && p.pos < len(p.batch.msgs) {
		return true
	}
	p.recycleBatch()
	if p.out == nil {
		return false
	}
	p.batch, p.out, p.pos = p.out, nil, 0
	p.held = len(p.batch.msgs)
	return true
}

func (p *pipe) recycleBatch() {
	if p.batch == nil {
		return
	}
	clear(p.batch.msgs)
	p.batch.msgs = p.batch.msgs[:0]
	msgBufs.Put(p.batch)
	p.batch = nil
}

// writeChunk writes commands, subscriptions and one chunk of messages. It releases the lock while it writes.
func (p *pipe) writeChunk(c *conn) {
	control := c.takeControl()
	n := 0
	if !p.refused && p.take() {
		n = zmtp.ChunkLen(p.batch.msgs[p.pos:])
		p.release(n)
	}
	p.s.mu.Unlock()
	err := writeAll(c.nc, control)
	done, straddled := 0, false
	if err == nil && n > 0 {
		done, straddled, err = c.w.WriteChunk(c.nc, p.batch.msgs[p.pos:p.pos+n])
	}
	p.s.mu.Lock()
	p.wrote(n, done, straddled)
	if err != nil {
		p.requeue()
		c.failLocked(err)
	}
}

// release frees the room of the next n messages of the batch, before they are written: a sender goes on meanwhile.
func (p *pipe) release(n int) {
	p.held -= n
	p.inflight += n
	if p.hasRoom() && p.s.mayFill(p) {
		p.s.out.activate(p)
		p.s.sendWait.wakeN(n)
		p.s.pat.relieved(p)
	}
	p.noteRelieved()
}

// wrote settles the account of n released messages, done of which the kernel (or the inproc peer) has whole.
func (p *pipe) wrote(n, done int, straddled bool) {
	p.inflight -= n
	for _, m := range p.written(done) {
		p.s.stats.written(&p.stats, payload(m))
	}
	if straddled {
		p.s.drop(p, p.batch.msgs[p.pos], DropWriteError)
		p.pos++
	}
}

func (p *pipe) written(n int) []zmq4.Msg {
	if n == 0 {
		return nil
	}
	p.pos += n
	return p.batch.msgs[p.pos-n : p.pos]
}

// requeue puts what a broken connection left of the batch back at the head, in order.
func (p *pipe) requeue() {
	if p.batch == nil {
		return
	}
	rest := p.batch.msgs[p.pos:]
	if len(rest) > 0 {
		back := &msgBuf{msgs: append([]zmq4.Msg(nil), rest...)}
		if p.out != nil {
			back.msgs = append(back.msgs, p.out.msgs...)
		}
		p.out = back
	}
	p.held = 0
	p.recycleBatch()
	if !p.hasRoom() {
		p.s.out.deactivate(p) // its room was given away when the batch began to be written
	}
}

// dropOutput counts everything that still waits as lost. No writer runs.
func (p *pipe) dropOutput(reason string) {
	p.requeue()
	if p.out == nil {
		return
	}
	for _, m := range p.out.msgs {
		p.s.drop(p, m, reason)
	}
	p.out = nil
}

// deliver queues as many of msgs as there is room for, waiting for room first, and returns how many it took from msgs;
// ok is false when the pipe has ended. Messages that the pattern consumes or discards need no room.
func (p *pipe) deliver(msgs []zmq4.Msg, c *conn) (n int, ok bool) {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if !p.waitRoom(c) {
		return 0, false
	}
	if s.closing {
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
		s.recvWait.wakeN(queued)
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
	if p.s.st.conflate && p.in.len() > 0 {
		old := p.in.pop()
		p.s.queuedBytes -= int64(old.size)
		p.taken()
		p.s.discard(p, old.msg, DropConflated)
	}
	p.in.push(it)
	p.s.queuedBytes += int64(it.size)
}

func (p *pipe) inHasRoom() bool {
	return p.s.st.conflate || p.in.len() < p.s.st.recvHWM && (p.s.bytesLeft(0) || p.conn.paid())
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
		if p.readable(c) && p.in.len() < p.s.st.recvHWM {
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
	p.in.popTo(to)
	s := p.s
	s.queuedBytes -= int64(to.size)
	p.taken()
	if p.in.len() == 0 {
		s.in.deactivate(p)
		if p.ended {
			s.in.remove(p)
		}
	}
	if p.in.len() <= s.st.recvHWM/2 {
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
