package bus

import (
	"time"

	"zmqbus/monitor"
)

// lossDelay is how long losses are collected into one DROPPED event.
const lossDelay = 10 * time.Millisecond

// losses announces what a subscription's policy loses. The subscription's lock guards it.
type losses struct {
	told  uint64 // were announced
	alarm alarm
}

// noteLosses announces soon what was lost and is not told. What nobody wants to know is not told later. The caller holds
// mu.
func (s *Subscription[T]) noteLosses() {
	switch lost := s.buf.lost(); {
	case lost == s.losses.told || s.losses.alarm.on:
	case s.bus.hub.Wants(monitor.Dropped):
		s.losses.alarm.set(lossDelay, s.tellLossesLater)
	default:
		s.losses.told = lost
	}
}

// tellLossesLater runs on the alarm's goroutine.
func (s *Subscription[T]) tellLossesLater() {
	defer s.bus.running.Done()
	s.mu.Lock()
	s.losses.alarm.rang()
	s.mu.Unlock()
	s.tellLosses()
}

// tellLosses records what was lost since it last did, as one event.
func (s *Subscription[T]) tellLosses() {
	s.mu.Lock()
	n := s.buf.lost() - s.losses.told
	s.losses.told += n
	s.mu.Unlock()
	if n > 0 {
		s.bus.hub.Record(monitor.Event{
			Type: monitor.Dropped, Endpoint: s.name, Topic: s.filter, Count: n, Reason: s.buf.policy.String(),
		})
	}
}
