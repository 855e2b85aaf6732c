package socket

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// watch connects a reader of the given type to a monitor of s.
func watch(t testing.TB, s *Socket, ep string, typ zmq4.SocketType) *Socket {
	t.Helper()
	r := open(t, typ, &Config{Inproc: s.cfg.Inproc})
	if typ == zmq4.Sub {
		if err := r.Subscribe(""); err != nil {
			t.Fatal(err)
		}
	}
	dial(t, r, ep)
	waitPeers(t, r, 1)
	return r
}

// decoded returns the next monitor message.
func decoded(t testing.TB, r *Socket) monitor.Event {
	t.Helper()
	m, err := r.RecvContext(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	e, err := monitor.Decode(m.Frames)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func startMonitor(t testing.TB, s *Socket, ep string, mask monitor.Type) {
	t.Helper()
	if err := s.Monitor(ep, mask); err != nil {
		t.Fatal(err)
	}
}

// TestMonitorFrames reads the two frames of the manual by hand.
func TestMonitorFrames(t *testing.T) {
	rep := open(t, zmq4.Rep, &Config{Inproc: NewInproc()})
	startMonitor(t, rep, "inproc://monitor.rep", monitor.All)
	r := watch(t, rep, "inproc://monitor.rep", zmq4.Pair)
	ep := bind(t, rep, "tcp://127.0.0.1:*")
	if err := rep.Close(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		event uint16
		ep    string
	}{{0x0008, ep}, {0x0080, ep}, {0x0400, ""}} {
		m, err := r.RecvContext(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Frames) != 2 || len(m.Frames[0]) != 6 {
			t.Fatalf("frames %q", m.Frames)
		}
		event, value := binary.NativeEndian.Uint16(m.Frames[0]), int32(binary.NativeEndian.Uint32(m.Frames[0][2:]))
		if event != test.event || string(m.Frames[1]) != test.ep || (value > 0) != (event != 0x0400) {
			t.Errorf("event %#x value %d at %q, want %#x at %q", event, value, m.Frames[1], test.event, test.ep)
		}
	}
}

func TestMonitorErrors(t *testing.T) {
	s := open(t, zmq4.Rep, &Config{Inproc: NewInproc()})
	startMonitor(t, s, "inproc://taken", monitor.All)
	closed := open(t, zmq4.Rep, nil)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		s       *Socket
		ep      string
		mask    monitor.Type
		version int
		typ     zmq4.SocketType
		want    error
	}{
		{s, "tcp://127.0.0.1:5555", monitor.All, 1, zmq4.Pair, syscall.EPROTONOSUPPORT},
		{s, "ipc://x", monitor.All, 1, zmq4.Pair, syscall.EPROTONOSUPPORT},
		{s, "bogus://x", monitor.All, 1, zmq4.Pair, syscall.EPROTONOSUPPORT},
		{s, "x", monitor.All, 1, zmq4.Pair, syscall.EINVAL},
		{s, "inproc://", monitor.All, 1, zmq4.Pair, syscall.EINVAL},
		{s, "inproc://x", 0x10000, 1, zmq4.Pair, syscall.EINVAL},
		{s, "inproc://x", 1<<64 - 1, 1, zmq4.Pair, syscall.EINVAL},
		{s, "inproc://x", monitor.Subscribed, 1, zmq4.Pair, syscall.EINVAL},
		{s, "inproc://x", monitor.All, 0, zmq4.Pair, syscall.EINVAL},
		{s, "inproc://x", monitor.All, 3, zmq4.Pair, syscall.EINVAL},
		{s, "inproc://x", monitor.All, 2, zmq4.Dealer, syscall.EINVAL},
		{s, "inproc://taken", monitor.All, 1, zmq4.Pair, syscall.EADDRINUSE},
		{closed, "inproc://x", monitor.All, 1, zmq4.Pair, ETERM},
		{closed, "tcp://x", monitor.All, 1, zmq4.Pair, ErrClosed},
	} {
		err := test.s.MonitorVersioned(test.ep, test.mask, test.version, test.typ)
		var op *OpError
		if !errors.Is(err, test.want) || !errors.As(err, &op) || op.Endpoint != test.ep {
			t.Errorf("%s %#x v%d %s: %v, want %v", test.ep, uint64(test.mask), test.version, test.typ, err, test.want)
		}
	}
	r := watch(t, s, "inproc://taken", zmq4.Pair) // whoever held the name still holds it
	bind(t, s, "tcp://127.0.0.1:*")
	if e := decoded(t, r); e.Type != monitor.Listening {
		t.Errorf("the first monitor says %v", e)
	}
}

func TestErrnoOfLibzmq(t *testing.T) {
	if ETERM != 156384765 || EFSM != 156384763 || !errors.Is(ErrClosed, ETERM) || !errors.Is(ErrState, EFSM) || errors.Is(ErrState, ETERM) {
		t.Error("ETERM and EFSM are not libzmq's")
	}
	if _, err := open(t, zmq4.Req, nil).TryRecv(); !errors.Is(err, EFSM) {
		t.Errorf("REQ receives first: %v", err)
	}
}

// TestMonitorMasks: only what is asked for, MONITOR_STOPPED included.
func TestMonitorMasks(t *testing.T) {
	for _, test := range []struct {
		mask monitor.Type
		want []monitor.Type
	}{
		{monitor.All, []monitor.Type{monitor.Listening, monitor.Closed, monitor.MonitorStopped}},
		{monitor.Closed, []monitor.Type{monitor.Closed}},
		{monitor.Listening | monitor.MonitorStopped, []monitor.Type{monitor.Listening, monitor.MonitorStopped}},
		{0, nil},
	} {
		bubble(t, func(g *stage) {
			s := g.actor("server", zmq4.Rep, Config{Inproc: NewInproc()})
			startMonitor(g.t, s.Socket, "inproc://m", test.mask)
			r := watch(g.t, s.Socket, "inproc://m", zmq4.Pair)
			s.listen(g.ep)
			s.end()
			for _, typ := range test.want {
				if e := decoded(g.t, r); e.Type != typ {
					t.Errorf("mask %#x: %v, want %v", uint64(test.mask), e, typ)
				}
			}
			synctest.Wait()
			if m, err := r.TryRecv(); err == nil {
				t.Errorf("mask %#x: then %q", uint64(test.mask), m.Frames)
			}
		})
	}
}

// TestMonitorKeepsTheNewest: without a reader the socket goes on, and 2,000 events wait for one; the oldest went.
func TestMonitorKeepsTheNewest(t *testing.T) {
	for _, n := range []int{1000, 2000, 2500} { // events before MONITOR_STOPPED
		bubble(t, func(g *stage) {
			s := g.actor("server", zmq4.Rep, Config{Inproc: NewInproc()})
			startMonitor(g.t, s.Socket, "inproc://m", monitor.All)
			for i := range n / 2 {
				ep := fmt.Sprint("tcp://127.0.0.1:", i+1)
				s.listen(ep)
				if err := s.Unbind(ep); err != nil {
					g.t.Fatal(err)
				}
			}
			synctest.Wait()
			r := watch(g.t, s.Socket, "inproc://m", zmq4.Pair)
			kept := min(n, monitor.DefaultBuffer)
			for i := n - kept; i < n; i++ {
				typ, ep := monitor.Listening, fmt.Sprint("tcp://127.0.0.1:", i/2+1)
				if i%2 == 1 {
					typ = monitor.Closed
				}
				if e := decoded(g.t, r); e.Type != typ || e.Endpoint != ep {
					t.Fatalf("event %d of %d: %v, want %v %s", i, n, e, typ, ep)
				}
			}
			if err := s.StopMonitor(""); err != nil {
				t.Error(err)
			}
			if e := decoded(g.t, r); e.Type != monitor.MonitorStopped {
				t.Errorf("then %v", e)
			}
			s.stream.Stop() // its buffer is too small for all of this
			s.closed = true
		})
	}
}

// TestMonitorReaderIsSlow: a reader that is there and does not read blocks nothing, and MONITOR_STOPPED reaches it last.
func TestMonitorReaderIsSlow(t *testing.T) {
	bubble(t, func(g *stage) {
		s := g.actor("server", zmq4.Rep, Config{Inproc: NewInproc()})
		startMonitor(g.t, s.Socket, "inproc://m", monitor.All)
		r := watch(g.t, s.Socket, "inproc://m", zmq4.Pair)
		const events = 10_000
		for range events / 2 {
			s.listen(g.ep)
			if err := s.Unbind(g.ep); err != nil {
				g.t.Fatal(err)
			}
		}
		s.closed = true
		begin := time.Now()
		if err := s.Close(); err != nil || time.Since(begin) != 0 {
			t.Errorf("closed after %v: %v", time.Since(begin), err)
		}
		n := 0
		for e := decoded(g.t, r); e.Type != monitor.MonitorStopped; e = decoded(g.t, r) {
			n++
		}
		if n < monitor.DefaultBuffer || n >= events {
			t.Errorf("%d of %d events were kept", n, events)
		}
		synctest.Wait()
		if m, err := r.TryRecv(); err == nil {
			t.Errorf("after MONITOR_STOPPED: %q", m.Frames)
		}
	})
}

// TestMonitorReadersComeAndGo: the next reader gets what happens after the last one went.
func TestMonitorReadersComeAndGo(t *testing.T) {
	bubble(t, func(g *stage) {
		s := g.actor("server", zmq4.Rep, Config{Inproc: NewInproc()})
		startMonitor(g.t, s.Socket, "inproc://m", monitor.Listening|monitor.Closed)
		for i := range 3 {
			r := watch(g.t, s.Socket, "inproc://m", zmq4.Pair)
			ep := fmt.Sprint("tcp://127.0.0.1:", i+1)
			s.listen(ep)
			if e := decoded(g.t, r); e.Type != monitor.Listening || e.Endpoint != ep {
				t.Errorf("reader %d: %v", i, e)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if err := s.Unbind(ep); err != nil {
				t.Error(err)
			}
			next := watch(g.t, s.Socket, "inproc://m", zmq4.Pair)
			if e := decoded(g.t, next); e.Type != monitor.Closed || e.Endpoint != ep {
				t.Errorf("reader after %d: %v", i, e)
			}
			if err := next.Close(); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
	})
}

// TestTwoMonitors: both see everything; stopping one ends it alone and frees its name.
func TestTwoMonitors(t *testing.T) {
	bubble(t, func(g *stage) {
		s := g.actor("server", zmq4.Rep, Config{Inproc: NewInproc()})
		var readers []*Socket
		for _, ep := range []string{"inproc://one", "inproc://two"} {
			startMonitor(g.t, s.Socket, ep, monitor.All)
			readers = append(readers, watch(g.t, s.Socket, ep, zmq4.Pair))
		}
		s.listen(g.ep)
		for range 2 { // stopping again, or what is unknown, is no error
			if err := s.StopMonitor("inproc://one"); err != nil {
				t.Error(err)
			}
		}
		startMonitor(g.t, s.Socket, "inproc://one", monitor.All)
		again := watch(g.t, s.Socket, "inproc://one", zmq4.Pair)
		s.end()
		all := []monitor.Type{monitor.Listening, monitor.Closed, monitor.MonitorStopped}
		for i, want := range [][]monitor.Type{{monitor.Listening, monitor.MonitorStopped}, all, all[1:]} {
			r := append(readers, again)[i]
			for _, typ := range want {
				if e := decoded(g.t, r); e.Type != typ {
					t.Errorf("reader %d: %v, want %v", i, e, typ)
				}
			}
		}
	})
}
