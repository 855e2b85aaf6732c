package bus

import "time"

// slowness watches how long a subscription with policy Block has been full: from the first that had to wait until the
// buffer is half empty again, which is when libzmq's pipes take up again too. The subscription's lock guards it.
type slowness struct {
	since  time.Time // zero: it is not full
	warned bool      // of this time
	timer  *time.Timer
	armed  bool
}

// begin is called when somebody has to wait. The timer is left running when that is over, since a fast consumer's
// buffer is full many times in a second; it looks when it fires.
func (l *slowness) begin(limit time.Duration, warn func()) {
	if limit < 0 || !l.since.IsZero() {
		return
	}
	l.since, l.warned = time.Now(), false
	l.arm(limit, warn)
}

func (l *slowness) arm(d time.Duration, warn func()) {
	switch {
	case l.armed:
		return
	case l.timer == nil:
		l.timer = time.AfterFunc(d, warn) // its goroutine is the subscription's, and looks once
	default:
		l.timer.Reset(d)
	}
	l.armed = true
}

// relieve ends the time of being full, if over says so.
func (l *slowness) relieve(over bool) {
	if over {
		l.since = time.Time{}
	}
}

// due is what the timer's function asks, once each time: whether to warn now.
func (l *slowness) due(limit time.Duration, warn func()) bool {
	l.armed = false
	if l.since.IsZero() || l.warned {
		return false
	}
	if rest := limit - time.Since(l.since); rest > 0 { // full anew since the timer was set
		l.arm(rest, warn)
		return false
	}
	l.warned = true
	return true
}

func (l *slowness) end() {
	l.since = time.Time{}
	if l.timer != nil {
		l.timer.Stop()
	}
}

// relieved reports whether nobody waits and the buffer is half empty. The caller holds mu.
func (s *Subscription[T]) relieved() bool {
	return !s.slow.since.IsZero() && len(s.line) == 0 && 2*s.buf.depth() <= s.buf.size
}

// warnSlow names the subscription, if it has been full for Config.Slow. It runs on the timer's goroutine.
func (s *Subscription[T]) warnSlow() {
	s.mu.Lock()
	s.sync()
	s.slow.relieve(s.relieved())
	due := s.slow.due(s.bus.slow, s.warnSlow)
	since, waiting, links := s.slow.since, len(s.line), []string{}
	for _, b := range s.line {
		if b.w.link != "" {
			links = append(links, b.w.link)
		}
	}
	s.mu.Unlock()
	if due {
		s.bus.log.Warn("slow subscription: who publishes to it has to wait", "subscription", s.name, "prefix", s.prefx,
			"full for", time.Since(since), "waiting", waiting, "links not read", links)
	}
}
