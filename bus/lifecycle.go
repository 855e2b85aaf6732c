package bus

import (
	"slices"

	"zmqbus/monitor"
	"zmqbus/reactor"
	"zmqbus/socket"
)

// Lifecycle returns a stream of what happens to the links' connections, as libzmq's monitor events with what a socket's
// Lifecycle tells besides, and of what subscriptions lose: DROPPED, if mask names it, with the subscription's name as
// Endpoint, its prefix as Topic, and the policy as Reason; losses that come close together are told together. mask and
// opts are those of socket.Socket.Lifecycle: 0 means libzmq's events, and monitor.WithSnapshot begins with what stands.
// A slow reader loses the oldest events, counted; it never holds up the bus. Stop a stream that is no longer read. The
// end of a link by its own Close tells CLOSED for its listener and nothing for its connections, as in libzmq;
// MONITOR_STOPPED comes with the end of the bus, and to a stream that is asked for later at once. Should more than 2,000
// events of one link come faster than the bus takes them, the oldest are lost with a warning in the log. It does not
// block.
func (b *Bus) Lifecycle(mask monitor.Type, opts ...monitor.Option) *monitor.Stream {
	return b.hub.Subscribe(mask, opts...)
}

// Peer is one peer that is connected to a link now.
type Peer struct {
	Link   string // the link's endpoint
	Import bool   // the peer publishes to us; else it is a subscriber of an export
	socket.PeerInfo
}

// Peers returns the peers of all links that are connected now, handshake done; none after Close. It does not block.
func (b *Bus) Peers() []Peer {
	b.mu.Lock()
	links := slices.Clone(b.links)
	b.mu.Unlock()
	var peers []Peer
	for _, l := range links {
		for _, p := range l.sock.Peers() {
			peers = append(peers, Peer{Link: l.Endpoint(), Import: l.imports, PeerInfo: p})
		}
	}
	return peers
}

// linkEvents are what a link tells the bus: libzmq's events and our own.
const linkEvents = monitor.All | monitor.Subscribed | monitor.Unsubscribed | monitor.Full | monitor.Relieved | monitor.Dropped | monitor.Refused

// What follows runs on the reactor's goroutine, as what is in import.go does.

// lifecycle hands a socket's event on to the bus's listeners.
func (l *Link) lifecycle(e reactor.Event) error {
	switch e := e.(type) {
	case reactor.Lifecycle:
		if e.Event.Lost > 0 {
			l.missed(e.Event.Lost)
		}
		if l.keep(e.Event) {
			l.bus.hub.Record(e.Event)
		}
	case reactor.Closed:
		l.tellMalformed()
		for c := range l.standing {
			l.bus.hub.Forget(c)
		}
		close(l.ended)
	}
	return nil
}

// keep notes what stands, so that it can be forgotten with the link, and tells those who wait for subscribers. It reports
// whether the event is news: after a loss, reconcile may have told it already.
func (l *Link) keep(e monitor.Event) bool {
	known, stands := l.standing[e.Conn]
	switch e.Type {
	case monitor.Listening, monitor.Accepted, monitor.Connected:
		if stands {
			return false
		}
		l.standing[e.Conn] = e.Type
	case monitor.HandshakeSucceeded:
		if known == e.Type {
			return false
		}
		l.standing[e.Conn] = e.Type
	case monitor.Closed, monitor.CloseFailed, monitor.Disconnected:
		delete(l.standing, e.Conn)
	}
	switch e.Type {
	case monitor.Subscribed, monitor.Unsubscribed, monitor.Disconnected:
		l.bus.announceChange()
	}
	return true
}

// missed notes that lifecycle events were lost, of which the socket had more at once than its stream has room for. What
// stands is looked up once for all losses that come together.
func (l *Link) missed(n uint64) {
	if !l.warned { // once: it is a peer who would fill the log
		l.warned = true
		l.bus.log.Warn("lifecycle events of a link are lost: too many at once", "endpoint", l.Endpoint(), "count", n)
	}
	if !l.reconciling {
		l.reconciling = l.bus.reactor.Post(l.reconcile) == nil // an error: the bus ends
	}
}

// reconcile brings what stands up to date after events were lost: what ended is forgotten, what began is told.
func (l *Link) reconcile() {
	l.reconciling = false
	l.bus.announceChange() // a subscription may be among them
	now := l.sock.Lifecycle(monitor.All, monitor.WithSnapshot(), monitor.Buffer(1))
	now.Stop()
	stands := map[monitor.ConnID]bool{}
	for e := range now.C() {
		if e.Snapshot {
			stands[e.Conn] = true
			if l.keep(e) {
				l.bus.hub.Record(e)
			}
		}
	}
	for c := range l.standing {
		if !stands[c] {
			delete(l.standing, c)
			l.bus.hub.Forget(c)
		}
	}
}
