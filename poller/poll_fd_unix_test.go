//go:build unix

package poller

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
	"golang.org/x/sys/unix"

	"zmqbus/socket"
)

// pollFDRows are the rows for descriptors, answered by Linux. They run in real time: a wait in them is told as its
// timeout when it was not shorter, and not very much longer.
var pollFDRows = []pollRow{
	{name: "pipe read end, empty, IN", libzmq: "rc=0 [0] 30ms", play: func(g *pollStage) string {
		r, _ := g.pipe()
		return g.fds(30*pollTick, r.is(In))
	}},
	{name: "pipe write end OUT", libzmq: "rc=1 [OUT]", play: func(g *pollStage) string {
		_, w := g.pipe()
		return g.fds(0, w.is(Out))
	}},
	{name: "pipe read end with data, IN+OUT", libzmq: "rc=1 [IN]", play: func(g *pollStage) string {
		r, w := g.pipe()
		w.write("x")
		return g.fds(0, r.is(In|Out))
	}},
	{name: "same, events 0", libzmq: "rc=0 [0] 20ms", play: func(g *pollStage) string {
		r, w := g.pipe()
		w.write("x")
		return g.fds(20*pollTick, r.is(0))
	}},
	{name: "pipe, data left and writer closed, IN", libzmq: "rc=1 [IN+ERR]", play: func(g *pollStage) string {
		r, w := g.pipe()
		w.write("x")
		w.close()
		return g.fds(-1, r.is(In))
	}},
	{name: "pipe drained and writer closed, IN", libzmq: "rc=1 [ERR]", play: pollHungUp(In)},
	{name: "pipe drained and writer closed, events 0", libzmq: "rc=1 [ERR]", play: pollHungUp(0)},
	{name: "pipe drained and writer closed, OUT only", libzmq: "rc=1 [ERR]", play: pollHungUp(Out)},
	{name: "pipe write end, reader closed, OUT", libzmq: "rc=1 [OUT+ERR]", play: pollReaderClosed(Out)},
	{name: "pipe write end, reader closed, events 0", libzmq: "rc=1 [ERR]", play: pollReaderClosed(0)},
	{name: "regular file IN+OUT+PRI", libzmq: "rc=1 [IN+OUT]", play: func(g *pollStage) string {
		f, err := os.CreateTemp(g.t.TempDir(), "")
		if err != nil {
			g.t.Fatal(err)
		}
		defer f.Close()
		return g.fds(0, Item{FD: int(f.Fd()), Events: In | Out | Pri})
	}},
	{name: "closed fd IN", libzmq: "rc=1 [ERR]", play: func(g *pollStage) string { return g.fds(-1, g.closedFD().is(In)) }},
	{name: "closed fd events 0", libzmq: "rc=1 [ERR]", play: func(g *pollStage) string { return g.fds(-1, g.closedFD().is(0)) }},
	{name: "fd -1 IN", libzmq: "rc=0 [0] 20ms", play: func(g *pollStage) string { return g.fds(20*pollTick, Item{FD: -1, Events: In}) }},
	{name: "fd -1 and socket NULL, events 0", libzmq: "rc=0 [0] 20ms", play: func(g *pollStage) string { return g.fds(20*pollTick, Item{FD: -1}) }},
	{name: "an fd greater than any", libzmq: "(an int)", ours: "rc=1 [ERR]", why: "it is not open",
		play: func(g *pollStage) string { return g.fds(-1, Item{FD: math.MaxInt, Events: In}) }},

	{name: "unix socketpair idle, all asked", libzmq: "rc=1 [OUT]", play: func(g *pollStage) string {
		a, _ := g.socketpair()
		return g.fds(0, a.is(known))
	}},
	{name: "unix socketpair, peer closed, IN+OUT", libzmq: "rc=1 [IN+OUT+ERR]", play: pollPeerClosed(In | Out)},
	{name: "unix socketpair, peer closed, ERR only", libzmq: "rc=1 [ERR]", play: pollPeerClosed(Err)},
	{name: "tcp idle, IN+OUT+PRI", libzmq: "rc=1 [OUT]", play: func(g *pollStage) string {
		s, _ := g.tcp()
		return g.fds(0, s.is(In|Out|Pri))
	}},
	{name: "tcp OOB, IN+PRI", libzmq: "rc=1 [PRI]", play: func(g *pollStage) string { return g.fds(0, g.urgent().is(In|Pri)) }},
	{name: "tcp OOB, PRI not asked", libzmq: "rc=0 [0] 20ms", play: func(g *pollStage) string { return g.fds(20*pollTick, g.urgent().is(In)) }},
	{name: "tcp after RST, IN+OUT", libzmq: "rc=1 [IN+OUT+ERR]", play: pollReset(In | Out)},
	{name: "tcp after RST, events 0", libzmq: "rc=1 [ERR]", play: pollReset(0)},
	{name: "tcp half-closed by the peer, IN+OUT", libzmq: "rc=1 [IN+OUT]", play: func(g *pollStage) string {
		s, k := g.tcp()
		g.ok(unix.Shutdown(k.n, unix.SHUT_WR))
		g.fds(-1, s.is(In))
		return g.fds(0, s.is(In|Out))
	}},
	{name: "listening tcp, idle, IN+OUT", libzmq: "rc=0 [0] 20ms", play: func(g *pollStage) string {
		l, _ := g.listener()
		return g.fds(20*pollTick, l.is(In|Out))
	}},
	{name: "unconnected tcp, IN+OUT", libzmq: "rc=1 [OUT+ERR]", play: func(g *pollStage) string { return g.fds(0, g.tcpSocket().is(In|Out)) }},
	{name: "duplicate fds", libzmq: "rc=3 [OUT,OUT,IN]", play: func(g *pollStage) string {
		s, k := g.tcp()
		g.ok(unix.Shutdown(k.n, unix.SHUT_WR))
		g.fds(-1, s.is(In))
		return g.fds(0, s.is(Out), s.is(Out), s.is(In))
	}},
	{name: "unknown bits 0x7ff0 on a writable fd", libzmq: "rc=0 [0] 20ms", play: func(g *pollStage) string {
		_, w := g.pipe()
		return g.fds(20*pollTick, w.is(0x7ff0))
	}},
	{name: "events -1 on a writable fd", libzmq: "rc=1 [OUT]", play: func(g *pollStage) string {
		_, w := g.pipe()
		return g.fds(0, w.is(0xffff))
	}},

	{name: "idle socket and writable fd in one item", libzmq: "rc=0 [0] 30ms", play: func(g *pollStage) string {
		_, w := g.pipe()
		return g.fds(30*pollTick, Item{Socket: g.open(zmq4.Pull, socket.Config{}), FD: w.n, Events: In | Out})
	}},
	{name: "idle socket and readable fd in one item", libzmq: "rc=0 [0] 30ms", play: func(g *pollStage) string {
		r, w := g.pipe()
		w.write("x")
		return g.fds(30*pollTick, Item{Socket: g.open(zmq4.Pull, socket.Config{}), FD: r.n, Events: In})
	}},
	{name: "readable socket and idle fd in one item", libzmq: "rc=1 [IN]", play: func(g *pollStage) string {
		r, _ := g.pipe()
		return g.fds(-1, Item{Socket: g.readable(), FD: r.n, Events: In})
	}},
	{name: "readable socket and fd -1 in one item", libzmq: "rc=1 [IN]", play: func(g *pollStage) string {
		return g.fds(-1, Item{Socket: g.readable(), FD: -1, Events: In})
	}},
	{name: "socket and fd as two items", libzmq: "rc=2 [IN,OUT]", play: func(g *pollStage) string {
		_, w := g.pipe()
		b := g.readable()
		g.is("message there", b, "IN")
		return g.fds(-1, Item{Socket: b, Events: In}, w.is(Out))
	}},
	{name: "closed socket beside a ready fd", libzmq: "rc=-1 ENOTSOCK [untouched,untouched]", ours: "rc=-1 closed item 1 [untouched,untouched]",
		why: "a closed Socket is still a value that says so", play: func(g *pollStage) string {
			_, w := g.pipe()
			gone := g.open(zmq4.Pull, socket.Config{})
			g.close(gone)
			return g.fds(-1, w.is(Out), Item{Socket: gone})
		}},
	{name: "fd only, after the context's end", libzmq: "rc=1 [OUT]", play: func(g *pollStage) string {
		g.close(g.open(zmq4.Pull, socket.Config{}))
		_, w := g.pipe()
		return g.fds(-1, w.is(Out))
	}},
}

func TestPollFD(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("libzmq's answers were taken on Linux, whose poll(2) tells hang-ups and urgent data in its own way")
	}
	pollRows(t, pollFDRows, func(t *testing.T, play func(g *pollStage)) { play(&pollStage{t: t, scheme: "tcp"}) })
}

// fds polls descriptors, and sockets beside them.
func (g *pollStage) fds(timeout time.Duration, items ...Item) string {
	g.t.Helper()
	answer, n, took := pollDo(g.ctx(), timeout, items)
	switch {
	case n == 0 && took >= timeout && took < timeout+pollPatience:
		if timeout > 0 {
			answer += " " + timeout.String()
		}
	case n == 0:
		answer += fmt.Sprintf(" after %v of %v", took, timeout)
	}
	return answer
}

// readable returns a PULL to which a message is under way.
func (g *pollStage) readable() *socket.Socket {
	g.t.Helper()
	push, pull := g.open(zmq4.Push, socket.Config{}), g.open(zmq4.Pull, socket.Config{})
	g.meet(push, pull, g.listen(push))
	g.send(push, "m")
	return pull
}
