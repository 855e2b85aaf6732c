package socket

import (
	"cmp"
	"log/slog"
	"slices"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// Reasons for a dropped message, as Stats counts them and DROPPED events name them.
const (
	DropFull         = "full"         // the pipe was at its high-water mark, and the pattern does not wait
	DropUnroutable   = "unroutable"   // ROUTER: no such peer
	DropDisconnected = "disconnected" // the peer went, and its pipe with it
	DropWriteError   = "write error"  // partly written when the connection broke
	DropLinger       = "linger"       // not flushed before the socket ended
	DropClosed       = "closed"       // received, and not taken before Close
	DropConflated    = "conflated"    // replaced by a newer message
	DropStale        = "stale"        // REQ: a reply that nobody waits for
	DropMalformed    = "malformed"    // without the envelope that the pattern needs
	DropUnexpected   = "unexpected"   // the type receives no such message
	DropFiltered     = "filtered"     // SUB: no subscription matches (any more)
	DropSubscription = "subscription" // a subscription beyond MaxSubscriptions
	DropOut          = "out"          // could not be sent from the channel of Out
)

// OutStats counts messages on their way out: Accepted = Written + Dropped + Queued at any time. A message that PUB gives to
// three peers counts three times; one that nobody subscribed to does not count.
type OutStats struct {
	Accepted, Written, Dropped, Queued uint64 // messages
	AcceptedBytes, WrittenBytes        uint64 // payload: bytes of the frames
}

// InStats counts messages on their way in: Received = Delivered + Dropped + Queued at any time. Subscriptions that a
// publisher takes in count as delivered.
type InStats struct {
	Received, Delivered, Dropped, Queued uint64 // messages
	ReceivedBytes, DeliveredBytes        uint64 // payload
}

// Stats is a snapshot of a socket's counters since New.
type Stats struct {
	Out     OutStats          // to all peers there were
	In      InStats           // from all peers there were
	Dropped map[string]uint64 // by reason, both directions: DropFull, ...
	Peers   []PeerInfo        // those there now
}

// PeerInfo tells of one peer that is connected now.
type PeerInfo struct {
	Conn          monitor.ConnID // as in events and RecvFrom
	Endpoint      string         // as events name it
	Local, Remote string         // both ends
	Accepted      bool           // by a listener; else dialled
	Refused       bool           // connected and unread: another holds its place
	Since         time.Time      // when the connection was made
	Peer          monitor.Peer   // what the handshake told
	Subscriptions int            // publishers: how many topics the peer has subscribed to
	Out           OutStats       // of the pipe: for a dialled peer since Dial, reconnects included
	In            InStats        // likewise
}

// counters are the running totals of a socket or a pipe. The socket's lock guards them.
type counters struct {
	out     OutStats
	in      InStats
	reasons map[string]uint64 // the socket's only
}

func (t *counters) accepted(p *counters, size int) {
	t.out.Accepted++
	t.out.AcceptedBytes += uint64(size)
	p.out.Accepted++
	p.out.AcceptedBytes += uint64(size)
}

func (t *counters) written(p *counters, n, size int) {
	t.out.Written += uint64(n)
	t.out.WrittenBytes += uint64(size)
	p.out.Written += uint64(n)
	p.out.WrittenBytes += uint64(size)
}

func (t *counters) received(p *counters, size int) {
	t.in.Received++
	t.in.ReceivedBytes += uint64(size)
	p.in.Received++
	p.in.ReceivedBytes += uint64(size)
}

func (t *counters) delivered(p *counters, size int) {
	t.in.Delivered++
	t.in.DeliveredBytes += uint64(size)
	p.in.Delivered++
	p.in.DeliveredBytes += uint64(size)
}

// drop counts an accepted outbound message as lost. p may be nil.
func (s *Socket) drop(p *pipe, m zmq4.Msg, reason string) {
	s.stats.out.Dropped++
	if p != nil {
		p.stats.out.Dropped++
	}
	if s.closing {
		s.unsent.Messages++
		s.unsent.Bytes += int64(payload(m))
	}
	s.noteDrop(p, reason, 1)
}

// dropNew counts a message that was accepted and lost in one step.
func (s *Socket) dropNew(p *pipe, m zmq4.Msg, reason string) {
	var none counters
	if p == nil {
		s.stats.accepted(&none, payload(m))
	} else {
		s.stats.accepted(&p.stats, payload(m))
	}
	s.drop(p, m, reason)
}

// discard counts a received message as lost that did not leave its pipe for the user. It returns false, for pattern.accept to return.
func (s *Socket) discard(p *pipe, m zmq4.Msg, reason string) bool {
	s.stats.in.Dropped++
	p.stats.in.Dropped++
	if reason != DropFiltered {
		s.logLater(slog.LevelDebug, "received message discarded", "endpoint", p.endpoint(), "reason", reason, "bytes", payload(m))
	}
	s.noteDrop(p, reason, 1)
	return false
}

// undeliver counts a message as lost that had left its pipe's queue and did not reach the user. A subscription on its
// way to XPUB's user, which has no size, was delivered when the socket applied it.
func (s *Socket) undeliver(it item, reason string) {
	if it.size == 0 {
		return
	}
	s.stats.in.Delivered--
	s.stats.in.DeliveredBytes -= uint64(payload(it.msg))
	s.stats.in.Dropped++
	s.noteDrop(nil, reason, 1)
}

// Stats returns a snapshot of the counters. It does not block.
func (s *Socket) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{Out: s.stats.out, In: s.stats.in, Dropped: make(map[string]uint64, len(s.stats.reasons)), Peers: s.peers()}
	for reason, n := range s.stats.reasons {
		st.Dropped[reason] = n
	}
	st.Out.Queued = st.Out.Accepted - st.Out.Written - st.Out.Dropped
	st.In.Queued = st.In.Received - st.In.Delivered - st.In.Dropped
	return st
}

// Peers returns the peers that are connected now, handshake done, oldest connection first. It does not block.
func (s *Socket) Peers() []PeerInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peers()
}

func (s *Socket) peers() []PeerInfo {
	var infos []PeerInfo
	s.eachPipe(func(p *pipe) {
		if p.joined() {
			infos = append(infos, p.info())
		}
	})
	slices.SortFunc(infos, func(a, b PeerInfo) int { return cmp.Compare(a.Conn, b.Conn) })
	return infos
}

// eachPipe visits every pipe that has not ended.
func (s *Socket) eachPipe(visit func(*pipe)) {
	for _, e := range s.endpoints {
		if e.pipe != nil {
			visit(e.pipe)
		}
		for p := range e.pipes {
			visit(p)
		}
	}
}

func (p *pipe) info() PeerInfo {
	in := PeerInfo{
		Conn: p.connID(), Endpoint: p.endpoint(), Accepted: p.accepted, Refused: p.refused, Since: p.since,
		Peer: p.peerInfo, Subscriptions: len(p.topics), Out: p.stats.out, In: p.stats.in,
	}
	in.Out.Queued = uint64(p.unsent())
	in.In.Queued = uint64(p.in.Len())
	if c := p.conn; c != nil {
		in.Local, in.Remote, in.Since = c.local, c.remote, c.since
	}
	return in
}
