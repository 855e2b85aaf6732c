package bus_test

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/bus"
	"zmqbus/monitor"
	"zmqbus/socket"
)

// TestLinkBadEndpoints: the error names the endpoint as given, and nothing is left behind.
func TestLinkBadEndpoints(t *testing.T) {
	g := linkReal(t)
	_, taken := g.bound(zmq4.Pull, "tcp://127.0.0.1:*", socket.Config{})
	_, takenInproc := g.bound(zmq4.Pull, "inproc://taken", socket.Config{})
	b := g.bus(socket.Config{})
	s := g.sub(b, "a")
	for ep, target := range map[string]error{
		"":                        socket.ErrBadEndpoint,
		"@":                       socket.ErrBadEndpoint,
		">":                       socket.ErrBadEndpoint,
		"tcp":                     socket.ErrBadEndpoint,
		"tcp://":                  syscall.EINVAL,
		"@tcp://127.0.0.1":        syscall.EINVAL,
		">tcp://127.0.0.1:x":      syscall.EINVAL,
		"@@tcp://127.0.0.1:1":     socket.ErrBadEndpoint,
		">@tcp://127.0.0.1:1":     socket.ErrBadEndpoint,
		" @tcp://127.0.0.1:1":     socket.ErrBadEndpoint,
		"@pgm://127.0.0.1:1":      syscall.EPROTONOSUPPORT,
		"@ipc://":                 syscall.EINVAL,
		"@ipc:///no/such/place/x": syscall.ENOENT,
		"@inproc://":              syscall.EINVAL,
		"@" + taken:               syscall.EADDRINUSE,
		"@" + takenInproc:         syscall.EADDRINUSE,
	} {
		for op, open := range map[string]func(string, ...bus.LinkOption) (*bus.Link, error){"export": b.Export, "import": b.Import} {
			l, err := open(ep)
			var e *bus.OpError
			if l != nil || !errors.Is(err, target) || !errors.As(err, &e) || e.Op != op || e.Name != ep || !strings.Contains(err.Error(), op) {
				t.Errorf("%s %q: %v, %v; want %v", op, ep, l, err, target)
			}
		}
	}
	if st := b.Stats(); len(st.Links) != 0 || len(b.Peers()) != 0 {
		t.Fatalf("left behind: %+v", st.Links)
	}
	snapshot := b.Lifecycle(0, monitor.WithSnapshot())
	snapshot.Stop()
	if e := <-snapshot.C(); e.Type != monitor.MonitorStopped {
		t.Fatalf("left behind: %v", e)
	}
	g.publish(b, "a", "1") // and all goes on
	g.wants(s, "a=1")
}

// TestLinkBadConfigs are refused by field, whether they come from the bus or from an option.
func TestLinkBadConfigs(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		for field, cfg := range map[string]socket.Config{
			"SendHWM": {SendHWM: -7}, "RecvHWM": {RecvHWM: -7}, "HeartbeatTTL": {HeartbeatTTL: -7}, "Linger": {Linger: -7}, "MaxMsgSize": {MaxMsgSize: -7},
		} {
			byBus, byLink := g.bus(cfg), g.bus(socket.Config{})
			for _, try := range []func() (*bus.Link, error){
				func() (*bus.Link, error) { return byBus.Export("tcp://" + linkAt) },
				func() (*bus.Link, error) { return byBus.Import("tcp://" + linkAt) },
				func() (*bus.Link, error) { return byLink.Export("tcp://"+linkAt, bus.WithSocket(g.config(cfg))) },
				func() (*bus.Link, error) {
					return byLink.Import("tcp://"+linkAt, nil, bus.WithSocket(nil), bus.WithSocket(g.config(cfg)))
				},
			} {
				if l, err := try(); l != nil || err == nil || !strings.Contains(err.Error(), field) || !strings.Contains(err.Error(), linkAt) {
					g.Errorf("%s: %v, %v", field, l, err)
				}
			}
			if n := len(byBus.Stats().Links) + len(byLink.Stats().Links); n != 0 {
				g.Errorf("%s: %d links are left", field, n)
			}
		}
		for field, cfg := range map[string]socket.Config{
			"NoDrop": {NoDrop: true}, "Conflate": {Conflate: true}, "InvertMatching": {InvertMatching: true},
		} {
			b := g.bus(cfg)
			_, err := b.Export("tcp://" + linkAt)
			linkIs(g, err, bus.ErrConfig)
			if !strings.Contains(err.Error(), field) {
				g.Errorf("%s: %v", field, err)
			}
			if field == "NoDrop" {
				g.imports(b, "tcp://"+linkAt) // it means nothing there
				continue
			}
			_, err = b.Import("tcp://" + linkAt)
			linkIs(g, err, bus.ErrConfig)
		}
	})
}

// TestLinkConfigs: Config.Link is every link's, but for those that have their own; the caller's is copied.
func TestLinkConfigs(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		g.net.Buffer(512)
		cfg := g.config(socket.Config{SendHWM: 3})
		b, err := bus.New(context.Background(), &bus.Config{Link: cfg})
		g.must(err)
		defer func() { _ = b.Close(linkEnded()) }()
		cfg.SendHWM = -7
		own := g.config(socket.Config{SendHWM: 9})
		opt := bus.WithSocket(own)
		three, nine := g.export(b, "tcp://127.0.0.1:1"), g.export(b, "tcp://127.0.0.1:2", opt)
		own.SendHWM = -7
		for _, l := range []*bus.Link{three, nine} {
			g.subscriber(l.Endpoint(), socket.Config{RecvHWM: 1}, "")
		}
		g.wait(b, "a", 2)
		for range 100 {
			g.publish(b, "a", strings.Repeat("x", 500))
			g.rest()
		}
		if a, b := three.Stats().Socket.Out.Queued, nine.Stats().Socket.Out.Queued; a < 3 || a > 4 || b < 9 || b > 10 { // one more may be half written
			g.Fatalf("%d and %d are queued", a, b)
		}
	})
}

// TestLinkAfterClose: a bus that was closed makes no link.
func TestLinkAfterClose(t *testing.T) {
	b, err := bus.New(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, open := range []func(string, ...bus.LinkOption) (*bus.Link, error){b.Export, b.Import} {
		if l, err := open("inproc://a"); l != nil || !errors.Is(err, bus.ErrClosed) {
			t.Fatalf("%v, %v", l, err)
		}
	}
}
