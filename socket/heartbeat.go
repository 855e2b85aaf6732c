package socket

import (
	"fmt"
	"time"

	"zmqbus/internal/zmtp"
	"zmqbus/monitor"
)

// heartbeat watches one connection: it sends PING at the interval and ends the connection when nothing at all came
// within the timeout of one, or within the TTL that the peer's own PING asked for (RFC 37, ZMQ_HEARTBEAT_*). The
// socket's lock guards it. Timers do the work: an idle connection costs no goroutine for it.
type heartbeat struct {
	c        *conn
	interval *time.Timer
	deadline *time.Timer // runs from a PING to the next sign of life
	ttl      *time.Timer // runs from the peer's PING to the next sign of life
	mute     *time.Timer // runs from a failed write, for as long as nothing is read
	stalled  bool        // the read loop waits for room and can see no sign of life
	unread   time.Time   // since when PONGs wait to be written
	half     bool        // the interval timer has run half an interval
	pinged   bool        // the batch that is being read has a PING: the TTL that it began is not over with the batch
}

// floodTime: who has us pile up maxControl of unread PONGs in less than this is cut.
const floodTime = time.Minute

// start sends the first PING one interval after the handshake. The timer runs twice as fast: while the read loop waits
// for room no PONG is sent, and PINGs alone tell the peer that we live. Both ends began at the same time, so that with a
// timeout of one interval, the default, a PING per interval would come just as the peer's patience ends.
func (h *heartbeat) start() {
	if d := h.c.s.st.heartbeatInterval; d > 0 {
		h.interval = time.AfterFunc(d/2, h.ping)
	}
}

func (h *heartbeat) stop() {
	for _, t := range []*time.Timer{h.interval, h.deadline, h.ttl, h.mute} {
		if t != nil {
			t.Stop()
		}
	}
	h.interval, h.deadline, h.ttl, h.mute = nil, nil, nil, nil
}

func (h *heartbeat) ping() {
	c := h.c
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.failed || h.interval == nil {
		return
	}
	st := &c.s.st
	h.interval.Reset(st.heartbeatInterval / 2)
	if h.half = !h.half; h.half && !h.stalled {
		return
	}
	// A PING that finds the queue of commands full is as good as sent: the deadline decides.
	_ = c.sendControl(zmtp.AppendPing(nil, st.heartbeatTTL, nil))
	if h.deadline == nil && !h.stalled && st.heartbeatTimeout > 0 {
		h.arm(&h.deadline, st.heartbeatTimeout, "no answer to PING for %v: %w")
	}
}

// arm starts one of the deadlines. A timer that fired while relax stopped it finds itself replaced. Bytes of a
// message that is not whole yet are a sign of life too, and begin a new term.
func (h *heartbeat) arm(slot **time.Timer, d time.Duration, format string) {
	seen := h.c.r.Received()
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		h.c.s.mu.Lock()
		defer h.c.s.mu.Unlock()
		if *slot != t {
			return
		}
		if got := h.c.r.Received(); got != seen || h.stalled {
			seen = got
			t.Reset(d)
			return
		}
		h.c.failLocked(fmt.Errorf(format, d, monitor.ErrTimeout))
	})
	*slot = t
}

// relax notes a sign of life: it stops the deadlines that one ends.
func (h *heartbeat) relax() {
	if h.deadline != nil {
		h.deadline.Stop()
		h.deadline = nil
	}
	if h.ttl != nil {
		h.ttl.Stop()
		h.ttl = nil
	}
}

// heard notes that a batch was read.
func (h *heartbeat) heard() {
	h.c.s.mu.Lock()
	defer h.c.s.mu.Unlock()
	if !h.pinged {
		h.relax()
	}
	h.pinged = false
}

// pinged answers a PING with its context, and takes its TTL as our deadline for this peer.
func (c *conn) pinged(ttl time.Duration, context []byte) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.hb.relax()
	c.hb.pinged = true
	if ttl > 0 && !c.failed {
		c.hb.arm(&c.hb.ttl, ttl, "peer silent for longer than its TTL of %v: %w")
	}
	if len(c.control) == 0 {
		c.hb.unread = time.Now()
	}
	err := c.sendControl(zmtp.AppendPong(nil, context))
	if err != nil && time.Since(c.hb.unread) > floodTime {
		return nil // a slow consumer, not a flood: it has enough PONGs to read when it goes on
	}
	return err
}

// suspend stops the deadlines while the read loop waits for room.
func (c *conn) suspend() {
	if c != nil {
		c.watched = false
		c.hb.stalled = true
		c.hb.relax()
	}
}

func (c *conn) resume() {
	if c != nil {
		c.hb.stalled = false
	}
}
