package reactor

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"zmqbus/monitor"
	"zmqbus/socket"
)

// Every kind of source has both forms; those of descriptors and timers are tested with these.
func TestHandle(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		push, pull := g.pipeline(socket.Config{})
		values := make(chan int)
		var got []string
		note := func(e Event) error { got = append(got, say(e)); return nil }
		g.handle(Messages(pull), note)
		g.handle(LifecycleOf(pull, rigTypes, monitor.WithSnapshot()), note)
		g.handle(Chan(values), note)
		g.wait()
		g.send(push, 1, 20)
		g.wait()
		values <- 1
		g.wait()
		close(values)
		g.wait()
		g.must(pull.Close())
		g.wait()
		want := []string{"2: HANDSHAKE_SUCCEEDED"}
		for i := range 20 {
			want = append(want, fmt.Sprintf("1: message %d", i+1))
		}
		want = append(want, "3: value 1", "3: closed <nil>", "1: closed <nil>", "2: closed <nil>")
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		g.silent()
	})
}

// What a handler may do with its own source takes effect before its next event, also in the midst of its turn.
func TestHandlerChangesItsSource(t *testing.T) {
	enough := errors.New("enough")
	for name, c := range map[string]struct {
		do     func(g *rig, id ID) error
		left   bool // the rest can be read from the socket afterwards
		result error
	}{
		"remove": {left: true, do: func(g *rig, id ID) error {
			events, err := g.Remove(id)
			if len(events) > 0 {
				return fmt.Errorf("Remove returned %s", sayAll(events))
			}
			return err
		}},
		"pause": {do: func(g *rig, id ID) error { return g.Pause(id) }},
		"stop":  {left: true, do: func(g *rig, _ ID) error { g.Stop(); return nil }},
		"error": {left: true, result: enough, do: func(*rig, ID) error { return enough }},
	} {
		t.Run(name, func(t *testing.T) {
			rigBubble(t, 0, func(g *rig) {
				push, pull := g.pipeline(socket.Config{})
				g.send(push, 1, 20)
				g.wait() // so that the turn begins with all there
				calls := 0
				id := g.handle(Messages(pull), func(e Event) error {
					if calls++; calls == 3 {
						return c.do(g, e.From())
					}
					return nil
				})
				g.wait()
				if calls != 3 {
					t.Fatalf("%d calls", calls)
				}
				if c.left {
					if m, err := pull.Recv(); err != nil || string(m.Frames[0]) != "4" {
						t.Fatalf("the socket then gives %v, %v", m, err)
					}
				} else if g.must(g.Resume(id)); true {
					g.wait()
					if calls != 20 {
						t.Fatalf("%d calls after Resume", calls)
					}
				}
				if err := g.Close(); err != c.result {
					t.Fatalf("Close returned %v, want %v", err, c.result)
				}
			})
		})
	}
}

// A handler may call all but Wait, Close and Run.
func TestHandlerCallsTheReactor(t *testing.T) {
	rigBubble(t, 1, func(g *rig) {
		other := make(chan string, 10)
		otherID := g.add(Chan(other))
		for _, s := range []string{"a", "b", "c", "d", "e"} {
			other <- s
		}
		g.wait() // a is in the channel, b in the hand, c at the forwarder
		var got []string
		note := func(e Event) error { got = append(got, say(e)); return nil }
		again := make(chan int, 1)
		close(again)
		g.handle(Chan(again), func(Event) error {
			events, err := g.Remove(otherID) // recalls what is in the hand without waiting for itself
			got = append(got, sayAll(events))
			_, err2 := g.Handle(Chan(other), note)
			id, err3 := g.Handle(Every(time.Second), note)
			err4 := g.Post(func() { got = append(got, "posted") })
			_, err5 := g.Add(After(0))
			return errors.Join(err, err2, err3, err4, err5, g.Pause(id), g.Resume(id))
		})
		g.wait()
		g.pass(time.Second)
		g.wait()
		want := "[[1: value b 1: value c] posted 3: value d 3: value e 4: tick 1]"
		if fmt.Sprint(got) != want {
			t.Fatalf("got %v, want %s", got, want)
		}
		g.expect("1: value a", "5: tick 1")
	})
}

// When Closed is delivered its source is forgotten: the handler can add it again.
func TestAddedAgainAtTheEnd(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		_, pull := g.pipeline(socket.Config{})
		c := make(chan int)
		var got []string
		g.handle(Chan(c), func(e Event) error {
			got = append(got, say(e))
			_, err := g.Remove(e.From())
			wantError(t, err, ErrNoSource)
			_, err = g.Add(Messages(pull))
			return err
		})
		close(c)
		g.silent()
		if fmt.Sprint(got) != "[1: closed <nil>]" {
			t.Fatal(got)
		}
	})
}

func TestPost(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		var got []string
		post := func(s string, then func()) {
			g.must(g.Post(func() { got = append(got, s); then() }))
		}
		nothing := func() {}
		g.must(g.Post(func() {
			post("first", func() { post("third", nothing) })
			post("second", nothing)
		}))
		g.wait()
		if fmt.Sprint(got) != "[first second third]" {
			t.Fatal(got)
		}
		var again func()
		posts := 0
		again = func() { posts++; _ = g.Post(again) } // fails at the end
		g.must(g.Post(again))
		g.add(After(0))
		g.expect("1: tick 1") // a source has its turn nevertheless
		got = nil
		g.must(g.Post(func() {
			post("at the end", func() {
				wantError(t, g.Post(nothing), ErrClosed)
				got = append(got, "not another")
			})
			g.Stop()
		}))
		g.must(g.Wait())
		if fmt.Sprint(got) != "[at the end not another]" || posts == 0 {
			t.Fatal(got, posts)
		}
		wantError(t, g.Post(nil), ErrHandler)
		_, err := g.Handle(After(0), nil)
		wantError(t, err, ErrHandler)
	})
}
