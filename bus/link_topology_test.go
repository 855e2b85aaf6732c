package bus_test

import (
	"fmt"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/bus"
	"zmqbus/socket"
)

// TestLinkNoTransit: B imports from A and exports to C; what A publishes ends at B, and C gets what B publishes.
func TestLinkNoTransit(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		a, b, c := g.bus(socket.Config{}), g.bus(socket.Config{}), g.bus(socket.Config{})
		g.imports(b, g.export(a, "tcp://127.0.0.1:1").Endpoint())
		out := g.export(b, "tcp://127.0.0.1:2")
		g.imports(c, out.Endpoint())
		atB, atC := g.sub(b, ""), g.sub(c, "")
		g.wait(a, "x", 1)
		g.wait(b, "x", 2)
		g.publish(a, "x", "from a")
		g.wants(atB, "x=from a")
		g.silent(atC)
		if n := out.Stats().Socket.Out.Accepted; n != 0 {
			g.Fatalf("B exported %d messages that it had imported", n)
		}
		g.publish(b, "x", "from b")
		g.wants(atB, "x=from b")
		g.wants(atC, "x=from b")
	})
}

// TestLinkNoLoop: two buses that import from each other get each event once.
func TestLinkNoLoop(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		buses := []*bus.Bus{g.bus(socket.Config{}), g.bus(socket.Config{})}
		var subs []*bus.Subscription[string]
		for i, b := range buses {
			g.export(b, fmt.Sprint("tcp://127.0.0.1:", i+1))
			subs = append(subs, g.sub(b, ""))
		}
		for i, b := range buses {
			g.imports(b, fmt.Sprint("tcp://127.0.0.1:", 2-i))
		}
		for i, b := range buses {
			g.wait(b, "x", 2)
			g.publish(b, "x", fmt.Sprint(i))
			g.wants(subs[0], fmt.Sprint("x=", i))
			g.wants(subs[1], fmt.Sprint("x=", i))
		}
		g.silent(subs[0])
		g.silent(subs[1])
		for i, b := range buses {
			st := b.Stats()
			if st.Links[0].Socket.Out.Accepted != 1 || st.Links[1].Received != 1 || st.Topics[0].Published != 1 {
				g.Errorf("bus %d: %+v", i, st)
			}
		}
	})
}

// TestLinkSeveral: a bus with three exports and two imports; each export has everything, each import gives everything.
func TestLinkSeveral(t *testing.T) {
	g := linkReal(t)
	middle := g.bus(socket.Config{})
	here := g.sub(middle, "")
	var outs []*bus.Link
	for _, at := range linkPlaces(t) {
		outs = append(outs, g.export(middle, "@"+at))
	}
	var subs []*bus.Subscription[string]
	for _, out := range outs {
		to := g.bus(socket.Config{})
		g.imports(to, ">"+out.Endpoint())
		subs = append(subs, g.sub(to, "a"))
	}
	g.wait(middle, "a", 1+len(outs))
	for i := range 10 {
		g.publish(middle, "a", fmt.Sprint(i))
	}
	for i := range 10 {
		for _, s := range append(subs, here) {
			g.wants(s, fmt.Sprint("a=", i))
		}
	}
	sources := map[string]bool{}
	for scheme, at := range linkPlaces(t) {
		if scheme == "inproc" {
			at = "inproc://in"
		}
		pub, at := g.bound(zmq4.Pub, at, socket.Config{})
		in := g.imports(middle, at)
		g.subscribed(pub, 1)
		g.send(pub, "from", at)
		e := linkNext(g, here)
		g.same([]string{e.Value, e.Source.Link, e.Source.String()}, []string{at, in.Endpoint(), at})
		sources[e.Source.Link] = true
	}
	if len(sources) != 3 || len(middle.Stats().Links) != 6 {
		t.Fatalf("from %v, with %d links", sources, len(middle.Stats().Links))
	}
}

// TestLinkOrder: what one goroutine publishes arrives in its order, whatever the topics, also at a remote subscription.
func TestLinkOrder(t *testing.T) {
	g := linkReal(t)
	from, to := g.bus(socket.Config{SendHWM: socket.Unlimited}), g.bus(socket.Config{})
	g.imports(to, g.export(from, "@tcp://127.0.0.1:*").Endpoint())
	s := g.sub(to, "", bus.WithPolicy(bus.Block), bus.Buffer(10))
	g.wait(from, "", 1)
	go func() { // ends with the loop; the bus does not wait for the peer
		for i := range 5000 {
			_ = linkTopic[string](g, from).Publish(t.Context(), fmt.Sprint("t", i%7), fmt.Sprint(i))
		}
	}()
	for i := range 5000 {
		g.wants(s, fmt.Sprintf("t%d=%d", i%7, i))
	}
}
