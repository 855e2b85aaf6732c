package socket

import (
	"errors"
	"log/slog"
	"syscall"
	"time"

	"zmqbus/monitor"
)

func (e *endpoint) revive() {
	if e.pipe.hasRoom() && e.s.mayFill(e.pipe) {
		e.s.out.activate(e.pipe)
		e.s.wakeSenders(everyone)
	}
	e.s.group.Go(e.dialLoop) // owner: the socket; ends with the endpoint
}

// scheduleRetry announces the next attempt and returns how long to wait for it; again is false when none follows. All
// of it is one step, so that Disconnect is not followed by CONNECT_RETRIED.
func (e *endpoint) scheduleRetry(out outcome, failures int) (wait time.Duration, again bool) {
	s := e.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if out.local || !e.willRetryLocked(out) {
		return 0, false
	}
	wait = s.retryInterval(failures)
	e.state = Retrying
	ev := e.attemptEvent(monitor.ConnectRetried, millis(wait))
	if out.conn != nil { // the connection that was lost
		ev = out.conn.event(monitor.ConnectRetried, millis(wait))
	}
	ev.Err, ev.Retry = reasonFor(out.err), true
	s.hub.Record(ev)
	return wait, true
}

// willRetry says whether another attempt follows (CONFORMANCE 1.3).
func (e *endpoint) willRetry(out outcome) bool {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	return e.willRetryLocked(out)
}

func (e *endpoint) willRetryLocked(out outcome) bool {
	st := &e.s.st
	switch {
	case e.bound || e.state == Ended || e.s.dead || st.reconnectInterval <= 0:
		return false
	case e.pipe.draining && st.reconnectStop&StopAfterDisconnect != 0:
		return false
	case out.protocol:
		return st.retryProtocolErrors
	case out.refused && isRefused(out.err):
		return st.reconnectStop&StopConnRefused == 0
	case out.handshake:
		return st.reconnectStop&StopHandshakeFailed == 0
	}
	return true
}

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// retryInterval is the wait before the k-th retry in a row, counted from 0: the interval doubles up to the maximum, if
// there is one, and jitter of up to one interval is added, as libzmq 4.3.4 does.
func (s *Socket) retryInterval(k int) time.Duration {
	base := s.st.reconnectInterval
	wait := base
	if limit := s.st.reconnectIntervalMax; limit > base {
		for ; k > 0 && wait < limit; k-- {
			wait = min(2*wait, limit)
		}
	}
	unit := time.Millisecond
	if base < unit {
		unit = time.Nanosecond
	}
	return wait + time.Duration(s.rand.Int64N(int64(base/unit)))*unit
}

// millis rounds up, so that a wait that is reported is never longer than said by a fraction.
func millis(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// finish ends the dial loop: the endpoint was disconnected, or it gives up and keeps its pipe for a later Dial.
func (e *endpoint) finish(out outcome) {
	s := e.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if out.local || e.state == Ended || e.pipe.draining || s.st.reconnectInterval <= 0 {
		e.remove()
		return
	}
	e.state = GaveUp
	s.out.deactivate(e.pipe) // else it would be chosen in turn, for nothing
	s.wakeSenders(everyone)  // who waits for this pipe waits in vain
	s.flushed.wakeAll()
	s.logLater(slog.LevelWarn, "endpoint gave up: no reconnect follows", "endpoint", e.addr.raw, "reason", out.err)
}
