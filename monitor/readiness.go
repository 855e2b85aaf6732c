package monitor

import "zmqbus/internal/readiness"

// Readiness returns [readiness.In] while an event can be taken, by Next or from C, without blocking, and an error that
// matches [ErrClosed] once the stream has ended and its last event was taken. It does not block, and takes nothing;
// another reader may be faster. Taking the last event of a stream that has ended wakes nobody: a waiter that did not
// want In sees the end when it looks again. With Notify and Forget it makes a stream a source that package poller can
// wait for.
func (s *Stream) Readiness() (readiness.Events, error) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	switch {
	case len(s.ch) > 0:
		return readiness.In, nil
	case s.ended:
		return 0, ErrClosed
	}
	return 0, nil
}

// Notify registers w: when it is armed, it is woken after an event has come, or the stream has ended. Its wake function
// runs under the hub's lock, and must neither block nor call the hub or a stream of it. Notify does not block; a second
// one with the same w changes nothing, and after the end it wakes nobody: Readiness says that it is over.
func (s *Stream) Notify(w *readiness.Waiter) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.waiters.Add(w)
}

// Forget takes back Notify: when it has returned, the stream no longer wakes w. An unknown w is ignored.
func (s *Stream) Forget(w *readiness.Waiter) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.waiters.Remove(w)
}
