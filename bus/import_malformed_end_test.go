package bus_test

import (
	"context"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/bus"
	"zmqbus/monitor"
	"zmqbus/socket"
)

// TestMalformedIsToldAtTheEnd: malformed messages are told of though the link ends before the time is over in which they
// are collected, however it ends.
func TestMalformedIsToldAtTheEnd(t *testing.T) {
	for name, end := range map[string]func(g *linkRig, b *bus.Bus, in *bus.Link, cancel context.CancelFunc){
		"link":   func(g *linkRig, _ *bus.Bus, in *bus.Link, _ context.CancelFunc) { g.must(in.Close(g.Context())) },
		"bus":    func(g *linkRig, b *bus.Bus, _ *bus.Link, _ context.CancelFunc) { g.must(b.Close(g.Context())) },
		"cancel": func(_ *linkRig, b *bus.Bus, _ *bus.Link, cancel context.CancelFunc) { cancel(); <-b.Done() },
	} {
		t.Run(name, func(t *testing.T) {
			linkBubble(t, func(g *linkRig) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				b := g.busOf(ctx, socket.Config{}, bus.Config{})
				st := b.Lifecycle(monitor.Dropped)
				g.sub(b, "")
				pub, at := g.bound(zmq4.Pub, "tcp://"+linkAt, socket.Config{})
				in := g.imports(b, at)
				g.subscribed(pub, 1)
				for range 7 {
					g.send(pub, "a", "b", "c")
				}
				g.rest()
				g.same(len(st.C()), 0) // they are being collected
				end(g, b, in, cancel)
				st.Stop()
				told := uint64(0)
				for e := range st.C() {
					if e.Type == monitor.Dropped && e.Reason == socket.DropMalformed && e.Endpoint == in.Endpoint() {
						told += e.Count
					}
				}
				if n := in.Stats().Malformed; n != 7 || told != n {
					g.Fatalf("told of %d of %d", told, n)
				}
			})
		})
	}
}
