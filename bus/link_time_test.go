package bus_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
	"zmqbus/socket"
)

// TestLinkReconnects: an import whose publisher goes away is back one interval after the publisher is, with what was
// subscribed; lifecycle tells each step, and what was published meanwhile is lost to it.
func TestLinkReconnects(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		const interval = 200 * time.Millisecond
		from, to := g.bus(socket.Config{}), g.bus(socket.Config{ReconnectInterval: interval})
		g.export(from, "tcp://"+linkAt)
		st := to.Lifecycle(monitor.HandshakeSucceeded | monitor.Disconnected)
		s := g.sub(to, "a")
		g.imports(to, "tcp://"+linkAt)
		g.event(st, monitor.HandshakeSucceeded)
		for round := range 5 {
			g.wait(from, "a", 1)
			g.publish(from, "a", fmt.Sprint(round))
			g.wants(s, fmt.Sprint("a=", round))
			g.net.Refuse(linkAt, true)
			g.net.Cut(linkAt)
			begin := time.Now()
			if e := g.event(st, monitor.Disconnected); !e.Retry || time.Since(begin) != 0 {
				g.Fatalf("%+v after %v", e, time.Since(begin))
			}
			g.rest()
			g.publish(from, "a", "lost")
			g.pass(time.Minute)
			g.net.Refuse(linkAt, false)
			begin = time.Now()
			g.event(st, monitor.HandshakeSucceeded)
			if took := time.Since(begin); took > 2*interval {
				g.Fatalf("back after %v", took)
			}
		}
		g.silent(s)
	})
}

// TestLinkExportReconnects: a connected export dials again, and its peer is told anew what is published.
func TestLinkExportReconnects(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		from, to := g.bus(socket.Config{}), g.bus(socket.Config{})
		g.imports(to, "@tcp://"+linkAt)
		g.export(from, ">tcp://"+linkAt)
		s := g.sub(to, "a")
		for round := range 3 {
			g.wait(from, "a", 1)
			g.publish(from, "a", fmt.Sprint(round))
			g.wants(s, fmt.Sprint("a=", round))
			g.net.Cut(linkAt)
			g.rest()
		}
	})
}

// TestLinkHeartbeat: with heartbeats a link sees within interval and timeout that a connection is dead, on both sides.
func TestLinkHeartbeat(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		cfg := socket.Config{HeartbeatInterval: 300 * time.Millisecond, HeartbeatTimeout: 400 * time.Millisecond}
		from, to := g.bus(cfg), g.bus(cfg)
		st := to.Lifecycle(monitor.Disconnected | monitor.HandshakeSucceeded)
		stFrom := from.Lifecycle(monitor.Disconnected)
		s := g.sub(to, "a")
		g.imports(to, g.export(from, "tcp://"+linkAt).Endpoint())
		g.wait(from, "a", 1)
		g.pass(time.Hour)
		g.same(len(st.C())+len(stFrom.C()), 1) // the handshake: the connection stands
		g.event(st, monitor.HandshakeSucceeded)
		begin := time.Now()
		g.net.HalfOpen(linkAt)
		for _, st := range []*monitor.Stream{st, stFrom} {
			e := g.event(st, monitor.Disconnected)
			if took := time.Since(begin); took > 700*time.Millisecond || !errors.Is(e.Err, monitor.ErrTimeout) {
				g.Fatalf("%v (%v) after %v", e, e.Err, took)
			}
		}
		g.event(st, monitor.HandshakeSucceeded)
		g.wait(from, "a", 1)
		g.publish(from, "a", "1")
		g.wants(s, "a=1")
	})
}

// TestLinkHeartbeatOfAPausedImport: an import that is not read is alive, and stays.
func TestLinkHeartbeatOfAPausedImport(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		g.net.Buffer(512)
		b, s := linkPaused(g)
		st := b.Lifecycle(monitor.Disconnected)
		g.pass(time.Hour)
		g.same(len(st.C()), 0)
		g.wants(s, linkNumbers("a", 300)...)
	})
}

// TestLinkGivesUpOnAStranger: an endpoint whose peer is no publisher is not tried for ever, the log says so, and the
// link can be closed.
func TestLinkGivesUpOnAStranger(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		_, at := g.bound(zmq4.Rep, "tcp://"+linkAt, socket.Config{})
		b := g.bus(socket.Config{})
		st := b.Lifecycle(monitor.Disconnected)
		in := g.imports(b, at)
		if e := g.event(st, monitor.Disconnected); e.Retry || e.Err == nil {
			g.Fatalf("told %+v", e)
		}
		g.pass(time.Hour)
		g.same(len(st.C()), 0)
		if lines := g.log.lines(at); len(lines) != 1 || !strings.Contains(lines[0], "REP") {
			g.Fatalf("in the log: %q", lines)
		}
		g.must(in.Close(g.Context()))
	})
}
