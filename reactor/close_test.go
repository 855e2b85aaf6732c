package reactor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/socket"
)

// queued is how many messages a socket still has.
func queued(s *socket.Socket) int { return int(s.Stats().In.Queued) }

// While nobody reads, the channel and the hand are full and all else stays where it is; handlers go on.
func TestBackpressure(t *testing.T) {
	rigBubble(t, 4, func(g *rig) {
		push, pull := g.pipeline(socket.Config{})
		push2, pull2 := g.pipeline(socket.Config{})
		g.add(Messages(pull))
		g.send(push, 1, 20)
		g.wait()
		if cap(g.Events()) != 4 || len(g.Events()) != 4 || queued(pull) != 15 {
			t.Fatalf("%d of %d in the channel, %d in the socket", len(g.Events()), cap(g.Events()), queued(pull))
		}
		calls := 0
		g.handle(Messages(pull2), func(Event) error { calls++; return nil })
		g.send(push2, 1, 100)
		g.wait()
		if calls != 100 || queued(pull) != 15 {
			t.Fatalf("%d calls, %d in the socket", calls, queued(pull))
		}
		for i := range 20 {
			if m := g.next().(Message); string(m.Msg.Frames[0]) != fmt.Sprint(i+1) {
				t.Fatalf("message %d is %s", i+1, say(m))
			}
		}
		g.silent()
	})
}

// The peer of a source that is left alone waits.
func TestBackpressureReachesThePeer(t *testing.T) {
	rigBubble(t, 1, func(g *rig) {
		push, pull := g.pipeline(socket.Config{SendHWM: 5, RecvHWM: 5, RecvBytes: 1 << 16})
		g.add(Messages(pull))
		big := make([]byte, 1<<15)
		sent := 0
		for ; push.TrySend(zmq4.NewMsg(big)) == nil; sent++ {
			g.wait()
		}
		if sent > 20 {
			t.Fatalf("%d messages were taken with nobody to read them", sent)
		}
		for range sent {
			g.next()
		}
		g.must(push.TrySend(zmq4.NewMsg(big)))
		g.next()
	})
}

func TestRemoveRecallsTheHand(t *testing.T) {
	rigBubble(t, 1, func(g *rig) {
		push, pull := g.pipeline(socket.Config{})
		push2, pull2 := g.pipeline(socket.Config{})
		first, second := g.add(Messages(pull)), g.add(Messages(pull2))
		g.send(push, 1, 3)
		g.wait()
		g.send(push2, 11, 11)
		g.wait()
		if events, err := g.Remove(second); err != nil || len(events) > 0 {
			t.Fatalf("the hand is another's: %s, %v", sayAll(events), err)
		}
		events, err := g.Remove(first)
		if err != nil || sayAll(events) != "[1: message 2]" {
			t.Fatalf("got %s, %v", sayAll(events), err)
		}
		if m, err := pull.Recv(); err != nil || string(m.Frames[0]) != "3" {
			t.Fatal(m, err)
		}
		g.expect("1: message 1")
		g.silent() // no Closed follows
		_, err = g.Remove(first)
		wantError(t, err, ErrNoSource)
	})
}

func TestRemoveChan(t *testing.T) {
	rigBubble(t, 1, func(g *rig) {
		c := make(chan int, 5)
		for i := range 5 {
			c <- i
		}
		id := g.add(Chan(c))
		g.wait()
		events, err := g.Remove(id)
		if err != nil || sayAll(events) != "[1: value 1 1: value 2]" {
			t.Fatalf("got %s, %v", sayAll(events), err)
		}
		if v := <-c; v != 3 {
			t.Fatalf("the channel goes on with %d", v)
		}
		g.expect("1: value 0")
		g.silent()
	})
}

// Whoever is faster, the reader or Remove, gets each value, and only one of them does.
func TestRemoveWhileRead(t *testing.T) {
	g := newRig(t, 1)
	c := make(chan int, 100)
	sent, want := 0, 0
	for range 300 {
		id := g.add(Chan(c))
		for range 5 {
			sent++
			c <- sent
		}
		check := func(e Event) {
			if want++; e.(Value).Value != want {
				t.Fatalf("got %s, want %d", say(e), want)
			}
		}
		check(g.next())
		removed := make(chan []Event)
		go func() { // owner: the test, which takes what it sends; ends then
			events, err := g.Remove(id)
			if err != nil {
				t.Error(err)
			}
			removed <- events
		}()
		var back []Event
		for waiting := true; waiting; {
			select {
			case e := <-g.Events():
				check(e)
			case back = <-removed:
				waiting = false
			}
		}
		for len(g.Events()) > 0 {
			check(<-g.Events())
		}
		for _, e := range back {
			check(e)
		}
		for len(c) > 0 {
			check(Value{id, <-c})
		}
	}
	if want != sent {
		t.Fatalf("%d sent, %d came", sent, want)
	}
}

// What is in the hand goes first into the room that is made while the reactor is busy, also at the end.
func TestHandFindsRoom(t *testing.T) {
	rigBubble(t, 1, func(g *rig) {
		c := make(chan int, 5)
		for i := range 5 {
			c <- i
		}
		g.add(Chan(c)) // 0 in the channel, 1 in the hand, 2 at the forwarder
		g.wait()
		g.must(g.Post(func() { g.expect("1: value 0") }))
		g.wait()
		g.must(g.Post(func() { g.expect("1: value 1"); g.Stop() }))
		var u *UndeliveredError
		if err := g.Wait(); !errors.As(err, &u) || sayAll(u.Events) != "[1: value 3]" {
			t.Fatalf("got %v", err)
		}
		g.expect("1: value 2")
	})
}

// A source that has ended is forgotten, though its Closed may wait in the hand.
func TestClosedInTheHand(t *testing.T) {
	rigBubble(t, 1, func(g *rig) {
		c := make(chan int, 1)
		c <- 1
		close(c)
		id := g.add(Chan(c))
		g.wait()
		_, err := g.Remove(id)
		wantError(t, err, ErrNoSource)
		g.expect("1: value 1", "1: closed <nil>")
	})
}

func TestPause(t *testing.T) {
	rigBubble(t, 2, func(g *rig) {
		push, pull := g.pipeline(socket.Config{})
		id := g.add(Messages(pull))
		g.send(push, 1, 10)
		g.wait()
		g.must(g.Pause(id))
		g.must(g.Pause(id))
		g.expect("1: message 1", "1: message 2", "1: message 3") // taken before
		g.silent()
		if queued(pull) != 7 {
			t.Fatalf("%d in the socket", queued(pull))
		}
		g.must(g.Resume(id))
		g.must(g.Resume(id))
		g.expect("1: message 4")
		wantError(t, g.Pause(id+1), ErrNoSource)
		wantError(t, g.Resume(id+1), ErrNoSource)
	})
}

// What was taken and can no longer be delivered comes out of Wait, with the cause.
func TestUndelivered(t *testing.T) {
	cause := errors.New("the power is out")
	for name, want := range map[string]error{"stopped": nil, "cancelled": cause} {
		t.Run(name, func(t *testing.T) {
			rigBubble(t, 1, func(g *rig) {
				ctx, cancel := context.WithCancelCause(context.Background())
				r, err := New(ctx, &Config{Events: 1})
				g.must(err)
				g.Reactor = r
				c := make(chan int, 5)
				for i := range 5 {
					c <- i
				}
				g.add(Chan(c))
				g.wait()
				if cancel(cause); want == nil {
					r.Stop()
				}
				err = r.Wait()
				var u *UndeliveredError
				if !errors.As(err, &u) || sayAll(u.Events) != "[1: value 1 1: value 2]" {
					t.Fatalf("got %v", err)
				}
				if !errors.Is(err, cause) && want != nil {
					t.Fatalf("%v does not tell the cause", err)
				}
				g.expect("1: value 0") // it was delivered
				if e, ok := <-r.Events(); ok || <-c != 3 {
					t.Fatalf("then %v", e)
				}
			})
		})
	}
}

func TestCallsAfterTheEnd(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		id := g.add(Every(1))
		g.Stop()
		g.Stop()
		g.must(g.Wait())
		g.must(g.Close())
		<-g.Done()
		_, add := g.Add(After(0))
		_, handle := g.Handle(After(0), func(Event) error { return nil })
		_, remove := g.Remove(id)
		for _, err := range []error{add, handle, remove, g.Pause(id), g.Resume(id), g.Post(func() {})} {
			wantError(t, err, ErrClosed, net.ErrClosed)
		}
		for range g.Events() { // is closed
		}
	})
}

func TestCallsAfterTheContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	r, err := New(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("a reason")
	cancel(cause)
	wantError(t, r.Wait(), cause)
	_, err = r.Add(After(0))
	wantError(t, err, ErrClosed, cause)
	wantError(t, r.Pause(1), ErrClosed, cause)
	wantError(t, r.Post(func() {}), ErrClosed, cause)
}
