package reactor

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/socket"
)

const (
	fairRounds = 50
	fairGap    = 37 // events of the floods between two rounds, so that they begin at different moments of a turn
)

var errFairEnough = errors.New("enough rounds")

// fairRig is a reactor with sources that flood, and a quiet one that gets one message at a time.
type fairRig struct {
	t          *testing.T
	r          *Reactor
	push, pull *socket.Socket // the two ends of the quiet source
	quiet      ID
	begin      chan struct{} // closed when all sources are there
	peek       bool          // floods have handlers and the quiet source has not: a handler looks into Events()

	waits atomic.Bool  // the quiet source has a message; the fields below belong to see while it is set, else to flood
	count atomic.Int64 // events delivered meanwhile
	worst int64
	done  int
	gap   int
}

// fairPair returns two connected sockets without high-water marks.
func fairPair(t *testing.T, name string) (push, pull *socket.Socket) {
	cfg := &socket.Config{SendHWM: socket.None, RecvHWM: socket.None, Linger: socket.None}
	open := func(typ zmq4.SocketType) *socket.Socket {
		s, err := socket.New(context.Background(), typ, cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() }) // tells of messages that nobody took
		return s
	}
	push, pull = open(zmq4.Push), open(zmq4.Pull)
	ep := "inproc://" + t.Name() + name
	if err := errors.Join(pull.Listen(ep), push.Dial(ep)); err != nil {
		t.Fatal(err)
	}
	return push, pull
}

// fairFill sends n messages, and returns when pull has queued them and told who waits.
func fairFill(push, pull *socket.Socket, n uint64) error {
	before := pull.Stats().In.Received
	for range n {
		if err := push.Send(zmq4.NewMsg([]byte("m"))); err != nil {
			return err
		}
	}
	for start := time.Now(); pull.Stats().In.Received < before+n; runtime.Gosched() {
		if time.Since(start) > propPatience {
			return errors.New("messages do not get through")
		}
	}
	return nil
}

// flood counts an event of a flood, and begins the rounds: it makes the quiet source ready.
func (g *fairRig) flood(Event) error {
	<-g.begin
	if g.waits.Load() {
		g.count.Add(1)
		if g.peek && len(g.r.Events()) > 0 {
			return g.see(<-g.r.Events())
		}
		return nil
	}
	if g.done == fairRounds {
		return errFairEnough
	}
	if g.gap++; g.gap < fairGap {
		return nil
	}
	g.gap = 0
	g.count.Store(0)
	g.waits.Store(true)
	return fairFill(g.push, g.pull, 1)
}

// see takes the quiet source's event.
func (g *fairRig) see(Event) error {
	g.worst = max(g.worst, g.count.Load())
	g.done++
	g.waits.Store(false)
	return nil
}

// read is flood and see for the events of the channel.
func (g *fairRig) read(e Event) error {
	if e.From() == g.quiet {
		return g.see(e)
	}
	return g.flood(e)
}

func (g *fairRig) add(src Source, direct bool, f func(Event) error) (id ID) {
	var err error
	if direct {
		id, err = g.r.Handle(src, f)
	} else {
		id, err = g.r.Add(src)
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return id
}

// A source that becomes ready beside others that flood is served after at most budget x sources + cap(Events) events.
func TestQuietBesideFloods(t *testing.T) {
	forms := map[bool]string{false: "channel", true: "handler"}
	for _, cfg := range []Config{{}, {Budget: 3, Events: 5}, {Budget: 1, Events: 1}} {
		for _, floodsDirect := range []bool{false, true} {
			for _, quietDirect := range []bool{false, true} {
				name := fmt.Sprintf("budget=%d/floods=%s/quiet=%s", cfg.Budget, forms[floodsDirect], forms[quietDirect])
				t.Run(name, func(t *testing.T) { fairRun(t, cfg, floodsDirect, quietDirect) })
			}
		}
	}
}

func fairRun(t *testing.T, cfg Config, floodsDirect, quietDirect bool) {
	const floods = 8
	budget, events := int64(or(cfg.Budget, defaultBudget)), int64(or(cfg.Events, maxEvents))
	bound := budget*(floods+1) + events
	fill := 2 * fairRounds * uint64(bound+fairGap) / floods // more than the rounds take: they never run dry
	ctx, cancel := context.WithTimeout(context.Background(), propPatience)
	defer cancel()
	r, err := New(ctx, &cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	g := &fairRig{t: t, r: r, begin: make(chan struct{}), peek: floodsDirect && !quietDirect}
	begin := sync.OnceFunc(func() { close(g.begin) })
	defer begin()
	var pulls []*socket.Socket
	for i := range floods {
		push, pull := fairPair(t, fmt.Sprint(i))
		if err := fairFill(push, pull, fill); err != nil {
			t.Fatal(err)
		}
		pulls = append(pulls, pull)
	}
	g.push, g.pull = fairPair(t, "quiet")
	g.quiet = g.add(Messages(g.pull), quietDirect, g.see)
	for _, pull := range pulls {
		g.add(Messages(pull), floodsDirect, g.flood)
	}
	begin()
	if floodsDirect {
		err = r.Wait()
	} else {
		err = r.Run(g.read)
	}
	if !errors.Is(err, errFairEnough) {
		t.Fatal(err)
	}
	for i, pull := range pulls {
		if pull.Stats().In.Queued == 0 {
			t.Errorf("flood %d has run dry", i)
		}
	}
	t.Logf("%d rounds: at most %d events before the quiet one's; the bound is %d", g.done, g.worst, bound)
	if g.worst > bound {
		t.Errorf("the quiet source waited for %d events, more than %d", g.worst, bound)
	}
}
