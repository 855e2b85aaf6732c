package socket

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

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

// orderFaults checks the history of one socket, from its start to its end, against the ordering that libzmq keeps
// in every run.
func orderFaults(events []monitor.Event) []string {
	o := orderCheck{conns: map[monitor.ConnID][]monitor.Event{}, owed: map[string]int{}}
	for i, e := range events {
		o.last = i == len(events)-1
		o.see(e)
		o.before = e
	}
	if o.before.Type != monitor.MonitorStopped {
		o.fault("the last event is %v, not MONITOR_STOPPED", o.before.Type)
	}
	return o.faults
}

type orderCheck struct {
	conns  map[monitor.ConnID][]monitor.Event
	owed   map[string]int // CONNECT_RETRIED that DISCONNECTED and CLOSED have promised, by endpoint
	before monitor.Event
	last   bool
	faults []string
}

func (o *orderCheck) fault(format string, args ...any) {
	o.faults = append(o.faults, fmt.Sprintf(format, args...))
}

func (o *orderCheck) see(e monitor.Event) {
	if e.Seq != o.before.Seq+1 || e.Time.Before(o.before.Time) {
		o.fault("%v has number %d at %v, after %d at %v", e.Type, e.Seq, e.Time, o.before.Seq, o.before.Time)
	}
	switch e.Type {
	case monitor.MonitorStopped:
		if !o.last || e.Value != 0 || e.Endpoint != "" {
			o.fault("MONITOR_STOPPED is not last, or says something: %v", e)
		}
	case monitor.ConnectDelayed:
		if e.Value != int64(syscall.EINPROGRESS) || e.Conn != 0 {
			o.fault("CONNECT_DELAYED with value %d of connection %d", e.Value, e.Conn)
		}
	case monitor.ConnectRetried:
		o.seeRetry(e)
	case monitor.Closed:
		if l := o.conns[e.Conn]; e.Conn != 0 && (len(l) != 1 || l[0].Value != e.Value || l[0].Endpoint != e.Endpoint) {
			o.fault("%v of listener %v", e, l)
		}
		if e.Retry {
			o.owed[e.Endpoint]++
		}
	case monitor.Connected, monitor.Accepted, monitor.Listening:
		if len(o.conns[e.Conn]) > 0 || e.Conn == 0 || e.Value < 0 {
			o.fault("%v again, or without a connection: %v", e.Type, e)
		}
		o.conns[e.Conn] = []monitor.Event{e}
	case monitor.HandshakeSucceeded, monitor.HandshakeFailedNoDetail, monitor.HandshakeFailedProtocol, monitor.HandshakeFailedAuth, monitor.Disconnected:
		o.seeConn(e)
	}
}

// seeRetry: CONNECT_RETRIED follows what it retries; only a name that did not resolve had no event before.
func (o *orderCheck) seeRetry(e monitor.Event) {
	var dns *net.DNSError
	switch {
	case e.Value < 1 || !e.Retry:
		o.fault("%v after %d ms", e, e.Value)
	case o.owed[e.Endpoint] > 0:
		o.owed[e.Endpoint]--
	case !errors.As(e.Err, &dns):
		o.fault("CONNECT_RETRIED %s follows nothing that is retried", e.Endpoint)
	}
}

// seeConn: CONNECTED or ACCEPTED, then the handshake's one event, then DISCONNECTED, all of one descriptor.
func (o *orderCheck) seeConn(e monitor.Event) {
	history := o.conns[e.Conn]
	if len(history) == 0 {
		o.fault("%v before its connection", e.Type)
		return
	}
	first, prev := history[0], history[len(history)-1]
	switch {
	case e.Endpoint != first.Endpoint:
		o.fault("%v at %s of a connection at %s", e.Type, e.Endpoint, first.Endpoint)
	case prev.Type == monitor.Disconnected:
		o.fault("%v after DISCONNECTED", e.Type)
	case e.Type == monitor.Disconnected:
		if e.Value != first.Value {
			o.fault("DISCONNECTED fd %d, connected as %d", e.Value, first.Value)
		}
		if e.Retry {
			o.owed[e.Endpoint]++
		}
	case len(history) > 1:
		o.fault("%v after %v", e.Type, prev.Type)
	}
	o.conns[e.Conn] = append(history, e)
}
