package socket

// waitlist holds the goroutines that wait for one condition. The lock that guards the condition guards the list. It
// does what sync.Cond cannot: a waiter may also select on a context.
type waitlist struct {
	waiting []*waiter
	free    []*waiter // reused: a blocked call costs no allocation
}

// waiter is one waiting goroutine; its channel has room for the one token that wakes it.
type waiter struct {
	ch chan struct{}
}

// add registers the caller, which then releases the lock, waits on ch, takes the lock again and calls done.
func (l *waitlist) add() *waiter {
	var w *waiter
	if n := len(l.free); n > 0 {
		w, l.free = l.free[n-1], l.free[:n-1]
	} else {
		w = &waiter{ch: make(chan struct{}, 1)}
	}
	l.waiting = append(l.waiting, w)
	return w
}

// wake wakes the goroutine that has waited longest.
func (l *waitlist) wake() {
	if len(l.waiting) == 0 {
		return
	}
	w := l.waiting[0]
	copy(l.waiting, l.waiting[1:])
	l.waiting = l.waiting[:len(l.waiting)-1]
	w.ch <- struct{}{} // never blocks: one token per registration
}

// wakeN wakes up to n goroutines.
func (l *waitlist) wakeN(n int) {
	for range min(n, len(l.waiting)) {
		l.wake()
	}
}

func (l *waitlist) wakeAll() { l.wakeN(len(l.waiting)) }

// done ends a registration. A waiter that gave up although it had been woken passes the token on, so that no wake-up
// is lost; served says that it did not give up.
func (l *waitlist) done(w *waiter, served bool) {
	for i, x := range l.waiting {
		if x == w {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			l.recycle(w)
			return
		}
	}
	select {
	case <-w.ch:
	default:
	}
	if !served {
		l.wake()
	}
	l.recycle(w)
}

func (l *waitlist) recycle(w *waiter) {
	if len(l.free) < 4 {
		l.free = append(l.free, w)
	}
}

// waitOn waits to be woken through l. The caller holds the socket's lock, which is released meanwhile.
func (s *Socket) waitOn(l *waitlist) {
	w := l.add()
	s.mu.Unlock()
	<-w.ch
	s.mu.Lock()
	l.done(w, true)
}
