package socket

import "zmqbus/internal/readiness"

// AdapterStats is a snapshot of an adapter's counters since NewAdapter.
type AdapterStats struct {
	Received   uint64 // messages that the socket's Recv returned
	Dropped    uint64 // of these, found at the end with no place to go
	Queued     int    // of these, not taken yet
	Commands   uint64 // ZMTP commands that zmq4 does not answer, such as PING
	PeerErrors uint64 // errors of Recv that did not end the socket: a peer that went, or broke the protocol
	LastError  error  // the newest of them, nil when there was none
}

// Stats returns a snapshot of the counters. It does not block.
func (a *Adapter) Stats() AdapterStats {
	a.mu.Lock()
	defer a.mu.Unlock()
	st := a.stats
	st.Queued = len(a.ch)
	return st
}

// Readiness returns what the adapter is ready for now: In while its queue holds a message and nobody has claimed it, Out
// while it is open and its type can send; for REQ and REP, when it is their turn. zmq4 does not tell whether a peer has
// room, or is there: Send may still block. It does not block. After the end, when nothing is left that Recv would return,
// the error matches ErrClosed. Who takes a message from the channel itself and not by Recv wakes no waiter: a REQ or REP
// that may send now, or an end that shows now, is seen by a waiter when it looks again.
//
// It is what package poller asks; a program uses poller.Poll, poller.Poller or the reactor.
func (a *Adapter) Readiness() (readiness.Events, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var ev readiness.Events
	if len(a.ch) > 0 && a.reader == nil {
		ev |= readiness.In
	}
	if a.sends() && !a.closing && (!a.lockstep() || a.maySend()) {
		ev |= readiness.Out
	}
	if ev == 0 && a.ended {
		return 0, opError("poll", a.closedErrorLocked())
	}
	return ev, nil
}

// Notify registers w to be woken when the adapter becomes ready, or ends. It does not block. See package poller.
func (a *Adapter) Notify(w *readiness.Waiter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiters.Add(w)
}

// Forget takes back Notify; an unknown w is ignored. It does not block.
func (a *Adapter) Forget(w *readiness.Waiter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiters.Remove(w)
}
