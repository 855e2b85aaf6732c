package reactor

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/transport"
	"go.uber.org/goleak"

	"zmqbus/internal/memnet"
	"zmqbus/socket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a reactor for a test, ended with it. In a bubble it also has a network.
type rig struct {
	*Reactor
	t   *testing.T
	net *memnet.Network
	n   int // pipelines

	cancel context.CancelCauseFunc // of a reactor that a test made with a context
}

// newRig makes a reactor with room for events, 0 being the default.
func newRig(t *testing.T, events int) *rig {
	t.Helper()
	r, err := New(context.Background(), &Config{Events: events})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Stop()
		_ = r.Wait() // what it returns is the test's, if it wants it
	})
	return &rig{Reactor: r, t: t}
}

// rigBubble runs test in a synctest bubble: time is fake, and wait returns when nothing more happens.
func rigBubble(t *testing.T, events int, test func(g *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, events)
		g.net = memnet.New()
		test(g)
	})
}

// wait returns when everything has come to rest, in a bubble.
func (g *rig) wait() { synctest.Wait() }

// pass lets the time of a bubble pass.
func (g *rig) pass(d time.Duration) { time.Sleep(d) }

func (g *rig) add(src Source) ID {
	g.t.Helper()
	id, err := g.Add(src)
	if err != nil {
		g.t.Fatal(err)
	}
	return id
}

func (g *rig) handle(src Source, f func(Event) error) ID {
	g.t.Helper()
	id, err := g.Handle(src, f)
	if err != nil {
		g.t.Fatal(err)
	}
	return id
}

func (g *rig) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// next returns the next event of the channel.
func (g *rig) next() Event {
	g.t.Helper()
	select {
	case e, ok := <-g.Events():
		if !ok {
			g.t.Fatalf("Events is closed: %v", g.Wait())
		}
		return e
	case <-time.After(20 * time.Second):
		g.t.Fatal("nothing came")
	}
	return nil
}

// expect reads events and compares them with what they say.
func (g *rig) expect(events ...string) {
	g.t.Helper()
	for _, want := range events {
		if got := say(g.next()); got != want {
			g.t.Fatalf("got %s, want %s", got, want)
		}
	}
}

// silent checks that no event is there, in a bubble.
func (g *rig) silent() {
	g.t.Helper()
	g.wait()
	if len(g.Events()) > 0 {
		g.t.Fatalf("got %s, want nothing", say(<-g.Events()))
	}
}

// say puts an event into words.
func say(e Event) string {
	switch e := e.(type) {
	case Message:
		return fmt.Sprintf("%d: message %s", e.Source, e.Msg.Frames[len(e.Msg.Frames)-1])
	case Lifecycle:
		return fmt.Sprintf("%d: %s", e.Source, e.Event.Type)
	case Readiness:
		return fmt.Sprintf("%d: ready %d", e.Source, e.Events)
	case Tick:
		return fmt.Sprintf("%d: tick %d", e.Source, e.Count)
	case Value:
		return fmt.Sprintf("%d: value %v", e.Source, e.Value)
	case Closed:
		return fmt.Sprintf("%d: closed %v", e.Source, e.Err)
	}
	return fmt.Sprintf("%T", e)
}

func sayAll(events []Event) string {
	var all []string
	for _, e := range events {
		all = append(all, say(e))
	}
	return fmt.Sprint(all)
}

// open makes a socket on the bubble's network, closed with the test.
func (g *rig) open(ctx context.Context, typ zmq4.SocketType, cfg socket.Config) *socket.Socket {
	g.t.Helper()
	cfg.Transports = map[string]transport.Transport{"tcp": g.net}
	cfg.Linger = socket.None
	s, err := socket.New(ctx, typ, &cfg)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = s.Close() }) // tells of messages that nobody took
	return s
}

// pipeline returns a PUSH connected to a PULL, in a bubble.
func (g *rig) pipeline(cfg socket.Config) (push, pull *socket.Socket) {
	g.t.Helper()
	push = g.open(context.Background(), zmq4.Push, cfg)
	pull = g.open(context.Background(), zmq4.Pull, cfg)
	g.n++
	ep := fmt.Sprintf("tcp://127.0.0.1:%d", 5000+g.n)
	g.must(errors.Join(pull.Listen(ep), push.Dial(ep)))
	g.must(push.WaitPeers(context.Background(), 1))
	g.must(pull.WaitPeers(context.Background(), 1))
	return push, pull
}

// send sends the numbers from first to last.
func (g *rig) send(s *socket.Socket, first, last int) {
	g.t.Helper()
	for i := first; i <= last; i++ {
		g.must(s.Send(zmq4.NewMsgString(fmt.Sprint(i))))
	}
}

func wantError(t *testing.T, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Fatalf("got error %v, want %v", err, target)
		}
	}
}
