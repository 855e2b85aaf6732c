package bus_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"zmqbus/bus"
	"zmqbus/monitor"
	"zmqbus/socket"
)

// linkDrain reads what a plain SUB gets until nothing more comes, and returns how many.
func linkDrain(g *linkRig, sub *socket.Socket) int {
	g.Helper()
	for n := 0; ; n++ {
		g.rest()
		m, err := sub.TryRecv()
		if err != nil {
			return n
		}
		g.same(string(m.Frames[1]), fmt.Sprintf("%0128d", n))
	}
}

// TestLinkCloseFlushes: closing an export, or its bus, sends what is queued to a peer that reads in time.
func TestLinkCloseFlushes(t *testing.T) {
	for name, end := range map[string]func(*bus.Bus, *bus.Link) error{
		"link": func(_ *bus.Bus, l *bus.Link) error { return l.Close(context.Background()) },
		"bus":  func(b *bus.Bus, _ *bus.Link) error { return b.Close(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			linkBubble(t, func(g *linkRig) {
				b, l, sub := linkStuck(g, socket.Config{}, 100)
				done := make(chan error, 1)
				go func() { done <- end(b, l) }() // ends with the flush, which the test sees
				g.rest()
				g.same(len(done), 0)
				g.same(linkDrain(g, sub), 100)
				g.must(<-done)
				g.same(len(b.Stats().Links), 0)
			})
		})
	}
}

// TestLinkCloseGivesUp: when the linger time is over, or the context, with the number of messages that were not sent.
func TestLinkCloseGivesUp(t *testing.T) {
	type ending struct {
		linger, wait time.Duration // of the link; of Close's context, 0: none
		took         time.Duration
		cause        error // of the bus's error
	}
	for name, c := range map[string]ending{
		"linger":           {linger: 3 * time.Second, took: 3 * time.Second},
		"default linger":   {took: 5 * time.Second},
		"no linger":        {linger: socket.None},
		"context":          {linger: time.Minute, wait: time.Second, took: time.Second, cause: context.DeadlineExceeded},
		"unlimited":        {linger: socket.Unlimited, wait: time.Hour, took: time.Hour, cause: context.DeadlineExceeded},
		"linger is sooner": {linger: time.Second, wait: time.Minute, took: time.Second},
	} {
		for _, what := range []string{"link", "bus"} {
			t.Run(name+"/"+what, func(t *testing.T) {
				linkBubble(t, func(g *linkRig) {
					b, l, sub := linkStuck(g, socket.Config{Linger: c.linger}, 100)
					ctx := context.Background()
					if c.wait > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, c.wait)
						defer cancel()
					}
					begin, left := time.Now(), 0
					if what == "link" {
						var unsent *socket.UnsentError
						if err := l.Close(ctx); !errors.As(err, &unsent) {
							g.Fatalf("Close: %v", err)
						}
						left = unsent.Messages
					} else {
						var e *bus.UndeliveredError
						if err := b.Close(ctx); !errors.As(err, &e) || e.Events != 0 || len(e.Subscriptions) != 0 || !errors.Is(e.Err, c.cause) || (e.Err == nil) != (c.cause == nil) {
							g.Fatalf("Close: %v", err)
						}
						g.same(e.Links, []string{l.Endpoint()})
						left = e.Messages
					}
					g.same(time.Since(begin), c.took)
					st := l.Stats().Socket
					if left == 0 || st.Out.Accepted != 100 || st.Out.Written+uint64(left) != 100 || st.Out.Dropped != uint64(left) {
						g.Fatalf("%d left, stats %+v", left, st)
					}
					if got := linkDrain(g, sub); got > 100-left {
						g.Fatalf("%d arrived, though %d were not sent", got, left)
					}
				})
			})
		}
	}
}

// TestLinkCloseTwice returns the same again, and later calls of the bus do without the link.
func TestLinkCloseTwice(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b, l, _ := linkStuck(g, socket.Config{Linger: socket.None}, 100)
		first := l.Close(g.Context())
		if second := l.Close(g.Context()); first == nil || second != first {
			g.Fatalf("first %v, then %v", first, second)
		}
		g.publish(b, "a", "1")
		g.same(len(b.Peers())+len(b.Stats().Links), 0)
		g.export(b, "tcp://"+linkAt) // its endpoint is free
		g.must(b.Close(g.Context()))
		if again := l.Close(g.Context()); again != first {
			g.Fatalf("after the bus's end: %v", again)
		}
		var op *bus.OpError
		if err := l.Close(linkNil); !errors.As(err, &op) || op.Op != "close" {
			g.Fatalf("a nil context: %v", err)
		}
	})
}

// linkNil is a context that a careless caller passes.
var linkNil context.Context

// TestLinkCloseIsSeenByPeers: they see the connection end, and connect again when the endpoint is there again.
func TestLinkCloseIsSeenByPeers(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		from, to := g.bus(socket.Config{}), g.bus(socket.Config{})
		st := to.Lifecycle(monitor.Disconnected | monitor.HandshakeSucceeded)
		s := g.sub(to, "a")
		g.imports(to, "tcp://"+linkAt)
		for i := range 3 {
			out := g.export(from, "tcp://"+linkAt)
			g.event(st, monitor.HandshakeSucceeded)
			g.wait(from, "a", 1)
			g.publish(from, "a", fmt.Sprint(i))
			g.must(out.Close(g.Context()))
			g.event(st, monitor.Disconnected)
			g.wants(s, fmt.Sprint("a=", i))
			g.publish(from, "a", "to nobody")
		}
	})
}

// TestBusCloseDeliversWhatImportsGave: events that wait in subscriptions, and the one that waits in an import for room,
// are delivered; what no import has read is not.
func TestBusCloseDeliversWhatImportsGave(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b := g.bus(socket.Config{})
		one := g.sub(b, "a", bus.WithPolicy(bus.Block), bus.Buffer(1))
		two := g.sub(b, "a", bus.WithPolicy(bus.Block), bus.Buffer(1))
		feed := linkFeeds(g, b, 1)[0]
		feed.sendUp(g, "a", 100)
		given := int(feed.in.Stats().Received)
		done := make(chan error, 1)
		go func() { done <- b.Close(context.Background()) }() // ends with what is delivered, which the test sees
		g.rest()
		g.same(len(done), 0)
		for i := range given {
			g.wants(one, linkNumbers("a", given)[i])
			g.wants(two, linkNumbers("a", given)[i])
		}
		g.must(<-done)
		for _, s := range []*bus.Subscription[string]{one, two} {
			if e, ok := <-s.C(); ok {
				g.Fatalf("got %v after %d", e, given)
			}
		}
	})
}

// TestBusCloseCountsTheImportedEventThatWaits: nobody reads, and the time is over.
func TestBusCloseCountsTheImportedEventThatWaits(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b := g.bus(socket.Config{})
		s := g.sub(b, "a", bus.WithPolicy(bus.Block), bus.Buffer(1), bus.Name("screen"))
		feed := linkFeeds(g, b, 1)[0]
		feed.sendUp(g, "a", 100)
		given := int(feed.in.Stats().Received)
		ctx, cancel := context.WithTimeout(g.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		var left *bus.UndeliveredError
		if err := b.Close(ctx); !errors.As(err, &left) || !errors.Is(err, context.DeadlineExceeded) {
			g.Fatalf("Close: %v", err)
		}
		g.same(time.Since(begin), time.Second)
		rest := 0
		for range s.C() {
			rest++
		}
		if left.Events != given-rest || left.Messages != 0 {
			g.Fatalf("%v, though %d of %d were readable", left, rest, given)
		}
		g.same(left.Subscriptions, []string{feed.in.Endpoint(), "screen"})
	})
}

// TestCancelIsPrompt: the end of New's context ends links at once, whatever their linger time, with peers that do not
// read and subscriptions that nobody reads.
func TestCancelIsPrompt(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		g.net.Buffer(512)
		why := errors.New("enough")
		ctx, cancel := context.WithCancelCause(context.Background())
		b := g.busOf(ctx, socket.Config{Linger: socket.Unlimited}, bus.Config{})
		s := g.sub(b, "a", bus.WithPolicy(bus.Block), bus.Buffer(1))
		linkFeeds(g, b, 1)[0].sendUp(g, "a", 100)
		out := g.export(b, "tcp://"+linkAt)
		g.subscriber(out.Endpoint(), socket.Config{RecvHWM: 1}, "b")
		g.imports(b, "tcp://127.0.0.1:9") // nobody is there
		g.wait(b, "b", 1)
		for range 100 {
			g.publish(b, "b", fmt.Sprintf("%0128d", 0))
		}
		begin := time.Now()
		cancel(why)
		<-b.Done()
		<-s.Done()
		g.same(time.Since(begin), time.Duration(0))
		linkIs(g, s.Err(), why)
		var left *bus.UndeliveredError
		if err := b.Close(g.Context()); !errors.As(err, &left) || !errors.Is(err, why) || left.Messages == 0 || left.Events == 0 {
			g.Fatalf("Close: %v", err)
		}
		_, err := b.Export("inproc://a")
		linkIs(g, err, bus.ErrClosed, why)
		_, err = b.Import("inproc://a")
		linkIs(g, err, bus.ErrClosed, why)
	})
}
