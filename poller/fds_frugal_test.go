//go:build unix

package poller

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The first AddFD that is accepted starts the one goroutine and opens what it needs; Close ends both.
func TestFDNothingBeforeTheFirst(t *testing.T) {
	onBackends(t, func(r *fdRun) {
		for _, first := range []bool{true, false} { // the Go runtime opens its own with the first
			p := New()
			p.open = r.open
			rd, _ := r.pipe()
			for watchers() > 0 { // of pollers that are closed: they are on their last lines
				runtime.Gosched()
			}
			open := openFiles(r)
			r.must(p.Add(&fake{}, In, nil))
			_, _ = p.Wait(r.ctx, 0)
			_ = p.AddFD(-1, In, nil)
			_ = p.AddFD(rd, 0x10, nil)
			if g, n := watchers(), openFiles(r); g != 0 || n != open {
				r.t.Errorf("%d goroutines and %d files, before: none and %d", g, n, open)
			}
			r.must(p.AddFD(rd, In, nil))
			rd2, _ := r.pipe()
			open += 2
			r.must(p.AddFD(rd2, In, nil))
			if g, n := watchers(), openFiles(r); g != 1 || n <= open {
				r.t.Errorf("%d goroutines and %d files, before: none and %d", g, n, open)
			}
			r.must(p.Close())
			if n := openFiles(r); !first && n != open { // the goroutine's end is the leak check's
				r.t.Errorf("after Close: %d files, before: %d", n, open)
			}
		}
	})
}

// openFiles is how many descriptors the process has.
func openFiles(r *fdRun) int {
	list, err := os.ReadDir("/dev/fd")
	r.must(err)
	return len(list)
}

// watchers is how many goroutines of the backends there are.
func watchers() int {
	buf := make([]byte, 1<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "created by zmqbus/poller.open")
}

// armedFDs is how many descriptors the backend would report.
func armedFDs(w fdWatch) int {
	switch w := w.(type) {
	case *spiedWatch:
		return armedFDs(w.fdWatch)
	case *pollWatch:
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.armed)
	}
	return ownArmedFDs(w)
}

// What is removed, or asked for nothing, is not watched; on poll(2) what was reported is not either.
func TestFDDisarmed(t *testing.T) {
	onBackends(t, func(r *fdRun) {
		rd, wr := r.pipe()
		check := func(want int) {
			r.t.Helper()
			if n := armedFDs(r.watch); n != want {
				r.t.Fatalf("%d are watched, want %d", n, want)
			}
		}
		r.must(r.AddFD(rd, 0, "fd"))
		r.is(0, "EAGAIN")
		check(0)
		r.must(r.ModifyFD(rd, In))
		r.is(0, "EAGAIN")
		check(1)
		r.must(r.ModifyFD(rd, 0))
		r.is(0, "EAGAIN")
		check(0)
		r.must(r.ModifyFD(rd, In))
		r.is(0, "EAGAIN")
		r.must(r.RemoveFD(rd))
		check(0)
		r.must(r.AddFD(rd, In, "fd"))
		r.is(0, "EAGAIN")
		r.write(wr)
		r.is(0, "fd:IN")
		if _, ok := r.watch.(*pollWatch); ok {
			check(0)
		}
	})
}

// spiedWatch calls before each look.
type spiedWatch struct {
	fdWatch
	onLevel func()
}

func (w *spiedWatch) level(fd int, ev Events) (Events, error) {
	got, err := w.fdWatch.level(fd, ev)
	w.onLevel()
	return got, err
}

// A descriptor that is removed between a look and arming is not armed: its number may be another's by then.
func TestFDRemovedDuringLook(t *testing.T) {
	onBackends(t, func(r *fdRun) {
		rd, _ := r.pipe()
		spy := &spiedWatch{onLevel: func() { r.must(r.RemoveFD(rd)) }}
		open := r.open
		r.open = func() (w fdWatch, err error) {
			spy.fdWatch, err = open()
			return spy, err
		}
		r.must(r.AddFD(rd, In, "fd"))
		r.is(0, "EAGAIN")
		if n := armedFDs(spy); n != 0 {
			r.t.Errorf("%d are watched", n)
		}
	})
}

// What the system says about one descriptor is an error that names it; the others are served.
func TestFDLookFails(t *testing.T) {
	onBackends(t, func(r *fdRun) {
		failing := &failingWatch{}
		open := r.open
		r.open = func() (w fdWatch, err error) {
			failing.fdWatch, err = open()
			return failing, err
		}
		rd, wr := r.pipe()
		r.must(r.AddFD(wr, Out, "good"))
		failing.fd = rd
		r.must(r.AddFD(rd, In, "bad"))
		r.is(0, "good:OUT")
		_, err := r.Wait(r.ctx, 0)
		var op *OpError
		if !errors.As(err, &op) || op.FD != rd || op.UserData != "bad" || !errors.Is(err, unix.ENOMEM) {
			r.t.Fatalf("%#v", err)
		}
		r.is(0, "good:OUT")
	})
}

type failingWatch struct {
	fdWatch
	fd int
}

func (w *failingWatch) level(fd int, ev Events) (Events, error) {
	if fd == w.fd {
		return 0, unix.ENOMEM
	}
	return w.fdWatch.level(fd, ev)
}

// When poll(2) fails for all, each is looked at by itself.
func TestFDPollFails(t *testing.T) {
	r := newFDRun(t.Context(), t, openPoll)
	rd, _ := r.pipe()
	r.must(r.AddFD(rd, In, "fd"))
	r.is(0, "EAGAIN")
	w := r.watch.(*pollWatch)
	w.mu.Lock()
	w.report(w.list(nil), unix.ENOMEM)
	left := len(w.armed)
	w.mu.Unlock()
	if n := r.line.Len(); n != 1 || left != 0 {
		r.t.Errorf("%d to be looked at, %d still watched", n, left)
	}
}
