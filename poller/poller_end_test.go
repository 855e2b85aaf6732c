package poller

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// A source that ends wakes the waiter; the error names it and carries its user data.
func TestPollerSourceEnds(t *testing.T) {
	pollerBubble(t, func(t *testing.T, r *pollerRun) {
		done := make(chan error, 1)
		go func() { // ends with the wait
			_, err := r.Wait(r.ctx, -1)
			done <- err
		}()
		synctest.Wait()
		r.a.finish()
		err := <-done
		var op *OpError
		if !errors.As(err, &op) || op.Op != "wait" || op.Socket != r.a || op.FD != -1 || op.UserData != "a" ||
			!errors.Is(err, errFakeEnd) {
			t.Fatalf("%#v", err)
		}
		if want := "poller: wait fake: the source's end"; err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
		if n := r.Size(); n != 1 {
			t.Errorf("size %d", n)
		}
		if err := r.Remove(r.a); err != nil {
			t.Error(err)
		}
		if got := r.wait(0); got != "EAGAIN" {
			t.Errorf("after Remove: %s", got)
		}
	})
}

// One that has ended and stays registered is told in turn, and keeps nobody from being served.
func TestPollerEndedTakesTurns(t *testing.T) {
	for _, c := range []struct {
		name string
		room int
		want []string
	}{
		{"room for all", 9, []string{"a:IN", "end", "c:IN a:IN", "end", "c:IN a:IN", "end"}},
		{"room for one", 1, []string{"a:IN", "end", "c:IN", "a:IN", "end", "c:IN", "a:IN"}},
		{"room for two", 2, []string{"a:IN", "end", "c:IN a:IN", "end", "c:IN a:IN"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			pollerBubble(t, func(t *testing.T, r *pollerRun) {
				r.a.set(In)
				r.Add(r.b, In, "b")
				r.add("c")
				r.b.finish()
				for i, want := range c.want {
					if got := r.waitAll(c.room, 0); got != want {
						t.Fatalf("call %d: %q, want %q", i, got, want)
					}
				}
			})
		})
	}
}

// One whose turn has come is told although nothing else is left.
func TestPollerEndedIsAlone(t *testing.T) {
	pollerBubble(t, func(t *testing.T, r *pollerRun) {
		r.a.set(In)
		r.Add(r.b, In, "b")
		r.b.finish()
		if got := r.waitAll(2, 0); got != "a:IN" {
			t.Fatal(got)
		}
		r.Remove(r.a)
		if got := r.waitAll(2, 0); got != "end" {
			t.Fatal(got)
		}
	})
}

// One whose turn has come, and that is removed before the next call, is not told.
func TestPollerEndedIsRemoved(t *testing.T) {
	pollerBubble(t, func(t *testing.T, r *pollerRun) {
		r.a.set(In)
		r.Add(r.b, In, "b")
		r.b.finish()
		if got := r.waitAll(2, 0); got != "a:IN" {
			t.Fatal(got)
		}
		r.Remove(r.b)
		r.a.set(0)
		if got := r.waitAll(2, 0); got != "EAGAIN" {
			t.Fatal(got)
		}
	})
}

func TestPollerWake(t *testing.T) {
	pollerBubble(t, func(t *testing.T, r *pollerRun) {
		got := r.goWait()
		r.Wake()
		r.is(t, got, "woken")
		got = r.goWait()
		r.sleeps(t, got)
		r.Wake()
		r.is(t, got, "woken")

		r.Wake() // nobody waits: the next one
		r.Wake()
		if got := r.wait(-1) + " " + r.wait(0); got != "woken EAGAIN" {
			t.Error(got)
		}
		r.Wake()
		if got := r.wait(0) + " " + r.wait(0); got != "woken EAGAIN" {
			t.Error(got)
		}
		r.a.set(In) // events answer it
		r.Wake()
		if got := r.wait(0); got != "a:IN" {
			t.Error(got)
		}
		r.a.set(0)
		if got := r.wait(0); got != "EAGAIN" {
			t.Error(got)
		}
		r.Wake() // and so does an end
		r.a.finish()
		if got := r.wait(0); got != "end" {
			t.Error(got)
		}
		r.Remove(r.a)
		if got := r.wait(0); got != "EAGAIN" {
			t.Error(got)
		}
	})
}

func TestPollerContext(t *testing.T) {
	pollerBubble(t, func(t *testing.T, r *pollerRun) {
		cause := errors.New("cause")
		ctx, cancel := context.WithCancelCause(r.ctx)
		time.AfterFunc(time.Second, func() { cancel(cause) })
		start := time.Now()
		ev, err := r.Wait(ctx, -1)
		if err != cause || ev.FD != -1 || time.Since(start) != time.Second {
			t.Error(ev, err, time.Since(start))
		}
		r.a.set(In)
		r.Wake()
		if _, err := r.Wait(ctx, 0); err != cause {
			t.Error(err)
		}
		if got := r.wait(0); got != "a:IN" {
			t.Error("a cancelled call took the event:", got)
		}
	})
}

// Close ends every wait and leaves the sources alone.
func TestPollerClose(t *testing.T) {
	pollerBubble(t, func(t *testing.T, r *pollerRun) {
		one, two := r.goWait(), r.goWait()
		closed := make(chan error, 2)
		for range 2 {
			go func() { closed <- r.Close() }() // ends with Close
		}
		r.is(t, one, "closed")
		r.is(t, two, "closed")
		if err := errors.Join(<-closed, <-closed); err != nil {
			t.Error(err)
		}
		if n := r.a.count(&r.a.known); n != 0 {
			t.Errorf("the source knows %d waiters", n)
		}
		r.a.set(In) // and is usable
	})
}

// The bound of a wait is not moved by wake-ups that come to nothing.
func TestPollerTimeoutHolds(t *testing.T) {
	pollerBubble(t, func(t *testing.T, r *pollerRun) {
		for i := range 9 {
			time.AfterFunc(time.Duration(i)*time.Millisecond, func() {
				r.a.set(In)
				r.a.set(0)
			})
		}
		if got := elapsed(func() string { return r.wait(5 * time.Millisecond) }); got != "EAGAIN 5ms" && got != "a:IN 5ms" {
			t.Error(got)
		}
		if got := fmt.Sprint(r.Size()); got != "1" {
			t.Error(got)
		}
	})
}
