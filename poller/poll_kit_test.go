package poller

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/transport"

	"zmqbus/internal/memnet"
	"zmqbus/socket"
)

// pollPatience bounds every wait of these tests for something that does happen.
const pollPatience = 20 * time.Second

// pollStage is where the rows of a table play: on one transport, with sockets that end with the test.
type pollStage struct {
	t       *testing.T
	net     *memnet.Network // nil: the kernel's tcp
	scheme  string
	inproc  *socket.Inproc
	bubbled bool
}

// onStages runs play once on each of: tcp over an in-memory network and inproc, in bubbles, where a state is final once
// everything stands still; and tcp of the kernel, where it is what comes in time.
func onStages(t *testing.T, play func(g *pollStage)) {
	for _, scheme := range []string{"tcp", "inproc"} {
		t.Run(scheme+" in a bubble", func(t *testing.T) { inPollBubble(t, scheme, play) })
	}
	t.Run("tcp", func(t *testing.T) { play(&pollStage{t: t, scheme: "tcp"}) })
}

func inPollBubble(t *testing.T, scheme string, play func(g *pollStage)) {
	synctest.Test(t, func(t *testing.T) {
		play(&pollStage{t: t, net: memnet.New(), scheme: scheme, inproc: socket.NewInproc(), bubbled: true})
	})
}

func (g *pollStage) ctx() context.Context {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), pollPatience)
	g.t.Cleanup(cancel)
	return ctx
}

func (g *pollStage) open(typ zmq4.SocketType, cfg socket.Config) *socket.Socket {
	g.t.Helper()
	cfg.Inproc = g.inproc
	if g.net != nil {
		cfg.Transports = map[string]transport.Transport{"tcp": g.net}
	}
	s, err := socket.New(context.Background(), typ, &cfg)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { g.close(s) })
	if typ == zmq4.Sub {
		if err := s.Subscribe(""); err != nil {
			g.t.Fatal(err)
		}
	}
	return s
}

// close drops what is queued.
func (g *pollStage) close(s *socket.Socket) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.CloseContext(ctx)
}

// listen binds s and returns the endpoint to dial.
func (g *pollStage) listen(s *socket.Socket) string {
	g.t.Helper()
	ep := "inproc://here"
	if g.scheme == "tcp" {
		ep = "tcp://127.0.0.1:0"
	}
	if err := s.Listen(ep); err != nil {
		g.t.Fatal(err)
	}
	return s.Endpoints()[0].Endpoint
}

func (g *pollStage) dial(s *socket.Socket, ep string) {
	g.t.Helper()
	if err := s.Dial(ep); err != nil {
		g.t.Fatal(err)
	}
}

// absent is an endpoint where nobody is.
func (g *pollStage) absent() string {
	if g.scheme == "inproc" {
		return "inproc://nobody"
	}
	return "tcp://127.0.0.1:1"
}

// meet connects p to ep, where s listens, and returns when both know. A PUB knows once its peer's subscription is there;
// an XPUB, to which nobody subscribed yet, is not asked.
func (g *pollStage) meet(s, p *socket.Socket, ep string) {
	g.t.Helper()
	g.dial(p, ep)
	for _, x := range []*socket.Socket{s, p} {
		if x.Type() == zmq4.XPub {
			continue
		}
		if err := x.WaitPeers(g.ctx(), 1); err != nil {
			g.t.Fatal(err)
		}
	}
}

func (g *pollStage) send(s *socket.Socket, frames ...string) {
	g.t.Helper()
	if err := s.SendContext(g.ctx(), zmq4.NewMsgFromString(frames)); err != nil {
		g.t.Fatalf("%s: send %.20q: %v", s, frames, err)
	}
}

func (g *pollStage) recv(s *socket.Socket) zmq4.Msg {
	g.t.Helper()
	m, err := s.RecvContext(g.ctx())
	if err != nil {
		g.t.Fatalf("%s: recv: %v", s, err)
	}
	return m
}

// until waits for a state that no event announces.
func (g *pollStage) until(what string, ok func() bool) {
	g.t.Helper()
	for ctx := g.ctx(); !ok(); runtime.Gosched() {
		if ctx.Err() != nil {
			g.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// level is what a poll of In and Out says about s, once everything stands still.
func (g *pollStage) level(s *socket.Socket) Events {
	g.t.Helper()
	if g.bubbled {
		synctest.Wait()
	}
	items := []Item{{Socket: s, Events: In | Out}}
	if _, err := Poll(g.ctx(), items, 0); err != nil {
		g.t.Fatal(err)
	}
	return items[0].Revents
}

// is checks that s is, or on the kernel's tcp becomes, ready for what want says, as [pollBits] has it.
func (g *pollStage) is(state string, s *socket.Socket, want string) {
	g.t.Helper()
	if !g.bubbled {
		g.until(fmt.Sprintf("%s, %s: %s", state, s.Type(), want), func() bool { return pollBits(g.level(s)) == want })
	} else if got := pollBits(g.level(s)); got != want {
		g.t.Errorf("%s, %s: %s, want %s", state, s.Type(), got, want)
	}
}

// pollWaiters is how many waiters f has.
func pollWaiters(f *fake) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.known
}
