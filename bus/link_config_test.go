package bus_test

import (
	"fmt"
	"testing"

	"zmqbus/bus"
	"zmqbus/socket"
)

// TestWithSocketReplacesTheBusesConfig: WithSocket takes the place of Config.Link as a whole; nil means the defaults of
// package socket.
func TestWithSocketReplacesTheBusesConfig(t *testing.T) {
	const peerHWM = 2
	for name, c := range map[string]struct {
		opts    []bus.LinkOption
		dropped uint64 // of 100 that nobody reads; over inproc both ends' marks add up
	}{
		"none":     {nil, 100 - 3 - peerHWM},
		"nil":      {[]bus.LinkOption{bus.WithSocket(nil)}, 0}, // 1,000
		"one":      {[]bus.LinkOption{bus.WithSocket(&socket.Config{SendHWM: 5})}, 100 - 5 - peerHWM},
		"the last": {[]bus.LinkOption{bus.WithSocket(nil), nil, bus.WithSocket(&socket.Config{SendHWM: 7})}, 100 - 7 - peerHWM},
		"empty":    {[]bus.LinkOption{bus.WithSocket(&socket.Config{})}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			linkBubble(t, func(g *linkRig) {
				g.inproc = nil // that of the defaults: all links here meet
				b := g.bus(socket.Config{SendHWM: 3})
				l := g.export(b, "inproc://zmqbus/bus/"+name, c.opts...)
				g.subscriber(l.Endpoint(), socket.Config{RecvHWM: peerHWM}, "a")
				g.wait(b, "a", 1)
				for i := range 100 {
					g.publish(b, "a", fmt.Sprint(i))
					g.rest()
				}
				if out := l.Stats().Socket.Out; out.Accepted != 100 || out.Dropped != c.dropped {
					g.Errorf("dropped %d, want %d: %+v", out.Dropped, c.dropped, out)
				}
			})
		})
	}
}
