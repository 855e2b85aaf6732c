package bus_test

import (
	"fmt"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/bus"
	"zmqbus/monitor"
	"zmqbus/socket"
)

// linkSnapshot returns what stands now, as "TYPE endpoint".
func linkSnapshot(g *linkRig, b *bus.Bus) []string {
	g.Helper()
	g.rest()
	st := b.Lifecycle(0, monitor.WithSnapshot())
	st.Stop()
	all := []string{}
	for e := range st.C() {
		if e.Type == monitor.MonitorStopped {
			continue
		}
		if !e.Snapshot {
			g.Fatalf("%v is no snapshot", e)
		}
		all = append(all, fmt.Sprint(e.Type, " ", e.Endpoint))
	}
	return all
}

// TestLifecycleOfAllLinks comes in one stream, in the order of each link.
func TestLifecycleOfAllLinks(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b := g.bus(socket.Config{})
		st := b.Lifecycle(0)
		out := g.export(b, "tcp://127.0.0.1:1")
		_, at := g.bound(zmq4.Pub, "tcp://127.0.0.1:2", socket.Config{})
		in := g.imports(b, at)
		g.subscriber(out.Endpoint(), socket.Config{}, "a")
		g.wait(b, "a", 1)
		g.pass(linkRetry)
		st.Stop()
		got := map[string][]monitor.Type{}
		for e := range st.C() {
			got[e.Endpoint] = append(got[e.Endpoint], e.Type)
		}
		g.same(got[out.Endpoint()], []monitor.Type{monitor.Listening, monitor.Accepted, monitor.HandshakeSucceeded})
		g.same(got[in.Endpoint()], []monitor.Type{monitor.ConnectDelayed, monitor.Connected, monitor.HandshakeSucceeded})
	})
}

// TestLifecycleSnapshot has what stands, of all links, and not what was closed.
func TestLifecycleSnapshot(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b := g.bus(socket.Config{})
		g.same(linkSnapshot(g, b), []string{})
		one, two := g.export(b, "tcp://127.0.0.1:1"), g.export(b, "tcp://127.0.0.1:2")
		pub, at := g.bound(zmq4.Pub, "tcp://127.0.0.1:3", socket.Config{})
		in := g.imports(b, at)
		g.rest()
		g.subscriber(one.Endpoint(), socket.Config{}, "")
		g.wait(b, "", 1)
		late := b.Lifecycle(0)
		closed := []string{"LISTENING " + two.Endpoint(), "CONNECTED " + at, "HANDSHAKE_SUCCEEDED " + at}
		g.same(linkSnapshot(g, b), append([]string{"LISTENING " + one.Endpoint(), closed[0], closed[1], closed[2]},
			"ACCEPTED "+one.Endpoint(), "HANDSHAKE_SUCCEEDED "+one.Endpoint()))
		g.must(one.Close(g.Context()))
		g.same(linkSnapshot(g, b), closed)
		g.must(in.Close(g.Context()))
		g.same(linkSnapshot(g, b), closed[:1])
		in = g.imports(b, at)
		g.same(linkSnapshot(g, b), closed)
		g.must(pub.Close())
		e := g.event(late, monitor.Disconnected)
		g.same(e.Endpoint, in.Endpoint())
		g.same(linkSnapshot(g, b), closed[:1])
		g.must(b.Close(g.Context()))
		g.event(late, monitor.MonitorStopped)
		g.same(linkSnapshot(g, b), []string{})
	})
}

// TestSourceIsTheConnection: an event's Source names the link and the connection that lifecycle and Peers tell of, and
// another one after a reconnect; what is published here has none.
func TestSourceIsTheConnection(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		pub, at := g.bound(zmq4.Pub, "tcp://"+linkAt, socket.Config{})
		b := g.bus(socket.Config{})
		st := b.Lifecycle(monitor.Connected)
		s, in := g.sub(b, ""), g.imports(b, at)
		var seen []monitor.ConnID
		for range 2 {
			conn := g.event(st, monitor.Connected).Conn
			g.subscribed(pub, 1)
			g.send(pub, "a", "1")
			e := linkNext(g, s)
			if peers := b.Peers(); e.Source != (bus.Source{Link: in.Endpoint(), Conn: conn}) || e.Source.Local() || conn == 0 ||
				len(peers) != 1 || peers[0].Conn != conn || !peers[0].Import || peers[0].Link != in.Endpoint() || peers[0].Peer.Type != zmq4.Pub {
				g.Fatalf("source %+v, connection %d, peers %+v", e.Source, conn, b.Peers())
			}
			seen = append(seen, conn)
			g.net.Cut(linkAt)
			g.rest()
			g.same(len(b.Peers()), 0)
		}
		if seen[0] == seen[1] {
			g.Fatal("two connections have one id")
		}
		g.publish(b, "a", "2")
		if e := linkNext(g, s); e.Source != (bus.Source{}) || !e.Source.Local() || e.Source.String() != "local" {
			g.Fatalf("published here, source %+v", e.Source)
		}
	})
}

// TestPeersOfAllLinks: subscribers of exports with their subscriptions, publishers of imports, and none of a link
// that is closed.
func TestPeersOfAllLinks(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b := g.bus(socket.Config{})
		one, two := g.export(b, "tcp://127.0.0.1:1"), g.export(b, "inproc://2")
		g.subscriber(one.Endpoint(), socket.Config{}, "a", "b")
		g.subscriber(two.Endpoint(), socket.Config{}, "c")
		_, at := g.bound(zmq4.XPub, "tcp://127.0.0.1:3", socket.Config{})
		g.imports(b, at)
		tell := func() (all []string) {
			g.rest()
			for _, p := range b.Peers() {
				all = append(all, fmt.Sprint(p.Link, " ", p.Import, " ", p.Peer.Type, " ", p.Subscriptions))
			}
			return all
		}
		want := []string{one.Endpoint() + " false SUB 2", "inproc://2 false SUB 1", at + " true XPUB 0"}
		g.same(tell(), want)
		g.must(one.Close(g.Context()))
		g.same(tell(), want[1:])
		g.must(b.Close(g.Context()))
		g.same(tell(), []string(nil))
	})
}

// TestLifecycleTellsOfDrops: what a slow peer's pipe has no room for is counted in the export's Stats, and told.
func TestLifecycleTellsOfDrops(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b, l, sub := linkStuck(g, socket.Config{SendHWM: 5}, 0)
		full, dropped := b.Lifecycle(monitor.Full|monitor.Relieved), b.Lifecycle(monitor.Dropped)
		for i := range 100 {
			g.publish(b, "a", fmt.Sprintf("%0128d", i))
		}
		g.rest()
		g.event(full, monitor.Full)
		st := l.Stats().Socket
		if st.Dropped[socket.DropFull] == 0 || st.Out.Dropped != st.Dropped[socket.DropFull] || st.Out.Accepted != 100 {
			g.Fatalf("stats %+v", st)
		}
		told, taken := uint64(0), 0
		for {
			g.rest()
			if _, err := sub.TryRecv(); err != nil {
				break
			}
			taken++
		}
		g.event(full, monitor.Relieved)
		g.must(l.Close(g.Context()))
		dropped.Stop()
		for e := range dropped.C() {
			g.same([]string{e.Endpoint, e.Reason}, []string{l.Endpoint(), socket.DropFull})
			told += e.Count
		}
		if told != st.Out.Dropped || uint64(taken) != 100-told {
			g.Fatalf("told of %d drops of %d, and %d arrived", told, st.Out.Dropped, taken)
		}
	})
}
