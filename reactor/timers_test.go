package reactor

import (
	"testing"
	"time"
)

func TestAfter(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		start := time.Now()
		for _, d := range []time.Duration{3 * time.Second, time.Second, 2 * time.Second, time.Second, 0, -time.Hour} {
			g.add(After(d))
		}
		for _, want := range []struct {
			id ID
			at time.Duration
		}{{5, 0}, {6, 0}, {2, time.Second}, {4, time.Second}, {3, 2 * time.Second}, {1, 3 * time.Second}} {
			e := g.next().(Tick)
			if e.Source != want.id || e.Count != 1 || time.Since(start) != want.at || !e.Time.Equal(time.Now()) {
				t.Fatalf("got %+v after %v, want %v", e, time.Since(start), want)
			}
		}
		wantError(t, g.Pause(1), ErrNoSource) // it has ended, without Closed
		g.pass(time.Hour)
		g.silent()
	})
}

func TestEvery(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		start := time.Now()
		id := g.add(Every(time.Second))
		g.add(Every(1500 * time.Millisecond))
		for _, want := range []struct {
			event string
			at    float64
		}{
			{"1: tick 1", 1}, {"2: tick 1", 1.5}, {"1: tick 1", 2}, {"2: tick 1", 3}, {"1: tick 1", 3}, {"1: tick 1", 4}, {"2: tick 1", 4.5},
		} {
			if got := say(g.next()); got != want.event && want.at != 3 || time.Since(start).Seconds() != want.at {
				t.Fatalf("got %s after %v, want %+v", got, time.Since(start), want)
			}
		}
		if events, err := g.Remove(id); err != nil || len(events) > 0 {
			t.Fatal(events, err)
		}
		g.expect("2: tick 1")
		if at := time.Since(start); at != 6*time.Second {
			t.Fatalf("the second timer comes after %v", at)
		}
	})
}

// Ticks that nobody takes are counted, and the next comes when it was due anyway.
func TestEveryAfterAPause(t *testing.T) {
	for name, pause := range map[string]func(g *rig, id ID){
		"paused": func(g *rig, id ID) {
			g.must(g.Pause(id))
			g.pass(time.Hour)
			g.must(g.Resume(id))
		},
		"reactor held up": func(g *rig, id ID) {
			done := make(chan struct{})
			g.must(g.Post(func() { g.pass(time.Hour); close(done) }))
			<-done
		},
	} {
		t.Run(name, func(t *testing.T) {
			rigBubble(t, 0, func(g *rig) {
				id := g.add(Every(time.Second))
				g.pass(500 * time.Millisecond)
				pause(g, id)
				g.expect("1: tick 3600")
				start := time.Now()
				g.expect("1: tick 1")
				if d := time.Since(start); d != 500*time.Millisecond {
					t.Fatalf("the next tick comes %v after the pause", d)
				}
			})
		})
	}
}

// A reader that does not read finds the ticks that were taken one by one, and the rest in one.
func TestEveryUnread(t *testing.T) {
	rigBubble(t, 3, func(g *rig) {
		g.add(Every(time.Second))
		g.pass(100*time.Second + time.Millisecond)
		g.wait()
		g.expect("1: tick 1", "1: tick 1", "1: tick 1", "1: tick 1", "1: tick 96", "1: tick 1")
	})
}

func TestTimerHandlers(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		got := make(chan string, 10)
		g.handle(After(time.Second), func(e Event) error { got <- say(e); return nil })
		g.handle(Every(2*time.Second), func(e Event) error { got <- say(e); g.pass(5 * time.Second); return nil })
		for _, want := range []string{"1: tick 1", "2: tick 1", "2: tick 2", "2: tick 3"} {
			if e := <-got; e != want {
				t.Fatalf("got %s, want %s", e, want)
			}
		}
	})
}
