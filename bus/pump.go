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
	s.tellLosses()
	close(s.c)
	s.bus.forget(s)
	close(s.done)
	s.bus.running.Done()
}

// await blocks until an event waits, and reports false at the end.
func (s *Subscription[T]) await() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		s.sync()
		s.letIn()
		switch {
		case s.ended:
			return false
		case s.buf.ring.Len() > 0:
			s.idle = false
			return true
		case s.draining:
			s.finish(s.bus.closedError())
			return false
		}
		s.idle = true
		s.mu.Unlock()
		select {
		case <-s.wake:
		case <-s.stopped:
		}
		s.mu.Lock()
	}
}

// lookEvery is after how many events of its hand the pump looks whether somebody waits for the room that they had.
const lookEvery = 16

// moveAll takes what waits in one turn, and delivers it.
func (s *Subscription[T]) moveAll() bool {
	s.mu.Lock()
	s.buf.take(&s.hand)
	s.held.Store(int64(s.hand.Len()))
	s.mu.Unlock()
	var it item[T]
	for n := 1; s.hand.Len() > 0 && !s.halted.Load(); n++ {
		if n%lookEvery == 0 {
			s.look()
		}
		s.hand.PopTo(&it)
		if it.payload != nil && !s.decode(&it) {
			s.countUndecodable()
			s.owed += it.ev.Lost
			continue
		}
		it.ev.Lost, s.owed = it.ev.Lost+s.owed, 0
		if !s.send(&it) {
			return false
		}
		s.held.Add(-1)
	}
	return true
}

// look gives the room of what was delivered to those who wait.
func (s *Subscription[T]) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sync()
	s.letIn()
}

// send delivers one event. The try comes first, since a select costs more than twice as much.
func (s *Subscription[T]) send(it *item[T]) bool {
	select {
	case s.c <- it.ev:
		return true
	default:
	}
	s.look() // the reader may take its time
	select {
	case s.c <- it.ev:
		return true
	case <-s.stopped:
		return false
	}
}

// moveFront offers what has waited longest, and withdraws it when it is lost or replaced meanwhile.
func (s *Subscription[T]) moveFront() bool {
	var it item[T]
	s.mu.Lock()
	s.buf.show(&it)
	s.mu.Unlock()
	if it.payload != nil && !s.decode(&it) {
		s.mu.Lock()
		s.buf.endOffer(true)
		s.buf.owe(it.ev.Lost)
		s.buf.n.undecodable++
		s.mu.Unlock()
		return true
	}
	for {
		select {
		case s.c <- it.ev:
			s.endOffer(true)
			return true
		case <-s.wake:
			if s.withdrawn() {
				return true
			}
		case <-s.stopped:
			s.endOffer(false)
			return false
		}
	}
}

func (s *Subscription[T]) endOffer(delivered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf.endOffer(delivered)
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
	s.buf.endOffer(false)
	s.noteLosses()
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
