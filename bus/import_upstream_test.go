package bus_test

import (
	"context"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/bus"
	"zmqbus/monitor"
	"zmqbus/socket"
)

// linkTold returns what an XPUB was told by now, as "+a" and "-a", in a bubble at rest.
func linkTold(g *linkRig, xpub *socket.Socket) []string {
	g.Helper()
	g.rest()
	told := []string{}
	for {
		m, err := xpub.TryRecv()
		if err != nil {
			return told
		}
		told = append(told, map[byte]string{0: "-", 1: "+"}[m.Frames[0][0]]+string(m.Frames[0][1:]))
	}
}

// linkUpstream returns an XPUB that tells of every subscription, and a bus that imports from it.
func linkUpstream(g *linkRig) (*socket.Socket, *bus.Bus) {
	g.Helper()
	xpub, at := g.bound(zmq4.XPub, "tcp://"+linkAt, socket.Config{XPubVerboser: true})
	b := g.bus(socket.Config{})
	g.imports(b, at)
	g.rest()
	return xpub, b
}

// TestUpstreamFollows: the first subscription of a prefix adds it upstream, the end of the last removes it, and what is
// between tells nothing.
func TestUpstreamFollows(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		xpub, b := linkUpstream(g)
		tells := func(want ...string) {
			g.Helper()
			g.same(linkTold(g, xpub), append([]string{}, want...))
		}
		tells()
		first := g.sub(b, "a")
		tells("+a")
		second := g.sub(b, "a")
		quotes, err := bus.NewTopic[int](b, "a", nil) // another type
		g.must(err)
		ctx, cancel := context.WithCancel(g.Context())
		third, err := quotes.Subscribe(ctx)
		g.must(err)
		tells()
		longer, err := quotes.Subscribe(g.Context(), bus.Prefix("b"))
		g.must(err)
		tells("+ab")
		all := g.sub(b, "")
		tells("+")
		g.must(first.Close())
		g.must(first.Close())
		g.must(second.Close())
		tells()
		cancel()
		<-third.Done()
		tells("-a")
		g.must(all.Close())
		tells("-")
		g.must(longer.Close())
		tells("-ab")
		g.sub(b, "a")
		tells("+a")
	})
}

// TestUpstreamSubscribesBeforeTheFirstConnection: the first thing a publisher hears is what is wanted.
func TestUpstreamSubscribesBeforeTheFirstConnection(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b := g.bus(socket.Config{})
		g.sub(b, "before")
		gone := g.sub(b, "gone")
		g.imports(b, "tcp://"+linkAt)
		g.sub(b, "between")
		g.rest()
		g.must(gone.Close())
		xpub, _ := g.bound(zmq4.XPub, "tcp://"+linkAt, socket.Config{XPubVerboser: true})
		g.pass(linkRetry)
		told := linkTold(g, xpub)
		if len(told) != 2 || told[0] == told[1] {
			g.Fatalf("told %q", told)
		}
		for _, want := range told {
			if want != "+before" && want != "+between" {
				g.Fatalf("told %q", told)
			}
		}
	})
}

// TestUpstreamToldAgainAfterReconnect: a connection that is made again is told what holds then.
func TestUpstreamToldAgainAfterReconnect(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		xpub, b := linkUpstream(g)
		kept := g.sub(b, "kept")
		ended := g.sub(b, "ended")
		g.same(linkTold(g, xpub), []string{"+kept", "+ended"})
		g.net.Cut(linkAt)
		g.rest()
		if told := linkTold(g, xpub); len(told) != 2 || told[0][0] != '-' || told[1][0] != '-' {
			g.Fatalf("a cut told %q", told)
		}
		g.must(ended.Close())
		g.sub(b, "new")
		g.pass(linkRetry)
		told := linkTold(g, xpub)
		if len(told) != 2 || told[0]+told[1] != "+kept+new" && told[0]+told[1] != "+new+kept" {
			g.Fatalf("the new connection was told %q", told)
		}
		g.send(xpub, "ended", "1")
		g.send(xpub, "kept", "2")
		g.wants(kept, "kept=2")
	})
}

// TestUpstreamOfSeveralImports: each import is told everything, one that comes late as well, and one that is closed
// takes nothing with it.
func TestUpstreamOfSeveralImports(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b := g.bus(socket.Config{})
		var xpubs []*socket.Socket
		var links []*bus.Link
		for _, at := range []string{"tcp://127.0.0.1:1", "tcp://127.0.0.1:2", "inproc://3"} {
			x, at := g.bound(zmq4.XPub, at, socket.Config{XPubVerboser: true})
			xpubs = append(xpubs, x)
			if len(links) < 2 {
				links = append(links, g.imports(b, at))
			}
		}
		s := g.sub(b, "a")
		g.imports(b, "inproc://3")
		for _, x := range xpubs {
			g.same(linkTold(g, x), []string{"+a"})
		}
		g.must(links[0].Close(g.Context()))
		g.same(linkTold(g, xpubs[0]), []string{"-a"})
		g.must(s.Close())
		for i, want := range [][]string{{}, {"-a"}, {"-a"}} {
			g.same(linkTold(g, xpubs[i]), want)
		}
	})
}

// TestUpstreamIsSeenInLifecycle: an export tells of its subscribers with SUBSCRIBED and UNSUBSCRIBED.
func TestUpstreamIsSeenInLifecycle(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		from, to := g.bus(socket.Config{}), g.bus(socket.Config{})
		st := from.Lifecycle(monitor.Subscribed | monitor.Unsubscribed)
		out := g.export(from, "tcp://"+linkAt)
		g.imports(to, out.Endpoint())
		s := g.sub(to, "a")
		e := g.event(st, monitor.Subscribed)
		g.same([]string{e.Topic, e.Endpoint}, []string{"a", out.Endpoint()})
		g.must(s.Close())
		e = g.event(st, monitor.Unsubscribed)
		g.same([]string{e.Topic, e.Endpoint}, []string{"a", out.Endpoint()})
	})
}
