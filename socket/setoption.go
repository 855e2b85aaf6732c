package socket

import (
	"fmt"
	"strings"
)

// SetOption sets an option by libzmq's name, in any case and with or without ZMQ_, to libzmq's value: a number, a bool, a
// string or bytes, a time.Duration, or a string that holds a number. It takes effect for connections made later, and at once where the
// option is about calls (timeouts, LINGER, HWM, the REQ, ROUTER and XPUB modes). Besides the options of docs/options.md it knows
// SUBSCRIBE and UNSUBSCRIBE, and HWM for both high-water marks, as zmq4 does. Errors: ErrOption (EINVAL) with the
// known names, or saying what the option takes; ErrClosed. (zmq_setsockopt(3))
func (s *Socket) SetOption(name string, value any) error {
	if err := s.setOption(optionKey(name), name, value); err != nil {
		return &OpError{Op: "set option", Err: err}
	}
	return nil
}

func optionKey(name string) string {
	return strings.TrimPrefix(strings.ToLower(name), "zmq_")
}

func (s *Socket) setOption(key, name string, value any) error {
	switch key {
	case "subscribe", "unsubscribe":
		topic, err := toBytes(value)
		if err != nil {
			return fmt.Errorf("%w: %s takes a string or bytes: %v", ErrOption, name, err)
		}
		return s.changeSubscription(key, topic, key == "subscribe")
	case "hwm":
		if err := s.setOption("sndhwm", "sndhwm", value); err != nil {
			return err
		}
		return s.setOption("rcvhwm", "rcvhwm", value)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return s.closedError()
	}
	cfg := s.cfg
	if err := cfg.set(s.typ, name, value); err != nil {
		return err
	}
	if err := cfg.validate(s.typ); err != nil {
		return err
	}
	s.cfg, s.st = cfg, cfg.settings()
	s.applySettings()
	return nil
}

// applySettings lets waiters look again: marks may have been raised.
func (s *Socket) applySettings() {
	s.eachPipe(func(p *pipe) {
		if p.hasRoom() && s.mayFill(p) {
			s.out.activate(p)
		} else {
			s.out.deactivate(p)
		}
		p.inRoom.wakeAll()
	})
	s.byteWait.wakeAll()
	s.wakeSenders(everyone)
}

// mayFill reports whether messages may queue on p now: not on an endpoint that gave up, nor for an inproc peer that
// closes, nor, with Immediate, before it is connected.
func (s *Socket) mayFill(p *pipe) bool {
	return !p.peerGone && (p.accepted || p.ep.state != GaveUp) && (!s.st.immediate || p.accepted || p.joined())
}

// reachable reports whether a message for p's peer may be queued, for the patterns that choose a peer themselves.
func (s *Socket) reachable(p *pipe) bool { return !p.ended && !p.draining && s.mayFill(p) }

// GetOption returns an option by libzmq's name as libzmq's value: an int, or a string for bytes. Besides those of
// docs/options.md it knows TYPE and LAST_ENDPOINT. Errors: ErrOption. (zmq_getsockopt(3))
func (s *Socket) GetOption(name string) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch optionKey(name) {
	case "type":
		return string(s.typ), nil
	case "last_endpoint":
		if n := len(s.endpoints); n > 0 {
			return s.endpoints[n-1].resolved, nil
		}
		return "", nil
	case "hwm":
		name = "sndhwm"
	}
	v, err := s.cfg.get(name)
	if err != nil {
		return nil, &OpError{Op: "get option", Err: err}
	}
	return v, nil
}
