package socket

import (
	"fmt"
	"time"

	"zmqbus/monitor"
)

// While read loops wait for bytes, a connection that holds some with a message under way has to bring stallBytes of it
// in each stallTime. Else a few peers that stop in mid-message could hold all of RecvBytes for ever.
const (
	stallTime  = 10 * time.Second
	stallBytes = 64 << 10
)

// bytesLeft reports whether n more inbound bytes fit into RecvBytes. When nothing whole waits for the user there is
// always room: no Recv could make any.
func (s *Socket) bytesLeft(n int) bool {
	return s.queuedBytes+s.partialBytes+int64(n) <= s.st.recvBytes || s.queuedBytes == 0 && n == 0
}

// paid reports whether the message that c is about to queue is counted already.
func (c *conn) paid() bool { return c != nil && c.dec != nil && c.reserved > c.dec.Pending() }

// reserve counts n bytes of a message that is still arriving, and waits while there is no room for them. So that not
// every connection waits for the others with half a message each, one at a time may go beyond the limit when nothing
// whole is queued: memory is bounded by RecvBytes and one MaxMsgSize. So it is while Close flushes: what is queued stays
// then, and what comes is read and dropped, since a peer that cannot write may not read either.
func (c *conn) reserve(n int) error {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case c.failed:
			return c.cause
		case s.overdraft == nil && (s.queuedBytes == 0 || s.closing) && !s.bytesLeft(n):
			s.overdraft = c
		}
		if s.bytesLeft(n) || s.overdraft == c {
			c.hb.relax() // bytes came, though no message is whole yet
			s.partialBytes += int64(n)
			c.reserved += n
			return nil
		}
		s.watchStalls()
		c.suspend()
		s.waitOn(&s.byteWait)
		c.resume()
	}
}

// settle takes back what was reserved for messages that are in the pipe's queue now.
func (c *conn) settle() {
	pending := c.dec.Pending()
	if c.reserved == pending {
		return
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.partialBytes -= int64(c.reserved - pending)
	c.reserved = pending
	if s.overdraft == c {
		s.overdraft = nil
		s.byteWait.wakeAll()
	}
	s.releaseBytes()
}

// releaseBytes wakes the read loops that wait for bytes, once it is worth it.
func (s *Socket) releaseBytes() {
	if len(s.byteWait.waiting) > 0 && (s.queuedBytes == 0 || s.queuedBytes+s.partialBytes <= s.st.recvBytes/2) {
		s.byteWait.wakeAll()
	}
}

// watchStalls looks at all connections that hold bytes, now and after stallTime, for as long as read loops wait for
// bytes.
func (s *Socket) watchStalls() {
	if s.stalls != nil || s.dead {
		return
	}
	for _, c := range s.conns {
		c.watched, c.mark = c.reserved > 0 && !c.hb.stalled, c.r.Received()
	}
	s.stalls = time.AfterFunc(stallTime, s.cutStalled) // ends when nobody waits; reads and changes nothing after Close
}

func (s *Socket) cutStalled() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stalls = nil
	if len(s.byteWait.waiting) == 0 {
		return
	}
	for _, c := range s.conns {
		if s.partialBytes > s.st.recvBytes/2 && c.watched && c.reserved > 0 && c.r.Received()-c.mark < stallBytes {
			c.failLocked(fmt.Errorf("holds %d bytes of RecvBytes, and less than %d came in %v: %w",
				c.reserved, stallBytes, stallTime, monitor.ErrTimeout))
		}
	}
	s.watchStalls()
}
