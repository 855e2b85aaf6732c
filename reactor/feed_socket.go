package reactor

import (
	"errors"

	"zmqbus/internal/readiness"
	"zmqbus/monitor"
	"zmqbus/socket"
)

// reader is who reads a claimed socket or adapter.
type reader interface {
	Take(to []socket.Received, w *readiness.Waiter) (int, error)
	Release()
}

// messageFeed takes messages, a batch under one lock of the socket.
type messageFeed struct {
	claim  func() (reader, error)
	reader reader
	waiter *readiness.Waiter
	id     ID
	batch  []socket.Received // the reactor's, shared by all
}

func messagesOf(s *socket.Socket) *messageFeed {
	return &messageFeed{claim: func() (reader, error) {
		if s == nil {
			return nil, ErrSource
		}
		return s.Claim()
	}}
}

func adapted(a *socket.Adapter) *messageFeed {
	return &messageFeed{claim: func() (reader, error) {
		if a == nil {
			return nil, ErrSource
		}
		return a.Claim()
	}}
}

func (m *messageFeed) start(r *Reactor, f *feed) (err error) {
	m.id, m.batch = f.entry.id, r.batch[:]
	m.waiter = readiness.NewWaiter(f.place.Join)
	m.reader, err = m.claim()
	return err
}

func (m *messageFeed) take(to []Event) (int, state, error) {
	got := m.batch[:len(to)]
	n, err := m.reader.Take(got, m.waiter)
	if err != nil {
		return 0, over, disorder(err)
	}
	for i := range got[:n] {
		to[i] = Message{m.id, got[i].Msg, got[i].Conn}
		got[i] = socket.Received{}
	}
	if n == len(to) {
		return n, more, nil
	}
	return n, idle, nil
}

func (m *messageFeed) release() { m.reader.Release() }

// disorder returns err unless it only says that the socket was closed.
func disorder(err error) error {
	var op *socket.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	if err == socket.ErrClosed {
		return nil
	}
	return err
}

// lifecycleFeed takes the events of a stream of its own.
type lifecycleFeed struct {
	subscribe func() (*monitor.Stream, error)
	stream    *monitor.Stream
	waiter    *readiness.Waiter
	id        ID
	last      uint64 // Seq of the event taken last
}

func lifecycleOf(s *socket.Socket, mask monitor.Type, opts []monitor.Option) *lifecycleFeed {
	return &lifecycleFeed{subscribe: func() (*monitor.Stream, error) {
		if s == nil {
			return nil, ErrSource
		}
		return s.Lifecycle(mask, opts...), nil
	}}
}

func (l *lifecycleFeed) start(_ *Reactor, f *feed) (err error) {
	l.id = f.entry.id
	if l.stream, err = l.subscribe(); err != nil {
		return err
	}
	l.waiter = readiness.NewWaiter(f.place.Join)
	l.stream.Notify(l.waiter)
	return nil
}

func (l *lifecycleFeed) take(to []Event) (int, state, error) {
	armed := false
	for n := 0; n < len(to); {
		select {
		case e, ok := <-l.stream.C():
			if ok {
				e.Lost = e.Seq - l.last - 1
				l.last = e.Seq
				to[n] = Lifecycle{l.id, e}
				n++
			} else if n == 0 {
				return 0, over, nil
			} else {
				return n, more, nil
			}
		default:
			if armed {
				return n, idle, nil
			}
			l.waiter.Arm(readiness.In) // and then looks again
			armed = true
		}
	}
	return len(to), more, nil
}

func (l *lifecycleFeed) release() { l.stream.Stop() }
