package socket

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// TestMonitorVersion2: both ends of a connection name the same pair of endpoints, mirrored, over each type of monitor.
func TestMonitorVersion2(t *testing.T) {
	for typ, reader := range map[zmq4.SocketType]zmq4.SocketType{zmq4.Pair: zmq4.Pair, zmq4.Pub: zmq4.Sub, zmq4.Push: zmq4.Pull} {
		t.Run(string(typ), func(t *testing.T) {
			bubble(t, func(g *stage) {
				spaces := Config{Inproc: NewInproc()}
				s, c := g.actor("server", zmq4.Dealer, spaces), g.actor("client", zmq4.Dealer, spaces)
				var readers []*Socket
				for _, a := range []*actor{s, c} {
					ep := "inproc://" + a.name
					if err := a.MonitorVersioned(ep, monitor.All, 2, typ); err != nil {
						g.t.Fatal(err)
					}
					readers = append(readers, watch(g.t, a.Socket, ep, reader))
				}
				synctest.Wait() // a SUB's subscription has arrived
				s.listen(g.ep)
				c.dial(g.ep)
				c.await(monitor.HandshakeSucceeded)
				s.await(monitor.HandshakeSucceeded)
				s.end()
				c.await(monitor.Closed)
				c.await(monitor.ConnectRetried)
				c.end()
				const server, client = "tcp://127.0.0.1:5555", "tcp://127.0.0.1:40000"
				expect := func(r *Socket, typ monitor.Type, local, remote string) {
					t.Helper()
					if e := decoded(g.t, r); e.Type != typ || e.Local != local || e.Remote != remote {
						t.Errorf("%v from %q to %q, want %v from %q to %q", e.Type, e.Local, e.Remote, typ, local, remote)
					}
				}
				expect(readers[0], monitor.Listening, server, "")
				expect(readers[0], monitor.Accepted, server, client)
				expect(readers[0], monitor.HandshakeSucceeded, server, client)
				expect(readers[0], monitor.Closed, server, "")
				expect(readers[0], monitor.MonitorStopped, "", "")
				expect(readers[1], monitor.ConnectDelayed, "", server)
				expect(readers[1], monitor.Connected, client, server)
				expect(readers[1], monitor.HandshakeSucceeded, client, server)
				expect(readers[1], monitor.Disconnected, client, server)
				expect(readers[1], monitor.ConnectRetried, client, server) // what is tried again
				expect(readers[1], monitor.ConnectDelayed, "", server)
				expect(readers[1], monitor.Closed, "", server)
				expect(readers[1], monitor.ConnectRetried, "", server)
				expect(readers[1], monitor.MonitorStopped, "", "")
			})
		})
	}
}

// TestRequestPipesStats: one event per pipe, with what is queued in it.
func TestRequestPipesStats(t *testing.T) {
	bubble(t, func(g *stage) {
		s := g.actor("server", zmq4.Dealer, Config{Inproc: NewInproc()})
		if err := s.RequestPipesStats(); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("without a monitor: %v", err)
		}
		if err := s.MonitorVersioned("inproc://m", monitor.PipesStats, 2, zmq4.Pair); err != nil {
			g.t.Fatal(err)
		}
		r := watch(g.t, s.Socket, "inproc://m", zmq4.Pair)
		if err := s.RequestPipesStats(); !errors.Is(err, ErrAgain) || !errors.Is(err, syscall.EAGAIN) {
			t.Errorf("without a pipe: %v", err)
		}
		s.listen(g.ep)
		c := g.actor("client", zmq4.Dealer, Config{})
		c.dial(g.ep)
		s.await(monitor.HandshakeSucceeded)
		for i := range 3 {
			send(g.t, c.Socket, fmt.Sprint(i))
		}
		s.dial("tcp://127.0.0.1:1") // nobody is there: what it gets stays queued
		for i := range 10 {
			send(g.t, s.Socket, fmt.Sprint(i)) // five each
		}
		synctest.Wait()
		if err := s.RequestPipesStats(); err != nil {
			t.Error(err)
		}
		seen := map[[2]uint64]int{}
		for range 2 {
			e := decoded(g.t, r)
			if e.Type != monitor.PipesStats {
				t.Errorf("%v", e)
			}
			seen[e.Queued]++
		}
		if seen[[2]uint64{0, 3}] != 1 || seen[[2]uint64{5, 0}] != 1 {
			t.Errorf("queued (out, in): %v, want 0, 3 and 5, 0", seen)
		}
		if err := s.StopMonitor(""); err != nil {
			t.Error(err)
		}
		if err := s.RequestPipesStats(); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("after StopMonitor: %v", err)
		}
		_ = s.CloseContext(ended())
		s.closed = true
	})
}

// TestMonitorAgreesWithStream compares a monitor's messages with a stream's.
func TestMonitorAgreesWithStream(t *testing.T) {
	bubble(t, func(g *stage) {
		s := g.actor("server", zmq4.Dealer, Config{Inproc: NewInproc()})
		startMonitor(g.t, s.Socket, "inproc://m", monitor.All)
		r := watch(g.t, s.Socket, "inproc://m", zmq4.Pair)
		s.listen(g.ep)
		c := g.actor("client", zmq4.Dealer, Config{})
		c.dial(g.ep)
		s.await(monitor.HandshakeSucceeded)
		c.end()
		s.await(monitor.Disconnected)
		s.end()
		for _, e := range s.events {
			m, err := r.RecvContext(testContext(g.t))
			if err != nil {
				g.t.Fatal(err)
			}
			if want := monitor.Encode(e); !bytes.Equal(bytes.Join(m.Frames, nil), bytes.Join(want, nil)) {
				t.Errorf("%v came as %q, want %q", e, m.Frames, want)
			}
		}
	})
}
