package reactor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
	"zmqbus/socket"
)

const rigTypes = monitor.HandshakeSucceeded | monitor.Disconnected

func TestMessages(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		push, pull := g.pipeline(socket.Config{})
		stream := pull.Lifecycle(rigTypes, monitor.WithSnapshot())
		defer stream.Stop()
		id := g.add(Messages(pull))
		g.send(push, 1, 40) // more than a budget
		for i := range 40 {
			m := g.next().(Message)
			if m.From() != id || string(m.Msg.Frames[0]) != fmt.Sprint(i+1) {
				t.Fatalf("event %d is %s", i, say(m))
			}
			if i == 0 && m.Conn != (<-stream.C()).Conn {
				t.Fatalf("the message does not say which connection it came on: %d", m.Conn)
			}
		}
		g.silent()
		g.send(push, 41, 41) // it waits for this one
		g.expect("1: message 41")
		_, err := pull.Recv()
		wantError(t, err, socket.ErrClaimed)
		if pull.C() != nil {
			t.Fatal("C is not nil")
		}
		g.must(pull.Close())
		g.expect("1: closed <nil>")
		wantError(t, g.Pause(id), ErrNoSource)
	})
}

// A source is given back by its end, by Remove, and by the end of the reactor.
func TestGivenBack(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		push, pull := g.pipeline(socket.Config{})
		id := g.add(Messages(pull))
		g.send(push, 1, 1)
		g.expect("1: message 1")
		events, err := g.Remove(id)
		if err != nil || len(events) > 0 {
			t.Fatal(events, err)
		}
		g.send(push, 2, 3)
		if m, err := pull.Recv(); err != nil || string(m.Frames[0]) != "2" {
			t.Fatalf("after Remove: %v, %v", m, err)
		}
		g.add(Messages(pull)) // gives 3
		g.wait()
		g.must(g.Close())
		for range g.Events() {
		}
		g.send(push, 4, 4)
		if m, err := pull.Recv(); err != nil || string(m.Frames[0]) != "4" {
			t.Fatalf("after the end: %v, %v", m, err)
		}
	})
}

// The cause of the context that ended a socket is in its Closed.
func TestSocketEndedByContext(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		ctx, cancel := context.WithCancelCause(context.Background())
		g.add(Messages(g.open(ctx, zmq4.Pull, socket.Config{})))
		cause := errors.New("the power is out")
		cancel(cause)
		wantError(t, g.next().(Closed).Err, socket.ErrClosed, cause)
	})
}

func TestLifecycleOf(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		push, pull := g.pipeline(socket.Config{})
		g.add(LifecycleOf(pull, rigTypes, monitor.WithSnapshot()))
		g.expect("1: HANDSHAKE_SUCCEEDED")
		g.silent()
		g.must(push.Close())
		g.expect("1: DISCONNECTED")
		id := g.add(LifecycleOf(pull, rigTypes))
		stream := g.feeds[id].feeder.(*lifecycleFeed).stream
		_, err := g.Remove(id)
		g.must(err)
		if _, open := <-stream.C(); open {
			t.Fatal("the stream of a source that was removed goes on")
		}
		g.must(pull.Close())
		g.expect("1: closed <nil>")
	})
}

// A stream that overflows while nobody reads says how many events it has lost.
func TestLifecycleLost(t *testing.T) {
	rigBubble(t, 1, func(g *rig) {
		s := g.open(context.Background(), zmq4.Pull, socket.Config{})
		id := g.add(LifecycleOf(s, monitor.Listening, monitor.Buffer(2)))
		g.must(g.Pause(id))
		for _, ep := range []string{"tcp://127.0.0.1:1", "tcp://127.0.0.1:2", "tcp://127.0.0.1:3", "tcp://127.0.0.1:4"} {
			g.must(s.Listen(ep))
		}
		g.must(g.Resume(id))
		for i, lost := range []uint64{2, 0} {
			if e := g.next().(Lifecycle).Event; e.Lost != lost {
				t.Fatalf("event %d says that %d were lost before it, want %d", i, e.Lost, lost)
			}
		}
	})
}

func TestMessagesAndLifecycle(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		push, pull := g.pipeline(socket.Config{})
		id := g.add(MessagesAndLifecycle(pull, rigTypes|monitor.MonitorStopped, monitor.WithSnapshot()))
		g.send(push, 1, 1)
		got := map[string]bool{say(g.next()): true, say(g.next()): true}
		if !got["1: message 1"] || !got["1: HANDSHAKE_SUCCEEDED"] {
			t.Fatal(got)
		}
		g.must(g.Pause(id))
		g.send(push, 2, 2)
		g.silent()
		g.must(push.Close())
		g.silent()
		g.must(g.Resume(id))
		got = map[string]bool{say(g.next()): true, say(g.next()): true}
		if !got["1: message 2"] || !got["1: DISCONNECTED"] {
			t.Fatal(got)
		}
		g.must(pull.Close())
		g.expect("1: MONITOR_STOPPED", "1: closed <nil>") // one for both
		g.silent()
	})
}

func TestChan(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		type quote struct{ bid, ask int }
		quotes, errs := make(chan quote), make(chan error, 3)
		g.add(Chan(quotes))
		g.add(Chan(errs))
		quotes <- quote{1, 2}
		g.expect("1: value {1 2}")
		errs <- nil
		errs <- net.ErrClosed
		close(errs)
		g.expect("2: value <nil>", "2: value "+net.ErrClosed.Error(), "2: closed <nil>")
		close(quotes)
		g.expect("1: closed <nil>")
	})
}

// An adapted socket is one of zmq4's own.
func TestAdapted(t *testing.T) {
	g := newRig(t, 0)
	pull := zmq4.NewPull(context.Background())
	a, err := socket.NewAdapter(pull, nil)
	g.must(err)
	defer a.Close()
	g.must(pull.Listen("tcp://127.0.0.1:0"))
	push, err := socket.New(context.Background(), zmq4.Push, nil)
	g.must(err)
	defer push.Close()
	g.must(push.Dial("tcp://" + pull.Addr().String()))
	g.add(Adapted(a))
	g.send(push, 1, 3)
	g.expect("1: message 1", "1: message 2", "1: message 3")
	g.must(a.Close())
	g.expect("1: closed <nil>")
}

func TestBadSources(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		push, pull := g.pipeline(socket.Config{})
		read := g.open(context.Background(), zmq4.Pull, socket.Config{})
		read.C()
		closed := g.open(context.Background(), zmq4.Pull, socket.Config{})
		g.must(closed.Close())
		g.add(Messages(pull))
		for _, c := range []struct {
			src  Source
			name string
			err  error
		}{
			{Source{}, "no source", ErrSource},
			{Named(Source{}, "quotes"), "quotes", ErrSource},
			{Messages(nil), "nil socket", ErrSource},
			{LifecycleOf(nil, 0), "lifecycle of nil socket", ErrSource},
			{MessagesAndLifecycle(nil, 0), "nil socket", ErrSource},
			{Adapted(nil), "nil adapter", ErrSource},
			{Every(0), "every 0s", ErrSource},
			{Every(-time.Second), "every -1s", ErrSource},
			{Chan[int](nil), "<-chan int", ErrSource},
			{Messages(pull), pull.String(), socket.ErrClaimed},
			{MessagesAndLifecycle(pull, 0), pull.String(), socket.ErrClaimed},
			{Messages(read), read.String(), socket.ErrClaimed},
			{Messages(push), push.String(), socket.ErrNotSupported},
			{Messages(closed), closed.String(), net.ErrClosed},
		} {
			if c.src.String() != c.name {
				t.Errorf("%q is called %q", c.name, c.src)
			}
			for _, add := range []func() (ID, error){
				func() (ID, error) { return g.Add(c.src) },
				func() (ID, error) { return g.Handle(c.src, func(Event) error { return nil }) },
			} {
				id, err := add()
				var op *OpError
				if id != 0 || !errors.Is(err, c.err) || !errors.As(err, &op) || op.Source != c.name {
					t.Errorf("%s: got %d, %v; want %v", c.name, id, err, c.err)
				}
			}
		}
		g.silent()
	})
}

// Of sources that have ended or were removed nothing is kept.
func TestNothingKept(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		_, pull := g.pipeline(socket.Config{})
		closed := make(chan int)
		close(closed)
		for _, src := range []Source{Chan(closed), After(0)} {
			g.add(src)
			g.next()
		}
		for _, src := range []Source{MessagesAndLifecycle(pull, 0), Every(time.Hour), Chan(make(chan int))} {
			_, err := g.Remove(g.add(src))
			g.must(err)
		}
		g.wait() // the loop sleeps: nobody else looks
		if n := []int{len(g.sources), len(g.feeds), len(g.core.sources), len(g.timers.waiting)}; fmt.Sprint(n) != "[0 0 0 0]" {
			t.Fatalf("sources, feeds, of the core, timers: %v", n)
		}
		for _, e := range g.taking {
			if e != nil {
				t.Fatalf("%s is kept", say(e))
			}
		}
	})
}

// A source of two feeds of which one cannot begin leaves nothing behind.
func TestHalfASource(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		_, pull := g.pipeline(socket.Config{})
		_, err := g.Add(Source{"half", func() []feeder { return []feeder{messagesOf(pull), &timerFeed{}} }})
		wantError(t, err, ErrSource)
		g.add(Messages(pull))
	})
}
