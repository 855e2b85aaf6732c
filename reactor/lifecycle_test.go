package reactor

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"zmqbus/socket"
)

var errLife = errors.New("enough of this")

func TestNewErrors(t *testing.T) {
	var none context.Context
	if _, err := New(none, nil); err == nil {
		t.Error("a nil context is taken")
	}
	for _, cfg := range []Config{{Events: -1}, {Events: 65}, {Budget: -1}} {
		_, err := New(context.Background(), &cfg)
		var op *OpError
		if !errors.Is(err, ErrConfig) || !errors.As(err, &op) || op.Op != "new" {
			t.Errorf("%+v: got %v", cfg, err)
		}
	}
}

func TestDefaults(t *testing.T) {
	r, err := New(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if cap(r.Events()) != 64 || r.core.budget != 16 || r.watch.limit != time.Second {
		t.Fatalf("Events %d, Budget %d, Stall %v", cap(r.Events()), r.core.budget, r.watch.limit)
	}
}

func TestRun(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		g.add(Every(time.Second))
		n := 0
		err := g.Run(func(Event) error {
			if n++; n == 3 {
				return errLife
			}
			return nil
		})
		if err != errLife || n != 3 {
			t.Fatalf("got %v after %d events", err, n)
		}
		wantError(t, g.Run(nil), ErrHandler)
	})
}

// When the reactor ends first, Run's function gets what was delivered, and Run returns what Wait does.
func TestRunEndsWithTheReactor(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		push, pull := g.pipeline(socket.Config{})
		g.send(push, 1, 3)
		g.add(Messages(pull))
		g.wait()
		g.handle(After(0), func(Event) error { return errLife })
		<-g.Done()
		var got []Event
		err := g.Run(func(e Event) error { got = append(got, e); return nil })
		if err != errLife || sayAll(got) != "[1: message 1 1: message 2 1: message 3]" {
			t.Fatalf("got %s, %v", sayAll(got), err)
		}
	})
}

// The error of Run's function is not lost when the reactor has another one.
func TestRunWithTwoErrors(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		g.add(After(0))
		g.wait()
		g.end(errLife)
		<-g.Done()
		other := errors.New("another")
		wantError(t, g.Run(func(Event) error { return other }), other, errLife)
	})
}

// Of several errors the first counts; Stop has none.
func TestFirstError(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		g.handle(After(0), func(Event) error {
			g.Stop()
			return errLife
		})
		<-g.Done()
		g.end(errors.New("another"))
		if err := g.Wait(); err != errLife {
			t.Fatal(err)
		}
	})
	rigBubble(t, 0, func(g *rig) {
		g.must(g.Post(func() { g.end(errLife); g.end(errors.New("another")) }))
		if err := g.Wait(); err != errLife {
			t.Fatal(err)
		}
	})
}

// The end of the context ends the reactor whatever it does: it sleeps, offers its hand, or serves handlers.
func TestContextEnds(t *testing.T) {
	for name, prepare := range map[string]func(g *rig){
		"idle": func(*rig) {},
		"nobody reads": func(g *rig) {
			for range 5 {
				g.add(After(0))
			}
		},
		"busy": func(g *rig) {
			push, pull := g.pipeline(socket.Config{SendHWM: socket.None})
			g.send(push, 1, 1000)
			g.wait()
			calls := 0
			g.handle(Messages(pull), func(Event) error {
				if calls++; calls == 5 {
					g.cancel(errLife)
				} else if calls > 5 {
					t.Error("a call after the end")
				}
				return nil
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			rigBubble(t, 1, func(g *rig) {
				ctx, cancel := context.WithCancelCause(context.Background())
				r, err := New(ctx, &Config{Events: 1})
				g.must(err)
				g.Reactor, g.cancel = r, cancel
				prepare(g)
				g.wait()
				cancel(errLife)
				wantError(t, r.Wait(), errLife)
				wantError(t, r.Close(), errLife)
			})
		})
	}
}

// A reactor in an errgroup: the first error of any member ends all, and comes out.
func TestErrgroup(t *testing.T) {
	for name, form := range map[string]func(r *Reactor) error{
		"Wait": func(r *Reactor) error { return r.Wait() },
		"Run":  func(r *Reactor) error { return r.Run(func(Event) error { return nil }) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, who := range []string{"reactor", "other"} {
				group, ctx := errgroup.WithContext(context.Background())
				r, err := New(ctx, nil)
				if err != nil {
					t.Fatal(err)
				}
				group.Go(func() error { return form(r) })
				group.Go(func() error {
					if who == "other" {
						return errLife
					}
					<-ctx.Done()
					return nil
				})
				if who == "reactor" {
					if _, err := r.Handle(After(0), func(Event) error { return errLife }); err != nil {
						t.Fatal(err)
					}
				}
				if err := group.Wait(); err != errLife {
					t.Errorf("%s fails: got %v", who, err)
				}
				wantError(t, r.Wait(), errLife)
			}
		})
	}
}

// Errors say on one line which call failed, on what, and why.
func TestErrorTexts(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{&OpError{Op: "post", Err: ErrClosed}, "reactor: post: zmqbus: reactor closed"},
		{&OpError{Op: "remove", Source: "source 7", Err: ErrNoSource}, "reactor: remove source 7: zmqbus: no such source"},
		{&UndeliveredError{Events: make([]Event, 1)}, "reactor: ended with 1 event undelivered"},
		{&UndeliveredError{make([]Event, 2), errLife}, "reactor: ended with 2 events undelivered: enough of this"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	var all []string
	for _, e := range []Event{Message{Source: 1}, Lifecycle{Source: 2}, Readiness{Source: 3}, Tick{Source: 4}, Value{Source: 5}, Closed{Source: 6}} {
		all = append(all, fmt.Sprint(e.From()))
	}
	if fmt.Sprint(all) != "[1 2 3 4 5 6]" {
		t.Error(all)
	}
}
