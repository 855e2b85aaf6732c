package socket

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// TestStreamsAgree: two streams see one order, one with a mask sees its part of it, and one that begins late what comes
// after; with a snapshot it also knows what stands.
func TestStreamsAgree(t *testing.T) {
	bubble(t, func(g *stage) {
		s := g.actor("server", zmq4.Dealer, Config{})
		twin, part := s.Lifecycle(monitor.All), s.Lifecycle(monitor.Accepted|monitor.Closed)
		s.listen(g.ep)
		gone, stays := g.actor("gone", zmq4.Dealer, Config{}), g.actor("stays", zmq4.Dealer, Config{RoutingID: "stays"})
		for _, c := range []*actor{gone, stays} {
			c.dial(g.ep)
			s.await(monitor.HandshakeSucceeded)
		}
		gone.end()
		s.await(monitor.Disconnected)
		late, informed := s.Lifecycle(0), s.Lifecycle(0, monitor.WithSnapshot())
		stays.end()
		s.await(monitor.Disconnected)
		s.end()
		types := func(st *monitor.Stream) string {
			var names []string
			for e := range st.C() {
				name := e.Type.String()
				if e.Snapshot {
					name += "*"
				}
				if e.Seq != uint64(len(names)+1) {
					t.Errorf("%v has number %d", e, e.Seq)
				}
				names = append(names, name)
			}
			return strings.Join(names, " ")
		}
		for i, e := range s.events {
			if other, err := twin.Next(testContext(g.t)); err != nil || other.Seq != e.Seq || other.Type != e.Type || other.Conn != e.Conn || !other.Time.Equal(e.Time) {
				t.Errorf("event %d is %v to one stream and %v to the other", i, e, other)
			}
		}
		for want, st := range map[string]*monitor.Stream{
			"ACCEPTED ACCEPTED CLOSED":            part,
			"DISCONNECTED CLOSED MONITOR_STOPPED": late,
			"LISTENING* ACCEPTED* HANDSHAKE_SUCCEEDED* DISCONNECTED CLOSED MONITOR_STOPPED": informed,
		} {
			if got := types(st); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
	})
}

// TestSnapshotForgetsSilentEnds: what this side ended has no event, and stands no more.
func TestSnapshotForgetsSilentEnds(t *testing.T) {
	bubble(t, func(g *stage) {
		s, c := g.pair(Config{}, Config{})
		c.await(monitor.HandshakeSucceeded)
		s.await(monitor.HandshakeSucceeded)
		standing := func(a *actor) int {
			synctest.Wait()
			st := a.Lifecycle(monitor.All&^monitor.MonitorStopped, monitor.WithSnapshot())
			defer st.Stop()
			return len(st.C())
		}
		if n, m := standing(s), standing(c); n != 3 || m != 2 {
			t.Errorf("%d and %d events of what stands, want 3 and 2", n, m)
		}
		if err := c.Disconnect(g.ep); err != nil {
			t.Error(err)
		}
		if n, m := standing(s), standing(c); n != 1 || m != 0 {
			t.Errorf("after Disconnect: %d and %d, want 1 and 0", n, m)
		}
		c.dial(g.ep)
		c.await(monitor.HandshakeSucceeded)
		if err := s.Unbind(g.ep); err != nil {
			t.Error(err)
		}
		if n := standing(s); n != 0 {
			t.Errorf("after Unbind: %d", n)
		}
	})
}
