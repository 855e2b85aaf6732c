package bus_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/transport"

	"zmqbus/bus"
	"zmqbus/internal/memnet"
	"zmqbus/monitor"
	"zmqbus/socket"
)

// linkPatience bounds every wait of a test for something that does happen.
const linkPatience = 20 * time.Second

// linkRetry is longer than a socket waits before it dials again.
const linkRetry = time.Second

// linkAt is where buses meet on the in-memory network.
const linkAt = "127.0.0.1:5555"

// linkRig has the buses and plain sockets of a test, which end with it: on the in-memory network in a bubble, or on
// the system's (net is nil then). Each has inproc names of its own.
type linkRig struct {
	testing.TB
	net    *memnet.Network
	inproc *socket.Inproc
	log    linkLog
}

// linkBubble runs test in a synctest bubble: time is fake, and rest returns when nothing more happens.
func linkBubble(t *testing.T, test func(g *linkRig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(&linkRig{TB: t, net: memnet.New(), inproc: socket.NewInproc()})
	})
}

// linkReal is for tests that need the system's network.
func linkReal(t testing.TB) *linkRig { return &linkRig{TB: t, inproc: socket.NewInproc()} }

func (g *linkRig) config(cfg socket.Config) *socket.Config {
	cfg.Inproc = g.inproc
	if g.net != nil {
		cfg.Transports = map[string]transport.Transport{"tcp": g.net}
	}
	return &cfg
}

// bus makes a bus whose links have cfg.
func (g *linkRig) bus(cfg socket.Config) *bus.Bus {
	return g.busOf(context.Background(), cfg, bus.Config{})
}

func (g *linkRig) busOf(ctx context.Context, link socket.Config, cfg bus.Config) *bus.Bus {
	g.Helper()
	cfg.Link, cfg.Logger = g.config(link), slog.New(slog.NewTextHandler(&g.log, nil))
	b, err := bus.New(ctx, &cfg)
	g.must(err)
	g.Cleanup(func() { _ = b.Close(linkEnded()) }) // what is left is the test's, if it wants it
	return b
}

// socket makes a plain socket.
func (g *linkRig) socket(typ zmq4.SocketType, cfg socket.Config) *socket.Socket {
	g.Helper()
	s, err := socket.New(context.Background(), typ, g.config(cfg))
	g.must(err)
	g.Cleanup(func() { _ = s.CloseContext(linkEnded()) })
	return s
}

// bound makes a plain socket that is bound to ep, and returns the endpoint to connect to.
func (g *linkRig) bound(typ zmq4.SocketType, ep string, cfg socket.Config) (*socket.Socket, string) {
	g.Helper()
	s := g.socket(typ, cfg)
	g.must(s.Listen(ep))
	return s, s.Endpoints()[0].Endpoint
}

// subscriber makes a plain SUB that is connected to ep.
func (g *linkRig) subscriber(ep string, cfg socket.Config, prefixes ...string) *socket.Socket {
	g.Helper()
	s := g.socket(zmq4.Sub, cfg)
	for _, p := range prefixes {
		g.must(s.Subscribe(p))
	}
	g.must(s.Dial(ep))
	return s
}

func (g *linkRig) export(b *bus.Bus, ep string, opts ...bus.LinkOption) *bus.Link {
	g.Helper()
	l, err := b.Export(ep, opts...)
	g.must(err)
	return l
}

func (g *linkRig) imports(b *bus.Bus, ep string, opts ...bus.LinkOption) *bus.Link {
	g.Helper()
	l, err := b.Import(ep, opts...)
	g.must(err)
	return l
}

// sub subscribes to strings.
func (g *linkRig) sub(b *bus.Bus, prefix string, opts ...bus.SubscribeOption) *bus.Subscription[string] {
	g.Helper()
	s, err := linkTopic[string](g, b).Subscribe(context.Background(), append(opts, bus.Prefix(prefix))...)
	g.must(err)
	return s
}

func linkTopic[T any](g *linkRig, b *bus.Bus) *bus.Topic[T] {
	g.Helper()
	topic, err := bus.NewTopic[T](b, "", nil)
	g.must(err)
	return topic
}

func (g *linkRig) publish(b *bus.Bus, topic, value string) {
	g.Helper()
	g.must(linkTopic[string](g, b).Publish(context.Background(), topic, value))
}

// wait waits for n subscribers of topic.
func (g *linkRig) wait(b *bus.Bus, topic string, n int) {
	g.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), linkPatience)
	defer cancel()
	g.must(b.WaitSubscribers(ctx, topic, n))
}

// rest returns when nothing more happens in the bubble.
func (g *linkRig) rest() { synctest.Wait() }

// pass lets the bubble's time pass.
func (g *linkRig) pass(d time.Duration) {
	time.Sleep(d)
	g.rest()
}

// subscribed waits until a plain publisher's first peer has n subscriptions.
func (g *linkRig) subscribed(pub *socket.Socket, n int) {
	g.Helper()
	st := pub.Lifecycle(monitor.Subscribed)
	defer st.Stop()
	for peers := pub.Peers(); len(peers) == 0 || peers[0].Subscriptions < n; peers = pub.Peers() {
		g.event(st, monitor.Subscribed)
	}
}

// send sends a message to a plain socket's peers.
func (g *linkRig) send(s *socket.Socket, frames ...string) {
	g.Helper()
	g.must(s.Send(zmq4.NewMsgFromString(frames)))
}

// recv wants a plain socket's next message to be of these frames.
func (g *linkRig) recv(s *socket.Socket, frames ...string) {
	g.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), linkPatience)
	defer cancel()
	m, err := s.RecvContext(ctx)
	g.must(err)
	g.same(m.Frames, frames)
}

// next returns the next event of a subscription.
func linkNext[T any](g *linkRig, s *bus.Subscription[T]) bus.Event[T] {
	g.Helper()
	select {
	case e, ok := <-s.C():
		if !ok {
			g.Fatalf("%s ended: %v", s, s.Err())
		}
		return e
	case <-time.After(linkPatience):
		g.Fatalf("%s: nothing came: %+v", s, s.Stats())
	}
	panic("unreachable")
}

// wants reads events, each given as "topic=value".
func (g *linkRig) wants(s *bus.Subscription[string], events ...string) {
	g.Helper()
	for _, want := range events {
		if e := linkNext(g, s); e.Topic+"="+e.Value != want {
			g.Fatalf("%s: got %s=%s, want %s", s, e.Topic, e.Value, want)
		}
	}
}

// silent wants no event in a bubble at rest.
func (g *linkRig) silent(s *bus.Subscription[string]) {
	g.Helper()
	g.rest()
	select {
	case e, ok := <-s.C():
		g.Fatalf("%s: got %v (%v), want nothing", s, e, ok)
	default:
	}
}

// event returns the stream's next event of one of the types.
func (g *linkRig) event(st *monitor.Stream, types monitor.Type) monitor.Event {
	g.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), linkPatience)
	defer cancel()
	for {
		e, err := st.Next(ctx)
		if err != nil {
			g.Fatalf("waiting for %v: %v", types, err)
		}
		if e.Type&types != 0 {
			return e
		}
	}
}

func (g *linkRig) must(err error) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
}

// same wants two values to print the same.
func (g *linkRig) same(got, want any) {
	g.Helper()
	if a, b := fmt.Sprintf("%q", got), fmt.Sprintf("%q", want); a != b {
		g.Fatalf("got %.300s, want %.300s", a, b)
	}
}

func linkEnded() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// linkLog is what was logged.
type linkLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *linkLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// lines returns the lines that have text in them.
func (l *linkLog) lines(text string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

// linkStuck returns a bus with an export that holds messages for a peer that does not read.
func linkStuck(g *linkRig, cfg socket.Config, messages int) (*bus.Bus, *bus.Link, *socket.Socket) {
	g.Helper()
	g.net.Buffer(512)
	b := g.bus(cfg)
	l := g.export(b, "tcp://"+linkAt)
	sub := g.subscriber(l.Endpoint(), socket.Config{RecvHWM: 1}, "")
	g.wait(b, "", 1)
	for i := range messages {
		g.publish(b, "a", fmt.Sprintf("%0128d", i))
	}
	g.rest()
	return b, l, sub
}
