package poller

import (
	"testing"
	"testing/synctest"
)

// pollerBubble runs f in a bubble with a poller in which a is registered for In, and not ready.
func pollerBubble(t *testing.T, f func(t *testing.T, r *pollerRun)) {
	synctest.Test(t, func(t *testing.T) {
		r := &pollerRun{Poller: New(), ctx: t.Context(), a: &fake{}, b: &fake{}, c: &fake{}}
		defer r.Close()
		if err := r.Add(r.a, In, "a"); err != nil {
			t.Fatal(err)
		}
		f(t, r)
	})
}

// goWait waits on a goroutine of the bubble and returns once it sleeps.
func (r *pollerRun) goWait() <-chan string {
	c := make(chan string, 1)
	go func() { c <- r.wait(-1) }() // ends with the wait
	synctest.Wait()
	return c
}

// is checks the outcome of a wait that must have returned.
func (r *pollerRun) is(t *testing.T, c <-chan string, want string) {
	t.Helper()
	synctest.Wait()
	select {
	case got := <-c:
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	default:
		t.Fatalf("still waits, want %q", want)
	}
}

// sleeps checks that a wait has not returned.
func (r *pollerRun) sleeps(t *testing.T, c <-chan string) {
	t.Helper()
	synctest.Wait()
	select {
	case got := <-c:
		t.Fatalf("got %q, want it to wait", got)
	default:
	}
}

func TestPollerAddWakesWait(t *testing.T) {
	pollerBubble(t, func(t *testing.T, r *pollerRun) {
		got := r.goWait()
		r.Add(r.b, In, "b")
		r.sleeps(t, got)
		r.c.set(In)
		r.Add(r.c, In, "c")
		r.is(t, got, "c:IN")
	})
}

func TestPollerModifyWakesWait(t *testing.T) {
	pollerBubble(t, func(t *testing.T, r *pollerRun) {
		r.a.set(Out)
		got := r.goWait()
		r.Modify(r.a, In|Out)
		r.is(t, got, "a:OUT")
	})
}

// A change of events reaches what is asleep: what is no longer asked for does not wake, what is newly asked for does.
func TestPollerModifyWhileAsleep(t *testing.T) {
	pollerBubble(t, func(t *testing.T, r *pollerRun) {
		got := r.goWait()
		r.Modify(r.a, Out)
		r.a.set(In)
		r.sleeps(t, got)
		r.a.set(In | Out)
		r.is(t, got, "a:OUT")
	})
}

func TestPollerRemoveWhileAsleep(t *testing.T) {
	pollerBubble(t, func(t *testing.T, r *pollerRun) {
		r.Add(r.b, In, "b")
		got := r.goWait()
		r.Remove(r.a)
		r.a.set(In)
		r.sleeps(t, got)
		r.b.set(In)
		r.is(t, got, "b:IN")
		if n := r.a.count(&r.a.known); n != 0 {
			t.Errorf("the removed source knows %d waiters", n)
		}
	})
}

// What is removed or changed after the level was found is not reported, and not lost.
func TestPollerChangedDuringLook(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(r *pollerRun)
		want   string
	}{
		{"removed", func(r *pollerRun) { r.Remove(r.a) }, "EAGAIN EAGAIN"},
		{"nothing asked", func(r *pollerRun) { r.Modify(r.a, 0) }, "EAGAIN EAGAIN"},
		{"other events", func(r *pollerRun) { r.Modify(r.a, In|Out) }, "EAGAIN a:IN+OUT"},
		{"other events and back", func(r *pollerRun) { r.Modify(r.a, Out); r.Modify(r.a, In) }, "a:IN a:IN"},
		{"removed and added", func(r *pollerRun) { r.Remove(r.a); r.Add(r.a, Out, "new") }, "EAGAIN new:OUT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pollerBubble(t, func(t *testing.T, r *pollerRun) {
				r.a.set(In | Out)
				changed := false
				r.a.onLook = func(int) {
					if !changed {
						changed = true
						c.change(r)
					}
				}
				if got := r.wait(0) + " " + r.wait(0); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		})
	}
}

// A waiter that is armed for the old events after Modify does not miss the new ones.
func TestPollerModifiedBeforeArm(t *testing.T) {
	pollerBubble(t, func(t *testing.T, r *pollerRun) {
		first := r.a.count(&r.a.looks) + 1
		r.a.onLook = func(n int) {
			if n == first { // the pass goes by In, and is about to arm
				r.Modify(r.a, Out)
			}
		}
		got := r.goWait()
		r.a.set(Out)
		r.is(t, got, "a:OUT")
	})
}

// A source that becomes ready between two looks, and says so, is reported once.
func TestPollerReadyDuringLook(t *testing.T) {
	pollerBubble(t, func(t *testing.T, r *pollerRun) {
		second := r.a.count(&r.a.looks) + 2
		r.a.onLook = func(n int) {
			if n == second {
				r.a.set(In)   // it stands in the line again,
				r.Remove(r.c) // and the pass has room for one more
			}
		}
		r.b.set(In)
		r.Add(r.b, In, "b")
		r.Add(r.c, In, "c")
		if got := r.waitAll(5, 0); got != "a:IN b:IN" {
			t.Errorf("got %q", got)
		}
		if got := r.waitAll(5, 0); got != "a:IN b:IN" {
			t.Errorf("then %q", got)
		}
	})
}

// Remove that overtakes Add leaves nothing behind at the source.
func TestPollerRemoveDuringAdd(t *testing.T) {
	for name, change := range map[string]func(r *pollerRun){
		"Remove": func(r *pollerRun) { r.Remove(r.b) },
		"Close":  func(r *pollerRun) { r.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			pollerBubble(t, func(t *testing.T, r *pollerRun) {
				r.b.onNotify = func() { change(r) }
				r.Add(r.b, In, "b")
				r.b.set(In)
				if got := r.wait(0); got == "b:IN" {
					t.Error("reported")
				}
				if n := r.b.count(&r.b.known); n != 0 {
					t.Errorf("the source still knows %d waiters", n)
				}
			})
		})
	}
}

// Only those that have become ready are looked at, not all.
func TestPollerLooksAtTheReady(t *testing.T) {
	pollerBubble(t, func(t *testing.T, r *pollerRun) {
		idle := make([]fake, 10_000)
		for i := range idle {
			r.Add(&idle[i], In|Out, nil)
		}
		r.wait(0)
		before := make([]int, len(idle))
		for i := range idle {
			before[i] = idle[i].looks
		}
		for range 3 {
			r.a.set(In)
			if got := r.wait(-1); got != "a:IN" {
				t.Fatal(got)
			}
			r.a.set(0)
			r.wait(0)
		}
		for i := range idle {
			if idle[i].looks != before[i] {
				t.Fatalf("source %d was looked at %d times", i, idle[i].looks-before[i])
			}
		}
	})
}
