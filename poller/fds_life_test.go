//go:build unix

package poller

import (
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestFDEvent(t *testing.T) {
	onBackends(t, func(r *fdRun) {
		rd, wr := r.pipe()
		r.must(r.AddFD(rd, In, "data"))
		r.write(wr)
		ev, err := r.Wait(r.ctx, -1)
		if want := (Event{FD: rd, Events: In, UserData: "data"}); ev != want || err != nil {
			r.t.Errorf("got %+v, %v; want %+v", ev, err, want)
		}
	})
}

// A Wait that sleeps is woken by a descriptor, again and again.
func TestFDWakes(t *testing.T) {
	onBackends(t, func(r *fdRun) {
		rd, wr := r.pipe()
		r.must(r.AddFD(rd, In, "pipe"))
		got := make(chan string)
		defer func() { <-got }() // the goroutine's end
		next := make(chan struct{})
		defer close(next)
		go func() { // ends with next
			defer close(got)
			for range next {
				got <- r.wait(-1)
			}
		}()
		for range 100 {
			next <- struct{}{}
			runtime.Gosched()
			r.write(wr)
			if s := <-got; s != "pipe:IN" {
				r.t.Fatal(s)
			}
			r.read(rd)
		}
		r.is(0, "EAGAIN")
	})
}

func TestFDModify(t *testing.T) {
	onBackends(t, func(r *fdRun) {
		a, b := r.socketpair()
		r.must(r.AddFD(a, In, "s"))
		r.is(0, "EAGAIN")
		r.must(r.ModifyFD(a, In|Out))
		r.is(-1, "s:OUT")
		r.write(b)
		r.is(-1, "s:IN+OUT")
		r.must(r.ModifyFD(a, 0))
		r.is(5*time.Millisecond, "EAGAIN")
		r.must(r.ModifyFD(a, In))
		r.is(-1, "s:IN")
	})
}

// Descriptors and sources in one poller take turns.
func TestFDAndSource(t *testing.T) {
	onBackends(t, func(r *fdRun) {
		rd, wr := r.pipe()
		s := &fake{level: In}
		r.must(r.Add(s, In, "s"))
		r.must(r.AddFD(rd, In, "fd"))
		r.write(wr)
		got := []string{r.waitAll(1, 0), r.waitAll(1, 0), r.waitAll(1, 0), r.waitAll(3, 0)}
		if want := []string{"s:IN", "fd:IN", "s:IN", "fd:IN s:IN"}; !slices.Equal(got, want) {
			r.t.Errorf("got %q, want %q", got, want)
		}
		r.read(rd)
		r.is(0, "s:IN")
		r.write(wr) // the newcomer is first
		r.is(0, "fd:IN")
	})
}

// What was removed is not reported, although the system has reported it already; its number is free for another.
func TestFDRemoved(t *testing.T) {
	onBackends(t, func(r *fdRun) {
		rd, wr := r.pipe()
		r.must(r.AddFD(rd, In, "old"))
		r.is(0, "EAGAIN")
		r.write(wr)
		r.must(r.RemoveFD(rd))
		r.is(5*time.Millisecond, "EAGAIN")
		other, _ := r.pipe()
		r.must(unix.Dup2(other, rd)) // the number is an empty pipe now
		r.must(r.AddFD(rd, In, "new"))
		r.is(5*time.Millisecond, "EAGAIN")
		other, wr = r.pipe()
		r.must(unix.Dup2(other, rd)) // registered, and replaced behind the poller's back
		r.must(r.ModifyFD(rd, In))
		r.is(0, "EAGAIN")
		r.write(wr)
		r.is(-1, "new:IN")
	})
}

// A number that is closed while registered is told as Err when it is looked at again.
func TestFDClosedWhileRegistered(t *testing.T) {
	onBackends(t, func(r *fdRun) {
		rd, wr := r.pipe()
		r.must(r.AddFD(rd, In, "pipe"))
		r.write(wr)
		r.is(-1, "pipe:IN")
		r.close(rd)
		r.is(0, "pipe:ERR")
		r.is(0, "pipe:ERR")
		r.must(r.RemoveFD(rd))
		r.is(0, "EAGAIN")
	})
}

// A descriptor that was closed before it was removed, and of which a duplicate lives on, is not reported as another.
func TestFDClosedWithDuplicate(t *testing.T) {
	onBackends(t, func(r *fdRun) {
		rd, wr := r.pipe()
		dup, err := unix.Dup(rd)
		r.must(err)
		defer unix.Close(dup)
		r.must(r.AddFD(rd, In, "old"))
		r.is(0, "EAGAIN")
		r.close(rd)
		r.must(r.RemoveFD(rd))
		other, _ := r.pipe()
		if other != rd {
			r.must(unix.Dup2(other, rd))
			r.owned(rd)
		}
		r.must(r.AddFD(rd, In, "new"))
		r.is(0, "EAGAIN")
		r.write(wr) // the old file, through its duplicate
		r.is(10*time.Millisecond, "EAGAIN")
	})
}

func TestFDCloseWhileWaiting(t *testing.T) {
	onBackends(t, func(r *fdRun) {
		rd, wr := r.pipe()
		r.must(r.AddFD(rd, In, nil))
		r.is(0, "EAGAIN")
		got := make(chan string)
		go func() { got <- r.wait(-1) }() // ends with the wait
		runtime.Gosched()
		r.must(r.Close())
		if s := <-got; s != "closed" {
			r.t.Error(s)
		}
		r.write(wr) // the pipe is open
		r.read(rd)
		if err := r.AddFD(rd, In, nil); !errors.Is(err, ErrClosed) {
			r.t.Error(err)
		}
	})
}
