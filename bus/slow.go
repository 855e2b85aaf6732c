package bus

import "time"

// slowness watches how long a subscription with policy Block has been full: from the first that had to wait until the
// buffer is half empty again, which is when libzmq's pipes take up again too. The subscription's lock guards it.
type slowness struct {
	since  time.Time // zero: it is not full
	warned bool      // of this time
	alarm  alarm     // left on when the time is over, since a fast consumer's buffer is full many times in a second
}

// begin is called when somebody has to wait.
func (l *slowness) begin(limit time.Duration, warn func()) {
	if limit >= 0 && l.since.IsZero() {
		l.since, l.warned = time.Now(), false
		l.alarm.set(limit, warn)
	}
}

// relieve ends the time of being full, if over says so.
func (l *slowness) relieve(over bool) {
	if over {
		l.since = time.Time{}
	}
}

// due is what the alarm's function asks: whether to warn now. waiting tells whether somebody waits just now. Otherwise
// it looks again later, if there may be reason to.
func (l *slowness) due(limit time.Duration, waiting bool, warn func()) bool {
	if l.since.IsZero() || l.warned {
		return false
	}
	rest := limit - time.Since(l.since) // more than nothing: it was full anew since the alarm was set
	if rest <= 0 && waiting {
		l.warned = true
		return true
	}
	l.alarm.set(max(rest, limit/8), warn)
	return false
}

func (l *slowness) end() {
	l.since = time.Time{}
	l.alarm.clear()
}

// relieved reports whether nobody waits and the buffer is half empty. The caller holds mu.
func (s *Subscription[T]) relieved() bool {
	return !s.slow.since.IsZero() && len(s.line) == 0 && 2*s.buf.depth() <= s.buf.size
}

// warnSlow names the subscription, if it has been full for Config.Slow. It runs on the alarm's goroutine.
func (s *Subscription[T]) warnSlow() {
	defer s.bus.running.Done()
	s.mu.Lock()
	s.slow.alarm.rang()
	s.sync()
	s.slow.relieve(s.relieved())
	due := !s.ended && s.slow.due(s.bus.slow, len(s.line) > 0, s.warnSlow)
	since, waiting, links := s.slow.since, len(s.line), []string{}
	for _, b := range s.line {
		if b.w.link != "" {
			links = append(links, b.w.link)
		}
	}
	s.mu.Unlock()
	if due {
		s.bus.log.Warn("slow subscription: who publishes to it has to wait", "subscription", s.name, "prefix", s.filter,
			"full for", time.Since(since), "waiting", waiting, "links not read", links)
	}
}
