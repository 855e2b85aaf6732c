package socket

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/transport"

	"zmqbus/internal/memnet"
	"zmqbus/monitor"
)

var update = flag.Bool("update", false, "rewrite testdata/lifecycle")

// at is where scripts meet on the in-memory network.
const at = "127.0.0.1:5555"

// memConfig puts a socket on n in place of the kernel's tcp.
func memConfig(n *memnet.Network, cfg Config) *Config {
	cfg.Transports = map[string]transport.Transport{"tcp": n}
	return &cfg
}

// stage is where a script plays: the in-memory network in a synctest bubble, or real tcp or ipc (net is nil then).
type stage struct {
	t      *testing.T
	net    *memnet.Network
	ep     string // where the actors meet
	actors []*actor
}

// actor is one socket of a script, with all its events.
type actor struct {
	*Socket
	stage  *stage
	name   string
	stream *monitor.Stream
	events []monitor.Event
	closed bool
}

// bubble plays on the in-memory network with fake time.
func bubble(t *testing.T, play func(g *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		play(&stage{t: t, net: memnet.New(), ep: "tcp://" + at})
	})
}

func (g *stage) actor(name string, typ zmq4.SocketType, cfg Config) *actor {
	g.t.Helper()
	c := &cfg
	if g.net != nil {
		c = memConfig(g.net, cfg)
	}
	s := open(g.t, typ, c)
	a := &actor{Socket: s, stage: g, name: name, stream: s.Lifecycle(0)}
	g.actors = append(g.actors, a)
	return a
}

// pair returns a server that listens and a client that was told to dial, both DEALERs.
func (g *stage) pair(server, client Config) (*actor, *actor) {
	s, c := g.actor("server", zmq4.Dealer, server), g.actor("client", zmq4.Dealer, client)
	s.listen(g.ep)
	c.dial(g.ep)
	return s, c
}

func (a *actor) listen(ep string) {
	a.stage.t.Helper()
	if err := a.Listen(ep); err != nil {
		a.stage.t.Fatal(err)
	}
}

func (a *actor) dial(ep string) {
	a.stage.t.Helper()
	dial(a.stage.t, a.Socket, ep)
}

// await records events up to the next of one of the types, and returns that.
func (a *actor) await(types monitor.Type) monitor.Event {
	a.stage.t.Helper()
	ctx := testContext(a.stage.t)
	if a.stage.net != nil {
		ctx = context.Background() // time costs nothing; the bubble notices when nothing can come any more
	}
	for {
		e, err := a.stream.Next(ctx)
		if err != nil {
			a.stage.t.Fatalf("%s waits for %v after\n%s: %v", a.name, types, a.stage.render(a), err)
		}
		a.events = append(a.events, e)
		if e.Type&types != 0 {
			return e
		}
	}
}

// state returns the state of a's only endpoint.
func (a *actor) state() EndpointState {
	a.stage.t.Helper()
	eps := a.Endpoints()
	if len(eps) != 1 {
		a.stage.t.Fatalf("%s has endpoints %v, want one", a.name, eps)
	}
	return eps[0].State
}

// end closes the actor and records the rest of its events.
func (a *actor) end() {
	a.stage.t.Helper()
	if a.closed {
		return
	}
	a.closed = true
	if err := a.Close(); err != nil {
		a.stage.t.Errorf("closing %s: %v", a.name, err)
	}
	a.await(monitor.MonitorStopped)
	if _, err := a.stream.Next(testContext(a.stage.t)); !errors.Is(err, monitor.ErrClosed) {
		a.stage.t.Errorf("%s: the stream goes on after MONITOR_STOPPED", a.name)
	}
	for _, fault := range orderFaults(a.events) {
		a.stage.t.Errorf("%s: %s\n%s", a.name, fault, a.stage.render(a))
	}
}

// settle lets everything happen that needs no time to pass.
func (g *stage) settle() {
	if g.net != nil {
		synctest.Wait()
	}
}

// quiet lets two hours pass on the in-memory network, and finds no new event of a.
func (g *stage) quiet(a *actor) {
	if g.net == nil {
		return // what would come shows up before MONITOR_STOPPED
	}
	time.Sleep(2 * time.Hour)
	synctest.Wait()
	select {
	case e := <-a.stream.C():
		g.t.Errorf("%s: then came %v", a.name, e)
	default:
	}
}

// script returns all that the actors saw.
func (g *stage) script() string {
	for _, a := range slices.Backward(g.actors) {
		a.end()
		g.settle() // the others see it before they end themselves
	}
	var b strings.Builder
	for _, a := range g.actors {
		fmt.Fprintf(&b, "%s\n%s", a.name, g.render(a))
	}
	return b.String()
}

// render prints one event per line: type, value, endpoint, typed reason, and whether a retry follows. Of descriptors and
// intervals only the kind is told: the kernel and chance choose them, and orderFaults compares them.
func (g *stage) render(a *actor) string {
	var b strings.Builder
	for _, e := range a.events {
		fmt.Fprintf(&b, "  %v", e.Type)
		switch {
		case e.Type == monitor.ConnectRetried:
			b.WriteString(" ms")
		case strings.HasPrefix(e.Detail(), "fd "):
			b.WriteString(" fd")
		case e.Detail() != "":
			b.WriteString(" " + e.Detail())
		}
		if e.Endpoint != "" {
			b.WriteString(" " + strings.ReplaceAll(e.Endpoint, g.ep, "EP"))
		}
		if r := reasonName(e.Err); r != "" {
			b.WriteString(" (" + r + ")")
		}
		if e.Retry {
			b.WriteString(" retry")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func reasonName(err error) string {
	for _, r := range []struct {
		name string
		err  error
	}{
		{"eof", monitor.ErrEOF}, {"reset", monitor.ErrReset}, {"timeout", monitor.ErrTimeout}, {"oversize", monitor.ErrOversize},
		{"auth", monitor.ErrAuth}, {"protocol", monitor.ErrProtocol}, {"local", monitor.ErrLocal},
	} {
		if errors.Is(err, r.err) {
			return r.name
		}
	}
	if errno := errnoOf(err); errno != 0 {
		return strings.ToLower(monitor.Event{Type: monitor.BindFailed, Value: int64(errno)}.Detail())
	}
	if err != nil {
		return "other"
	}
	return ""
}

// golden compares text with the file of that name, or writes it.
func golden(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join("testdata", "lifecycle", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if w := strings.ReplaceAll(string(want), "\r\n", "\n"); text != w {
		t.Errorf("got\n%s\nwant\n%s", text, w)
	}
}
