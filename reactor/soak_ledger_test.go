package reactor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/go-zeromq/zmq4"
)

// deliver enters an event in the ledger.
func (s *soakSource) deliver(st *soakStint, e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.closed {
		s.fault = fmt.Sprintf("%T after Closed", e)
	}
	switch e := e.(type) {
	case Message, Value:
		n, _ := propNumber(e)
		st.got = append(st.got, n)
	case Lifecycle:
		if e.Event.Seq != st.seq+1+e.Event.Lost {
			s.fault = fmt.Sprintf("lifecycle event %d after %d, %d lost", e.Event.Seq, st.seq, e.Event.Lost)
		}
		st.seq = e.Event.Seq
	case Readiness:
		s.readPipe()
	case Tick:
		s.ticks += e.Count
	case Closed:
		st.closed = true
	}
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

// giveBack enters what the reactor returned. Descriptors and timers have nothing to lose: a descriptor is as ready as
// before, and a tick that nobody waits for is none.
func (s *soakSource) giveBack(st *soakStint, events []Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range events {
		if n, ok := propNumber(e); ok {
			st.back = append(st.back, n)
		}
	}
}

// readPipe reads all there is. The caller holds mu.
func (s *soakSource) readPipe() {
	for !s.gone {
		b, ok := s.fd.read()
		if !ok {
			return
		}
		if s.bytes++; b != byte(s.bytes) {
			s.fault = fmt.Sprintf("byte %d is %d", s.bytes, b)
		}
	}
}

// missing is how many numbers have not come out yet.
func (s *soakSource) missing() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.missingLocked()
}

func (s *soakSource) missingLocked() uint64 {
	out := s.bytes + uint64(len(s.left))
	for _, st := range s.stints {
		out += uint64(len(st.got) + len(st.back))
	}
	return s.sent - out
}

// collect takes what is left in a source that is out of the reactor, and waits for what Events still holds.
func (s *soakSource) collect() error {
	var messages <-chan zmq4.Msg
	values := s.values
	switch {
	case s.pull != nil && !s.ended:
		messages = s.pull.C()
	case s.fd != nil:
		s.mu.Lock()
		s.readPipe()
		s.mu.Unlock()
	}
	lost := uint64(0)
	if s.pull != nil && s.ended {
		_ = s.push.Close() // so that it has no message left of which it does not know whether it got there
		lost = s.pull.Stats().In.Dropped + s.push.Stats().Out.Dropped
	}
	for s.missing() != lost {
		select {
		case m := <-messages:
			s.left = append(s.left, binary.LittleEndian.Uint64(m.Frames[0]))
		case v, ok := <-values:
			if ok {
				s.left = append(s.left, v)
			} else {
				values = nil
			}
		case <-s.poke:
		case <-time.After(propPatience):
			return fmt.Errorf("%s: %d of %d numbers are missing, %d were dropped", s.kind, s.missing(), s.sent, lost)
		}
	}
	return s.check()
}

// check looks at the order of what came out.
func (s *soakSource) check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != "" {
		return errors.New(s.kind + ": " + s.fault)
	}
	last := uint64(0)
	for i, st := range append(s.stints, &soakStint{got: s.left}) {
		for _, n := range append(st.got, st.back...) {
			if last++; n != last {
				return fmt.Errorf("%s: stint %d gave %d in place of %d: %v, returned %v", s.kind, i+1, n, last, st.got, st.back)
			}
		}
	}
	return nil
}

// soakCounts is what the log tells.
type soakCounts struct {
	reactors, sources, stints, ended                int
	sent, delivered, returned, left, dropped, ticks int // returned: by Remove and Wait
}

// add enters the account of a source that is settled, although a handler's last call may still run.
func (c *soakCounts) add(s *soakSource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.sources++
	c.sent += int(s.sent)
	c.left += len(s.left)
	c.dropped += int(s.missingLocked())
	c.delivered += int(s.bytes)
	c.ticks += s.ticks
	if s.ended {
		c.ended++
	}
	for _, st := range s.stints {
		c.stints++
		c.delivered += len(st.got)
		c.returned += len(st.back)
	}
}
