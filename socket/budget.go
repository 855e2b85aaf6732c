package socket

// bytesLeft reports whether n more inbound bytes fit into RecvBytes. When nothing whole waits for the user there is
// always room: no Recv could make any.
func (s *Socket) bytesLeft(n int) bool {
	return s.queuedBytes+s.partialBytes+int64(n) <= s.st.recvBytes || s.queuedBytes == 0 && n == 0
}

// reserve counts n bytes of a message that is still arriving, and waits while there is no room for them. So that not
// every connection waits for the others with half a message each, one at a time may go beyond the limit when nothing
// whole is queued: memory is bounded by RecvBytes and one MaxMsgSize.
func (c *conn) reserve(n int) error {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case c.failed:
			return c.cause
		case s.closing:
			return errLocal
		case s.overdraft == nil && s.queuedBytes == 0 && !s.bytesLeft(n):
			s.overdraft = c
		}
		if s.bytesLeft(n) || s.overdraft == c {
			c.hb.relax() // bytes came, though no message is whole yet
			s.partialBytes += int64(n)
			c.reserved += n
			return nil
		}
		c.suspend()
		s.waitOn(&s.byteWait)
		c.resume()
	}
}

// settle notes a sign of life after a read, and takes back what was reserved for messages that are whole now.
func (c *conn) settle() {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	c.hb.relax()
	if pending := c.dec.Pending(); pending != c.reserved {
		s.partialBytes -= int64(c.reserved - pending)
		c.reserved = pending
		if s.overdraft == c {
			s.overdraft = nil
			s.byteWait.wakeAll()
		}
	}
}

// releaseBytes wakes the read loops that wait for bytes, once it is worth it.
func (s *Socket) releaseBytes() {
	if len(s.byteWait.waiting) > 0 && (s.queuedBytes == 0 || s.queuedBytes+s.partialBytes <= s.st.recvBytes/2) {
		s.byteWait.wakeAll()
	}
}
