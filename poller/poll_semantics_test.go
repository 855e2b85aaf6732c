package poller

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/socket"
)

// onBubble is the stage of rows that are exact to the nanosecond.
func onBubble(t *testing.T, play func(g *pollStage)) { inPollBubble(t, "tcp", play) }

// pollTick is the unit of zmq_poll's timeout.
const pollTick = time.Millisecond

// pollSemantics are the rows for sockets; those with descriptors are in pollFDRows.
var pollSemantics = []pollRow{
	{name: "3 two-part messages queued", libzmq: "IN IN IN IN 0", play: func(g *pollStage) string {
		_, b := g.connected(zmq4.Push, zmq4.Pull, 3)
		got := []string{pollBits(g.level(b)), pollBits(g.level(b))} // looking takes nothing
		for range 3 {
			g.recv(b)
			got = append(got, pollBits(g.level(b)))
		}
		return strings.Join(got, " ")
	}},
	{name: "in the middle of a message", libzmq: "IN", inexpressible: "Recv returns whole messages"},
	{name: "sender has sent only a SNDMORE part", libzmq: "not IN until the last part is sent", inexpressible: "Send takes whole messages"},

	{name: "IN and OUT asked, both ready", libzmq: "rc=1 [IN+OUT]", play: pollReady(0, In|Out)},
	{name: "only IN asked", libzmq: "rc=1 [IN]", play: pollReady(0, In)},
	{name: "only OUT asked", libzmq: "rc=1 [OUT]", play: pollReady(0, Out)},
	{name: "events 0 on a ready socket", libzmq: "rc=0 [0] 50ms", play: pollReady(50*pollTick, 0)},
	{name: "events ERR+PRI on a ready socket", libzmq: "rc=0 [0] 50ms", play: pollReady(50*pollTick, Err|Pri)},
	{name: "events 0x40", libzmq: "rc=0 [0] 50ms", play: pollReady(50*pollTick, 0x40)},
	{name: "events 0x8000", libzmq: "rc=0 [0] 50ms", play: pollReady(50*pollTick, 0x8000)},
	{name: "events -1", libzmq: "rc=1 [IN+OUT]", play: pollReady(0, 0xffff)},
	{name: "events IN and 0x40", libzmq: "rc=1 [IN]", play: pollReady(0, In|0x40)},
	{name: "duplicates", libzmq: "rc=3 [IN,OUT,IN+OUT]", play: pollReady(0, In, Out, In|Out)},
	{name: "revents of the idle are cleared", libzmq: "rc=1 [IN,0,0]", play: func(g *pollStage) string {
		d, idle := g.ready(), g.open(zmq4.Pull, socket.Config{})
		return pollAnswer(g.ctx(), 0, Item{Socket: d, Events: In}, Item{Socket: idle, Events: In}, Item{Socket: g.open(zmq4.Push, socket.Config{}), Events: In})
	}},

	{name: "timeout 0", libzmq: "rc=0 [0]", play: pollIdle(0)},
	{name: "timeout 50", libzmq: "rc=0 [0] 50ms", play: pollIdle(50 * pollTick)},
	{name: "timeout 1", libzmq: "rc=0 [0] 1ms", play: pollIdle(pollTick)},
	{name: "timeout 0.3", libzmq: "(whole ms)", ours: "rc=0 [0] 300µs", why: "fractions are kept", play: pollIdle(300 * time.Microsecond)},
	{name: "timeout 50, ready after 20", libzmq: "rc=1 [IN] 20ms", play: pollMessageAfter(20*pollTick, 50*pollTick)},
	{name: "timeout -1, message after 120", libzmq: "rc=1 [IN] 120ms", play: pollMessageAfter(120*pollTick, -1)},
	{name: "timeout -7, message after 120", libzmq: "rc=1 [IN] 120ms", play: pollMessageAfter(120*pollTick, -7*pollTick)},
	{name: "no items, timeout 0", libzmq: "rc=0 []", play: func(g *pollStage) string { return pollAnswer(g.ctx(), 0) }},
	{name: "no items, timeout 50", libzmq: "rc=0 [] 50ms", play: func(g *pollStage) string { return pollAnswer(g.ctx(), 50*pollTick) }},
	{
		name: "no items, timeout -1", libzmq: "blocks for ever", ours: "rc=-1 cause [] 1h0m0s", why: "a wait ends with its context",
		play: func(g *pollStage) string { return pollAnswer(pollCancelled(g, time.Hour), -1) },
	},
	{name: "nitems < 0", libzmq: "EINVAL", inexpressible: "a slice has no negative length"},
	{name: "items NULL with nitems > 0", libzmq: "EFAULT", inexpressible: "a nil slice is empty"},

	{name: "closed socket", libzmq: "rc=-1 ENOTSOCK [untouched,untouched]", ours: "rc=-1 closed item 1 [untouched,untouched]",
		why: "a closed Socket is still a value that says so, where libzmq's is freed memory", play: pollClosed(In, false)},
	{name: "closed socket first", libzmq: "rc=-1 ENOTSOCK [untouched,untouched]", ours: "rc=-1 closed item 0 [untouched,untouched]",
		why: "as above", play: pollClosed(In, true)},
	{name: "closed socket, events 0", libzmq: "rc=-1 ENOTSOCK [untouched,untouched]", ours: "rc=-1 closed item 1 [untouched,untouched]",
		why: "as above", play: pollClosed(0, false)},
	{name: "a pointer that is no socket", libzmq: "rc=-1 ENOTSOCK [untouched]", ours: "rc=-1 ENOTSOCK item 0 [untouched]",
		why: "the error names the item; the only such pointer in Go is nil", play: func(g *pollStage) string {
			return pollAnswer(g.ctx(), 0, Item{Socket: (*socket.Socket)(nil), FD: -1})
		}},
	{name: "context shut down during a wait", libzmq: "rc=-1 ETERM [0,0] 100ms", ours: "rc=-1 closed item 1 [0,0] 100ms",
		why: "there is no context object: the socket's own closing is what ends, and its error matches ETERM", play: pollEnding(socket.ETERM)},
	{name: "and a later poll, events 0", libzmq: "rc=-1 ETERM [untouched]", ours: "rc=-1 closed item 0 [untouched]", why: "as above",
		play: func(g *pollStage) string {
			ctx, cancel := context.WithCancel(context.Background())
			s, err := socket.New(ctx, zmq4.Pull, nil)
			if err != nil {
				g.t.Fatal(err)
			}
			cancel()
			<-s.Done()
			return pollAnswer(g.ctx(), 50*pollTick, Item{Socket: s})
		}},
	{
		name: "the call's own context ends", libzmq: "(none)", ours: "rc=-1 cause [0] 1h0m0s", why: "Go's calls are cancelled by a context",
		play: func(g *pollStage) string {
			return pollAnswer(pollCancelled(g, time.Hour), -1, Item{Socket: g.open(zmq4.Pull, socket.Config{}), Events: In})
		},
	},
	{
		name: "it has ended before", libzmq: "(none)", ours: "rc=-1 cause [untouched]", why: "an ended context comes first, whatever is ready",
		play: func(g *pollStage) string {
			return pollAnswer(pollCancelled(g, 0), -1, Item{Socket: g.ready(), Events: In})
		},
	},
	{
		name: "no context", libzmq: "(none)", ours: "rc=-1 nil context [untouched]", why: "bad input is an error",
		play: func(g *pollStage) string {
			var none context.Context
			return pollAnswer(none, 0, Item{Socket: g.ready(), Events: In})
		},
	},
	{name: "signal during the wait", libzmq: "EINTR", inexpressible: "Go delivers signals on channels, and its runtime sends itself some: the wait goes on"},
	{name: "ZMQ_FD", libzmq: "edge-triggered", inexpressible: "sockets have no descriptor of their own"},

	{name: "PUSH, OUT with -1, peer connects after 100", libzmq: "rc=1 [OUT] 100ms", play: func(g *pollStage) string {
		push, pull := g.open(zmq4.Push, socket.Config{}), g.open(zmq4.Pull, socket.Config{})
		ep := g.listen(push)
		time.AfterFunc(100*pollTick, func() { g.dial(pull, ep) })
		return pollAnswer(g.ctx(), -1, Item{Socket: push, Events: Out})
	}},
	{name: "and after that peer has left", libzmq: "rc=0 [0] 100ms", play: func(g *pollStage) string {
		push, pull := g.connected(zmq4.Push, zmq4.Pull, 0)
		g.close(pull)
		synctest.Wait()
		return pollAnswer(g.ctx(), 100*pollTick, Item{Socket: push, Events: Out})
	}},
}

func TestPollSemantics(t *testing.T) { pollRows(t, pollSemantics, onBubble) }

// connected returns two connected sockets, the first of which has sent n messages of two parts.
func (g *pollStage) connected(a, b zmq4.SocketType, n int) (x, y *socket.Socket) {
	g.t.Helper()
	x, y = g.open(a, socket.Config{}), g.open(b, socket.Config{})
	g.meet(x, y, g.listen(x))
	for range n {
		g.send(x, "p1", "p2")
	}
	synctest.Wait()
	return x, y
}

// ready returns a DEALER that is ready to receive and to send.
func (g *pollStage) ready() *socket.Socket {
	_, d := g.connected(zmq4.Dealer, zmq4.Dealer, 1)
	return d
}

// pollReady polls one ready socket, as several items that ask for different events.
func pollReady(timeout time.Duration, asked ...Events) func(g *pollStage) string {
	return func(g *pollStage) string {
		d := g.ready()
		var items []Item
		for _, ev := range asked {
			items = append(items, Item{Socket: d, Events: ev})
		}
		return pollAnswer(g.ctx(), timeout, items...)
	}
}

func pollIdle(timeout time.Duration) func(g *pollStage) string {
	return func(g *pollStage) string {
		return pollAnswer(g.ctx(), timeout, Item{Socket: g.open(zmq4.Pull, socket.Config{}), Events: In})
	}
}

func pollMessageAfter(d, timeout time.Duration) func(g *pollStage) string {
	return func(g *pollStage) string {
		push, pull := g.connected(zmq4.Push, zmq4.Pull, 0)
		time.AfterFunc(d, func() { g.send(push, "x") })
		return pollAnswer(g.ctx(), timeout, Item{Socket: pull, Events: In})
	}
}

// pollClosed polls a ready socket and one that is closed.
func pollClosed(ev Events, first bool) func(g *pollStage) string {
	return func(g *pollStage) string {
		gone := g.open(zmq4.Pull, socket.Config{})
		g.close(gone)
		items := []Item{{Socket: g.ready(), Events: In}, {Socket: gone, Events: ev}}
		if first {
			items[0], items[1] = items[1], items[0]
		}
		return pollAnswer(g.ctx(), -1, items...)
	}
}

// pollEnding closes a socket, which is asked for nothing, 100 ms into a wait.
func pollEnding(matches error) func(g *pollStage) string {
	return func(g *pollStage) string {
		idle, gone := g.open(zmq4.Pull, socket.Config{}), g.open(zmq4.Pull, socket.Config{})
		time.AfterFunc(100*pollTick, func() { g.close(gone) })
		answer := pollAnswer(g.ctx(), -1, Item{Socket: idle, Events: In}, Item{Socket: gone})
		_, err := Poll(g.ctx(), []Item{{Socket: gone}}, 0)
		var item *ItemError
		if !errors.Is(err, matches) || !errors.As(err, &item) || item.Socket != gone {
			g.t.Errorf("later: %v", err)
		}
		return answer
	}
}

// pollCancelled returns a context that ends after d.
func pollCancelled(g *pollStage, d time.Duration) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	g.t.Cleanup(func() { cancel(nil) })
	if d == 0 {
		cancel(errPollCause)
	} else {
		time.AfterFunc(d, func() { cancel(errPollCause) })
	}
	return ctx
}
