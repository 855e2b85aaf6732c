package socket

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/queue"
	"zmqbus/monitor"
)

// pipe is a bounded queue in each direction between the socket and one peer. A dialled pipe outlives its connections;
// an accepted one ends with its connection. The socket's lock guards every field, except that batch and pos belong to
// the running writer.
type pipe struct {
	s        *Socket
	ep       *endpoint
	accepted bool
	slot     [2]int  // places in the socket's rotations
	turn     [2]turn // and in their lines

	in       queue.Queue[item]
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
	p := &pipe{s: s, ep: ep, accepted: accepted, since: time.Now(), in: queue.Queue[item]{Pool: itemRings}}
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
// holds what both ends allow, from the first message on. When all is handed over there is room in any case: the other
// end took it within its own mark, which may have changed since the two met, and nobody wakes this end when it is read.
func (p *pipe) hasRoom() bool {
	hwm := p.s.st.sendHWM
	switch {
	case p.s.st.conflate:
		return true
	case p.peer == nil:
		return p.pending() < hwm
	case p.pending() == 0:
		return true
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
	return c != nil && !c.failed && c.mute == nil && (len(c.control) > 0 || !p.refused && (queued || !p.tell.empty()))
}
