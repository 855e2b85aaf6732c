package poller

import (
	"testing"
)

// Several Waits at the same time: none sleeps while a source is ready.

func TestPollerSeveralWaits(t *testing.T) {
	pollerBubble(t, func(t *testing.T, r *pollerRun) {
		one, two, three := r.goWait(), r.goWait(), r.goWait()
		r.a.set(In) // and nobody consumes it
		r.is(t, one, "a:IN")
		r.is(t, two, "a:IN")
		r.is(t, three, "a:IN")
	})
}

// Two sources become ready for two Waits, of which one was poked.
func TestPollerSeveralReady(t *testing.T) {
	pollerBubble(t, func(t *testing.T, r *pollerRun) {
		r.Add(r.b, In, "b")
		one, two := r.goWait(), r.goWait()
		r.a.set(In)
		r.b.set(In)
		got := []string{<-one, <-two}
		if got[0] == got[1] {
			t.Errorf("both got %q", got[0])
		}
	})
}

// An end is told to all who sleep.
func TestPollerSeveralSeeAnEnd(t *testing.T) {
	pollerBubble(t, func(t *testing.T, r *pollerRun) {
		r.Add(r.b, In, "b")
		one, two := r.goWait(), r.goWait()
		r.b.finish()
		r.is(t, one, "end")
		r.is(t, two, "end")
	})
}

// Each of 10 sources that are always ready is reported once before any is reported again.
func TestPollerFair(t *testing.T) {
	for _, room := range []int{1, 3, 7, 10, 20} {
		pollerBubble(t, func(t *testing.T, r *pollerRun) {
			r.Remove(r.a)
			sources := make([]fake, 10)
			for i := range sources {
				sources[i].level = In
				r.Add(&sources[i], In, i)
			}
			counts := make([]int, len(sources))
			events := make([]Event, room)
			for range 100 {
				n, err := r.WaitAll(r.ctx, events, 0)
				if err != nil || n != min(room, len(sources)) {
					t.Fatal(n, err)
				}
				least, most := 1<<30, 0
				for _, ev := range events[:n] {
					counts[ev.UserData.(int)]++
				}
				for _, c := range counts {
					least, most = min(least, c), max(most, c)
				}
				if most-least > 1 {
					t.Fatalf("room %d: %v", room, counts)
				}
			}
		})
	}
}

// A source that becomes ready comes before those that are ready all the time.
func TestPollerNewcomerFirst(t *testing.T) {
	pollerBubble(t, func(t *testing.T, r *pollerRun) {
		r.add("bc")
		if got := r.waitAll(2, 0); got != "b:IN c:IN" {
			t.Fatal(got)
		}
		r.a.set(In)
		if got := r.waitAll(1, 0); got != "a:IN" {
			t.Fatal(got)
		}
	})
}
