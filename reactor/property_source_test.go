package reactor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/go-zeromq/zmq4"
	"pgregory.net/rapid"

	"zmqbus/socket"
)

var propNames atomic.Int64 // makes inproc names unique

// propSource is one source and the ledger of what it gave: the numbers 1, 2, ..., sent.
type propSource struct {
	id         ID
	direct     bool           // with a handler
	c          chan uint64    // a Go channel, or
	push, pull *socket.Socket // the two ends of an inproc connection
	sent       uint64

	paused, removed, closed bool // closed: c or pull

	got, back []uint64 // delivered; returned by Remove or UndeliveredError, which come after what was delivered
	ends      int      // Closed events
	late      int      // events after the first of them, or that Remove should have kept back
	onWay     int      // events that may come after Remove
}

// propPair returns two connected sockets.
func propPair(t *rapid.T, cfg *socket.Config) (push, pull *socket.Socket) {
	open := func(typ zmq4.SocketType) *socket.Socket {
		s, err := socket.New(context.Background(), typ, cfg)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	push, pull = open(zmq4.Push), open(zmq4.Pull)
	ep := fmt.Sprintf("inproc://property-%d", propNames.Add(1))
	if err := errors.Join(pull.Listen(ep), push.Dial(ep)); err != nil {
		t.Fatal(err)
	}
	return push, pull
}

func (s *propSource) send() bool {
	if s.c != nil {
		select {
		case s.c <- s.sent + 1:
			s.sent++
			return true
		default:
			return false
		}
	}
	b := binary.LittleEndian.AppendUint64(nil, s.sent+1)
	if s.push.TrySend(zmq4.NewMsg(b)) != nil {
		return false
	}
	s.sent++
	return true
}

func propNumber(e Event) (uint64, bool) {
	switch e := e.(type) {
	case Message:
		return binary.LittleEndian.Uint64(e.Msg.Frames[0]), true
	case Value:
		return e.Value.(uint64), true
	}
	return 0, false
}

// check compares what came out of a source, in whichever way, with what went in.
func (s *propSource) check(t *rapid.T) {
	all := slices.Concat(s.got, s.back)
	delivered := uint64(len(all))
	switch {
	case s.c != nil:
		for len(s.c) > 0 {
			all = append(all, <-s.c)
		}
	case s.closed:
	default:
		ctx, cancel := context.WithTimeout(context.Background(), propPatience)
		defer cancel()
		for uint64(len(all)) < s.sent {
			m, err := s.pull.RecvContext(ctx)
			if err != nil {
				t.Fatalf("%d of %d, then %v", len(all), s.sent, err)
			}
			all = append(all, binary.LittleEndian.Uint64(m.Frames[0]))
		}
		if m, err := s.pull.TryRecv(); !errors.Is(err, socket.ErrAgain) {
			t.Fatalf("then %v, %v", m, err)
		}
	}
	for i, n := range all {
		if n != uint64(i+1) {
			t.Fatalf("source %d gave %d in place of %d: got %v, returned %v", s.id, n, i+1, s.got, s.back)
		}
	}
	lost := uint64(0)
	if s.pull != nil && s.closed {
		s.stop() // so that the sender has no message left of which it does not know whether it got there
		in, out := s.pull.Stats().In, s.push.Stats().Out
		lost = in.Dropped + out.Dropped
		if in.Delivered != delivered {
			t.Fatalf("source %d delivered %d of the %d that left the socket", s.id, delivered, in.Delivered)
		}
	}
	if uint64(len(all))+lost != s.sent {
		t.Fatalf("source %d: %d sent, %d came, %d were dropped", s.id, s.sent, len(all), lost)
	}
	if s.ends > 1 || s.late > 0 || s.ends > 0 && !s.closed {
		t.Fatalf("source %d: closed %v, %d Closed events, %d events too late", s.id, s.closed, s.ends, s.late)
	}
}

func (s *propSource) stop() {
	if s.c == nil {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.push.CloseContext(ctx) // may tell of messages that nobody took
		_ = s.pull.CloseContext(ctx)
	}
}
