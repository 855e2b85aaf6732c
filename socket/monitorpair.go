package socket

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// noEvents is a mask without a type: libzmq takes a mask of 0 as that, a Stream as all.
const noEvents monitor.Type = 1 << 63

// monitorPair forwards events as libzmq's messages to an inproc endpoint.
type monitorPair struct {
	sock   *Socket
	stream *monitor.Stream
	encode func(monitor.Event) [][]byte
	ctx    context.Context // ends when the monitor stops: nothing is waited for any more
	cancel context.CancelFunc
	done   chan struct{}
}

// Lifecycle returns a new stream of the socket's events. A mask of 0 is monitor.All, libzmq's events; our own (SUBSCRIBED
// and so on) have to be named. Streams do not disturb each other or the socket; end one with Stop when it is no longer read. After
// Close it holds MONITOR_STOPPED and has ended.
func (s *Socket) Lifecycle(mask monitor.Type, opts ...monitor.Option) *monitor.Stream {
	return s.hub.Subscribe(mask, opts...)
}

// Monitor sends the events in mask to ep, an inproc endpoint that it binds: connect a PAIR socket of the same Inproc to
// it. Each event is one message of two frames, 16-bit event and 32-bit value in native order, then the endpoint
// (monitor.Decode reads them). As in libzmq a mask of 0 sends nothing, and up to 2,000 unread events are kept; then the
// oldest go, where libzmq would block. Several monitors may run at once. Errors: ErrClosed (ETERM), EPROTONOSUPPORT for
// another transport, EINVAL for a malformed endpoint or bits beyond 16, EADDRINUSE for a name that is taken; the
// monitor that holds it goes on. (zmq_socket_monitor(3))
func (s *Socket) Monitor(ep string, mask monitor.Type) error {
	return s.MonitorVersioned(ep, mask, 1, zmq4.Pair)
}

// MonitorVersioned is Monitor with a choice of format and socket type. Version 2 has 64-bit values, local and remote
// endpoint, PIPES_STATS, and our own events; typ is PAIR, PUB or PUSH. (zmq_socket_monitor_versioned(3))
func (s *Socket) MonitorVersioned(ep string, mask monitor.Type, version int, typ zmq4.SocketType) error {
	if err := s.startMonitor(ep, mask, version, typ); err != nil {
		return &OpError{Op: "monitor", Endpoint: ep, Err: err}
	}
	return nil
}

func (s *Socket) startMonitor(ep string, mask monitor.Type, version int, typ zmq4.SocketType) error {
	s.mu.Lock()
	closing := s.closing
	s.mu.Unlock()
	addr, err := parseEndpoint(ep)
	switch {
	case closing:
		return s.closedError()
	case err != nil:
		return err
	case addr.scheme != "inproc":
		return fmt.Errorf("monitors are inproc only: %w", syscall.EPROTONOSUPPORT)
	case version != 1 && version != 2:
		return fmt.Errorf("event version %d, want 1 or 2: %w", version, syscall.EINVAL)
	case version == 1 && mask > monitor.All:
		return fmt.Errorf("mask %#x has bits that version 1 cannot carry: %w", uint64(mask), syscall.EINVAL)
	case typ != zmq4.Pair && typ != zmq4.Pub && typ != zmq4.Push:
		return fmt.Errorf("monitor socket type %s, want PAIR, PUB or PUSH: %w", typ, syscall.EINVAL)
	}
	if mask == 0 {
		mask = noEvents
	}
	m := &monitorPair{encode: monitor.Encode, done: make(chan struct{})}
	if version == 2 {
		m.encode = monitor.EncodeV2
	}
	s.mu.Lock()
	cfg := &Config{Inproc: s.st.inproc, Linger: time.Second}
	s.mu.Unlock()
	if m.sock, err = New(context.WithoutCancel(s.parent), typ, cfg); err != nil {
		return err
	}
	if err := m.sock.listen(ep); err != nil {
		m.sock.Close()
		return err
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	if err := s.addMonitor(ep, mask, m); err != nil {
		m.sock.Close()
		return err
	}
	return nil
}

func (s *Socket) addMonitor(ep string, mask monitor.Type, m *monitorPair) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return s.closedError()
	}
	m.stream = s.hub.Subscribe(mask, monitor.Buffer(monitor.DefaultBuffer))
	s.monitors[ep] = m
	s.monitorGroup.Add(1)
	// Owner: the socket; ends when the stream does, which StopMonitor or Close ends.
	go func() {
		defer s.monitorGroup.Done()
		m.forward(s.stopping)
	}()
	return nil
}

// forward sends event after event until the stream ends. Once the monitor stops it waits for no reader: what is left
// goes past the high-water mark to a reader that is there, and is lost without one.
func (m *monitorPair) forward(stopping <-chan struct{}) {
	defer close(m.done)
	// The goroutine belongs to forward: it ends with the monitor.
	go func() {
		select {
		case <-stopping:
			m.cancel()
		case <-m.done:
		}
	}()
	for {
		m.awaitReader()
		e, ok := <-m.stream.C()
		if !ok {
			break
		}
		msg := zmq4.NewMsgFrom(m.encode(e)...)
		if m.sock.SendContext(m.ctx, msg) == nil {
			continue
		}
		_ = m.sock.SetOption("sndhwm", 0)
		_ = m.sock.TrySend(msg)
	}
	m.cancel()
	_ = m.sock.Close()
}

// awaitReader waits until an event can be handed over, so that none is in hand meanwhile: the stream alone decides which
// ones go when there are too many.
func (m *monitorPair) awaitReader() {
	s := m.sock
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.typ != zmq4.Pub && s.out.current() == nil {
		if s.waitFor(&s.sendWait, m.ctx, nil) != nil {
			return
		}
	}
}

// StopMonitor ends the monitor on ep, or all of them when ep is empty: MONITOR_STOPPED is its last message, if the mask
// has it. An unknown ep is no error. It returns when the name is free again. (zmq_socket_monitor(3) with NULL)
func (s *Socket) StopMonitor(ep string) error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return &OpError{Op: "stop monitor", Endpoint: ep, Err: s.closedError()}
	}
	var stopped []*monitorPair
	for name, m := range s.monitors {
		if ep == "" || ep == name {
			stopped = append(stopped, m)
			delete(s.monitors, name)
		}
	}
	s.mu.Unlock()
	for _, m := range stopped {
		m.stream.Stop()
		m.cancel()
		<-m.done
	}
	return nil
}

// RequestPipesStats records one PIPES_STATS event per pipe, with the messages queued outbound and inbound. Errors: EINVAL
// when nobody listens to PIPES_STATS, EAGAIN when there is no pipe. (zmq_socket_monitor_pipes_stats)
func (s *Socket) RequestPipesStats() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		return opError("pipes stats", s.closedError())
	case !s.hub.Wants(monitor.PipesStats):
		return opError("pipes stats", fmt.Errorf("no monitor takes PIPES_STATS: %w", syscall.EINVAL))
	}
	n := 0
	s.eachPipe(func(p *pipe) {
		n++
		e := p.event(monitor.PipesStats, 0)
		e.Queued = [2]uint64{uint64(p.unsent()), uint64(p.in.Len())}
		s.hub.Record(e)
	})
	if n == 0 {
		return opError("pipes stats", fmt.Errorf("no pipe: %w", ErrAgain))
	}
	return nil
}
