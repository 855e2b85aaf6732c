package bus

import (
	"slices"
	"time"

	"zmqbus/monitor"
	"zmqbus/reactor"
	"zmqbus/socket"
)

// What follows runs on the reactor's goroutine, which all links of a bus share, and never blocks.

// receive gives an imported message to the subscriptions.
func (l *Link) receive(e reactor.Event) error {
	m, ok := e.(reactor.Message)
	if !ok {
		return nil // Closed: the socket has ended
	}
	if len(m.Msg.Frames) != 2 {
		l.dropMalformed(m.Conn)
		return nil
	}
	topic, payload := m.Msg.Frames[0], m.Msg.Frames[1]
	if payload == nil {
		payload = []byte{}
	}
	r := l.routes.getBytes(l.bus.table.Load(), topic)
	event := raw{topic: r.topic, payload: payload, time: time.Now(), source: Source{l.Endpoint(), m.Conn}}
	l.received.Add(1)
	for _, s := range r.direct {
		s.offerRaw(event, nil)
	}
	l.giveBlocking(event, r.block)
	return nil
}

// malformedDelay is how long malformed messages are collected into one DROPPED event: a flood of them must not push
// other events out of their streams.
const malformedDelay = 10 * time.Millisecond

// dropMalformed counts a message, and announces it soon.
func (l *Link) dropMalformed(conn monitor.ConnID) {
	l.malformed.Add(1)
	l.culprit = conn
	if l.telling {
		return
	}
	_, err := l.bus.reactor.Handle(reactor.After(malformedDelay), func(reactor.Event) error {
		l.tellMalformed()
		return nil
	})
	l.telling = err == nil // else the reactor is about to end, and what ends the link tells
}

// tellMalformed announces the malformed messages that nobody was told of yet.
func (l *Link) tellMalformed() {
	l.telling = false
	n := l.malformed.Load() - l.told
	if n == 0 {
		return
	}
	l.told += n
	l.bus.hub.Record(monitor.Event{
		Type: monitor.Dropped, Endpoint: l.Endpoint(), Conn: l.culprit, Count: n, Reason: socket.DropMalformed,
	})
}

// giveBlocking gives an event to subscriptions with policy Block. At the first that is full the link is not read until
// that one has taken it, and goes on with the others then.
func (l *Link) giveBlocking(event raw, block []sink) {
	for i, s := range block {
		if s.offerRaw(event, nil) != waits {
			continue
		}
		w := &waiter{link: l.Endpoint()}
		w.resume = func(out outcome) {
			// The subscription's lock is held. An error means that the reactor has ended, after all subscriptions.
			_ = l.bus.reactor.Post(func() {
				l.undelivered = l.undelivered || out == gone && l.bus.closing.Load()
				l.giveBlocking(event, block[i+1:])
			})
		}
		if s.offerRaw(event, w) == waits {
			l.wait(true)
			return
		}
	}
	l.wait(false)
}

// wait stops and resumes reading.
func (l *Link) wait(on bool) {
	if on != l.waiting {
		l.waiting = on
		l.paused.Store(on)
		// Both fail only when the source is gone: nothing is read then anyway.
		if on {
			_ = l.bus.reactor.Pause(l.messages)
		} else {
			_ = l.bus.reactor.Resume(l.messages)
		}
	}
	l.settle()
}

// stopReading reads nothing any more; settled tells when what was read has been given.
func (l *Link) stopReading() {
	if l.imports {
		_, _ = l.bus.reactor.Remove(l.messages) // an error means that it was removed, or has ended
		_ = l.bus.reactor.Post(func() {         // an error: the bus has ended
			l.stopping = true
			l.settle()
		})
	}
}

func (l *Link) settle() {
	if l.stopping && !l.waiting && !l.isSettled {
		l.isSettled = true
		close(l.settled)
		l.bus.mu.Lock()
		defer l.bus.mu.Unlock()
		if i := slices.Index(l.bus.settling, l); i >= 0 {
			l.bus.settling = slices.Delete(l.bus.settling, i, i+1)
		}
	}
}

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
