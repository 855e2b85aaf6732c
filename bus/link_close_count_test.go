package bus_test

import (
	"context"
	"testing"

	"zmqbus/bus"
	"zmqbus/socket"
)

// TestImportCloseCountsWhatWasNotRead: what the socket of an import had received when the link or the bus is closed, and
// the bus had not read, is counted as dropped, with its reason, in the link's Stats, which stay.
func TestImportCloseCountsWhatWasNotRead(t *testing.T) {
	for name, end := range map[string]func(b *bus.Bus, in *bus.Link) error{
		"link": func(_ *bus.Bus, in *bus.Link) error { return in.Close(context.Background()) },
		"bus":  func(b *bus.Bus, _ *bus.Link) error { return b.Close(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			linkBubble(t, func(g *linkRig) {
				b := g.bus(socket.Config{})
				s := g.sub(b, "a", bus.WithPolicy(bus.Block), bus.Buffer(1))
				feed := linkFeeds(g, b, 1)[0]
				feed.sendUp(g, "a", 100)
				closed := localCall(func() error { return end(b, feed.in) })
				g.rest() // it is not read any more
				given := feed.in.Stats().Received
				g.wants(s, linkNumbers("a", int(given))...) // else the bus would wait
				g.must(closed.wait())
				st := feed.in.Stats()
				in := st.Socket.In
				unread := in.Received - given
				if st.Received != given || unread == 0 || in.Delivered != given || in.Dropped != unread || in.Queued != 0 {
					g.Fatalf("given %d: %+v", given, st)
				}
				g.same(st.Socket.Dropped, map[string]uint64{socket.DropClosed: unread})
			})
		})
	}
}
