package bus_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"zmqbus/bus"
	"zmqbus/socket"
)

// TestLinkOpenWhileBusCloses: a link that is made while its bus ends is made or refused, and ends with it.
func TestLinkOpenWhileBusCloses(t *testing.T) {
	g := linkReal(t)
	for i := range 200 {
		b := g.bus(socket.Config{})
		var all sync.WaitGroup
		for at, open := range map[string]func(string, ...bus.LinkOption) (*bus.Link, error){"inproc://a": b.Export, "inproc://b": b.Import} {
			all.Go(func() {
				if l, err := open("@" + at); err == nil {
					g.same(l.Endpoint(), at)
				} else if !errors.Is(err, bus.ErrClosed) && !errors.Is(err, socket.ErrClosed) {
					g.Errorf("round %d: %v", i, err)
				}
			})
		}
		all.Go(func() {
			if err := b.Close(context.Background()); err != nil {
				g.Errorf("round %d: Close: %v", i, err)
			}
		})
		all.Wait()
	}
}

// TestLinkCloseWhileBusCloses: a link that still flushes when its bus ends belongs to that end.
func TestLinkCloseWhileBusCloses(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b, l, _ := linkStuck(g, socket.Config{Linger: time.Hour}, 50)
		closed := make(chan error, 1)
		go func() { closed <- l.Close(context.Background()) }() // ends with the bus
		g.rest()
		before := b.Stats().Topics[0].Encoded
		g.publish(b, "a", "to nobody: the link takes nothing any more")
		g.same(b.Stats().Topics[0].Encoded, before)
		begin := time.Now()
		err := b.Close(linkEnded())
		if took := time.Since(begin); took != 0 {
			g.Errorf("Close took %v", took)
		}
		var left *bus.UndeliveredError
		if !errors.As(err, &left) || left.Messages == 0 {
			g.Errorf("Close returned %v", err)
		}
		var unsent *socket.UnsentError
		if err := <-closed; !errors.As(err, &unsent) {
			g.Errorf("Link.Close returned %v", err)
		}
	})
}
