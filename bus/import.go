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
