package bus

// pump moves events from the buffer to the channel, decodes those that came as bytes, and is the channel's only sender
// and closer. It is the subscription's goroutine, started by Subscribe; it ends when the subscription is stopped, or is
// drained and empty.
func (s *Subscription[T]) pump() {
	step := s.moveAll
	if s.buf.policy.replaces() {
		step = s.moveFront
	}
	for s.await() && step() {
	}
	s.discard()
	s.announce()
	close(s.c)
	s.bus.forget(s)
	close(s.done)
	s.bus.pumps.Done()
}

// await blocks until an event waits, and reports false at the end. What was lost meanwhile it announces.
func (s *Subscription[T]) await() bool {
	s.mu.Lock()
	for {
		s.sync()
		s.admit()
		if s.ended {
			s.mu.Unlock()
			return false
		}
		if s.buf.ring.Len() > 0 {
			break
		}
		if s.draining {
			s.finish(s.bus.closedError())
			s.mu.Unlock()
			return false
		}
		if s.buf.lost() != s.told { // tell it now: the next event may be long in coming
			s.mu.Unlock()
			s.announce()
			s.mu.Lock()
			continue
		}
		s.idle = true
		s.mu.Unlock()
		select {
		case <-s.wake:
		case <-s.stopped:
		}
		s.mu.Lock()
	}
	s.idle = false
	s.announced = false
	untold := s.buf.lost() != s.told
	s.mu.Unlock()
	if untold {
		s.announce()
	}
	return true
}

// moveAll takes what waits in one turn, and delivers it.
func (s *Subscription[T]) moveAll() bool {
	s.mu.Lock()
	s.buf.take(&s.hand)
	s.held.Store(int64(s.hand.Len()))
	s.mu.Unlock()
	var it item[T]
	for s.hand.Len() > 0 {
		s.hand.PopTo(&it)
		if it.payload != nil {
			if s.over() {
				return false
			}
			if !s.decode(&it) {
				s.countUndecodable()
				s.owed += it.ev.Lost
				continue
			}
		}
		it.ev.Lost, s.owed = it.ev.Lost+s.owed, 0
		if !s.send(&it) {
			return false
		}
		s.held.Add(-1)
	}
	return true
}

// send delivers one event. The try comes first, since a select costs more than twice as much.
func (s *Subscription[T]) send(it *item[T]) bool {
	select {
	case s.c <- it.ev:
		return true
	default:
	}
	s.mu.Lock()
	s.sync()
	s.admit()
	s.mu.Unlock()
	for {
		select {
		case s.c <- it.ev:
			return true
		case <-s.wake: // something was lost
			s.announce()
		case <-s.stopped:
			return false
		}
	}
}

// over reports whether the subscription was stopped. It is asked before each decoding, which may take its time.
func (s *Subscription[T]) over() bool {
	select {
	case <-s.stopped:
		return true
	default:
		return false
	}
}

// moveFront offers what has waited longest, and withdraws it when it is lost or replaced meanwhile.
func (s *Subscription[T]) moveFront() bool {
	var it item[T]
	s.mu.Lock()
	s.buf.offer(&it)
	s.mu.Unlock()
	if it.payload != nil && !s.decode(&it) {
		s.mu.Lock()
		s.buf.settle(true)
		s.buf.owe(it.ev.Lost)
		s.buf.n.undecodable++
		s.mu.Unlock()
		return true
	}
	for {
		select {
		case s.c <- it.ev:
			s.settle(true)
			return true
		case <-s.wake:
			if s.withdrawn() {
				return true
			}
			s.announce()
		case <-s.stopped:
			s.settle(false)
			return false
		}
	}
}

func (s *Subscription[T]) settle(delivered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf.settle(delivered)
	if delivered {
		s.buf.n.delivered++
	}
}

// withdrawn ends the offer if it went stale.
func (s *Subscription[T]) withdrawn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.buf.replaced {
		return false
	}
	s.buf.settle(false)
	return true
}

// decode turns a payload into a value, or tells the hook why not.
func (s *Subscription[T]) decode(it *item[T]) bool {
	v, err := s.codec.Decode(it.payload)
	if err == nil {
		it.ev.Value, it.payload = v, nil
		return true
	}
	if s.hook != nil {
		s.hook(&DecodeError{Subscription: s.name, Topic: it.ev.Topic, Payload: it.payload, Source: it.ev.Source, Err: err})
	}
	return false
}

func (s *Subscription[T]) countUndecodable() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held.Add(-1)
	s.sync()
	s.buf.n.delivered--
	s.buf.n.undecodable++
}

// discard drops what is left at the end.
func (s *Subscription[T]) discard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sync()
	s.buf.n.discarded += uint64(s.buf.depth())
	s.buf.held = 0
	s.held.Store(0)
	for s.buf.ring.Len() > 0 {
		s.buf.pop()
	}
	for s.hand.Len() > 0 {
		s.hand.Pop()
	}
}
