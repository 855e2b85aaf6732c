package bus_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"zmqbus/bus"
	"zmqbus/socket"
)

// linkWaiting starts to wait for n subscribers of topic, and returns what tells the end.
func linkWaiting(g *linkRig, ctx context.Context, b *bus.Bus, topic string, n int) <-chan error {
	done := make(chan error, 1)
	go func() { done <- b.WaitSubscribers(ctx, topic, n) }() // ends with the wait, or with the test's context or bus
	return done
}

func linkStillWaits(g *linkRig, done <-chan error) {
	g.Helper()
	g.rest()
	select {
	case err := <-done:
		g.Fatalf("the wait is over: %v", err)
	default:
	}
}

// TestWaitCounts: local subscriptions and remote peers count each once, with a prefix of the topic only.
func TestWaitCounts(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b, other := g.bus(socket.Config{}), g.bus(socket.Config{})
		g.must(b.WaitSubscribers(g.Context(), "a", 0))
		one, two, four := linkWaiting(g, g.Context(), b, "ab", 1), linkWaiting(g, g.Context(), b, "ab", 2), linkWaiting(g, g.Context(), b, "ab", 4)
		g.sub(b, "abc") // longer than the topic
		g.sub(b, "b")
		linkStillWaits(g, one)
		g.sub(b, "a")
		g.must(<-one)
		linkStillWaits(g, two)
		out := g.export(b, "tcp://"+linkAt)
		g.imports(other, out.Endpoint())
		linkStillWaits(g, two) // connected, and not subscribed
		g.sub(other, "abc")
		linkStillWaits(g, two)
		for _, prefix := range []string{"a", "ab", ""} { // one peer, however many match
			g.sub(other, prefix)
		}
		g.must(<-two)
		linkStillWaits(g, four)
		g.subscriber(g.export(b, "inproc://second").Endpoint(), socket.Config{}, "")
		linkStillWaits(g, four)
		g.subscriber(out.Endpoint(), socket.Config{}, "ab")
		g.must(<-four)
		g.must(b.WaitSubscribers(g.Context(), "ab", 4))
	})
}

// TestWaitForgets: who has gone does not count, and counts again when it is back.
func TestWaitForgets(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b := g.bus(socket.Config{})
		local := g.sub(b, "")
		l := g.export(b, "tcp://"+linkAt)
		remote := g.subscriber(l.Endpoint(), socket.Config{}, "a")
		g.wait(b, "a", 2)
		g.must(local.Close())
		linkStillWaits(g, linkWaiting(g, g.Context(), b, "a", 2))
		g.net.Cut(linkAt)
		g.rest()
		back := linkWaiting(g, g.Context(), b, "a", 1)
		linkStillWaits(g, back)
		g.must(<-back) // the peer connects again, and says its subscription again
		g.must(remote.Unsubscribe("a"))
		g.rest()
		linkStillWaits(g, linkWaiting(g, g.Context(), b, "a", 1))
		g.must(remote.Subscribe("a"))
		g.wait(b, "a", 1)
		g.must(l.Close(g.Context()))
		linkStillWaits(g, linkWaiting(g, g.Context(), b, "a", 1))
	})
}

// TestWaitEnds with its context, with the bus, and with the context of the bus.
func TestWaitEnds(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		why, whyBus := errors.New("enough"), errors.New("all over")
		parent, end := context.WithCancelCause(context.Background())
		b, c := g.bus(socket.Config{}), g.busOf(parent, socket.Config{}, bus.Config{})
		g.export(b, "tcp://"+linkAt)
		ctx, cancel := context.WithCancelCause(g.Context())
		first, second, third := linkWaiting(g, ctx, b, "a", 1), linkWaiting(g, g.Context(), b, "a", 1), linkWaiting(g, g.Context(), c, "a", 1)
		linkStillWaits(g, first)
		cancel(why)
		linkIs(g, <-first, why)
		linkStillWaits(g, second)
		g.must(b.Close(g.Context()))
		linkIs(g, <-second, bus.ErrClosed, net.ErrClosed)
		end(whyBus)
		linkIs(g, <-third, bus.ErrClosed, whyBus)
		linkIs(g, b.WaitSubscribers(g.Context(), "a", 0), bus.ErrClosed)
		var op *bus.OpError
		if err := b.WaitSubscribers(linkNil, "a", 0); !errors.As(err, &op) || op.Op != "wait" || op.Name != "a" {
			g.Fatalf("a nil context: %v", err)
		}
	})
}

func linkIs(g *linkRig, err error, targets ...error) {
	g.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			g.Fatalf("got error %v, want %v", err, target)
		}
	}
}

// TestWaitLosesNoFirstMessage: after WaitSubscribers the first message arrives, whoever came first, round after round.
func TestWaitLosesNoFirstMessage(t *testing.T) {
	g := linkReal(t)
	from := g.bus(socket.Config{})
	out := g.export(from, "@tcp://127.0.0.1:*")
	for round := range 200 {
		topic := fmt.Sprintf("%d.", round) // the last round's peer may still be there
		to := g.bus(socket.Config{})
		var s *bus.Subscription[string]
		if round%2 == 0 {
			s = g.sub(to, topic)
		}
		g.imports(to, out.Endpoint())
		if s == nil {
			s = g.sub(to, topic)
		}
		g.wait(from, topic, 1)
		g.publish(from, topic, "first")
		g.wants(s, topic+"=first")
		g.must(to.Close(t.Context()))
	}
}
