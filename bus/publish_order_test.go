package bus_test

import (
	"context"
	"testing"
	"time"

	"zmqbus/bus"
	"zmqbus/socket"
)

// Exports come before the subscriptions that block: a peer has the event while Publish still waits for one of those.
func TestPublishServesExportsBeforeBlock(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b := g.bus(socket.Config{})
		full := g.sub(b, "a", bus.WithPolicy(bus.Block), bus.Buffer(1))
		peer := g.subscriber(g.export(b, "tcp://"+linkAt).Endpoint(), socket.Config{}, "a")
		g.wait(b, "a", 2)
		for _, v := range []string{"1", "2"} { // one fits into C, one into the buffer
			g.publish(b, "a", v)
			g.rest()
			g.recv(peer, "a", v)
		}
		topic := linkTopic[string](g, b)
		waiting := localCall(func() error { return topic.Publish(context.Background(), "a", "3") })
		if waiting.settled() {
			g.Fatal("Publish does not wait")
		}
		if m, err := peer.TryRecv(); err != nil || string(m.Frames[1]) != "3" {
			g.Fatalf("while Publish waits the peer has %v, %v", m, err)
		}
		g.wants(full, "a=1", "a=2", "a=3")
		g.must(waiting.wait())
	})
}

// Event.Time is when the event was published here, or an import received it: not when it is read.
func TestEventTime(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		from, to := g.bus(socket.Config{}), g.bus(socket.Config{})
		sent, got := g.sub(from, "a"), g.sub(to, "a")
		g.imports(to, g.export(from, "tcp://"+linkAt).Endpoint())
		g.wait(from, "a", 2)
		for range 3 {
			g.pass(time.Hour)
			now := time.Now()
			g.publish(from, "a", "1")
			g.pass(time.Hour)
			if e := linkNext(g, sent); !e.Time.Equal(now) {
				g.Errorf("published at %v, its time is %v", now, e.Time)
			}
			if e := linkNext(g, got); !e.Time.Equal(now) {
				g.Errorf("received at %v, its time is %v", now, e.Time)
			}
		}
	})
}
