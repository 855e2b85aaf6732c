//go:build unix

package reactor

import (
	"errors"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"zmqbus/poller"
)

// fdPipe returns the two ends of a pipe.
func fdPipe(t *testing.T) (from, to int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe(p[:]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Close(p[0])
		fdClose(t, p[1])
	})
	return p[0], p[1]
}

// fdClosed are the descriptors that fdClose has closed for a test: once, for the number may be another file's later.
var fdClosed sync.Map

func fdClose(t *testing.T, fd int) {
	if _, done := fdClosed.LoadOrStore([2]any{t, fd}, true); !done {
		_ = unix.Close(fd)
	}
}

func fdWrite(t *testing.T, fd int, s string) {
	t.Helper()
	if _, err := unix.Write(fd, []byte(s)); err != nil {
		t.Fatal(err)
	}
}

func fdRead(t *testing.T, fd, n int) {
	t.Helper()
	if got, err := unix.Read(fd, make([]byte, n)); got != n || err != nil {
		t.Fatalf("read %d bytes, want %d: %v", got, n, err)
	}
}

// On Events a descriptor is paused after each event, until Resume.
func TestFD(t *testing.T) {
	g := newRig(t, 0)
	from, to := fdPipe(t)
	id := g.add(FD(from, poller.In))
	mark := make(chan int)
	g.add(Chan(mark))
	fdWrite(t, to, "ab")
	e := g.next().(Readiness)
	if e.From() != id || e.FD != from || e.Events != poller.In {
		t.Fatalf("got %+v", e)
	}
	for i := range 3 { // still ready, and not told again
		mark <- i
		g.expect([]string{"2: value 0", "2: value 1", "2: value 2"}[i])
	}
	fdRead(t, from, 1)
	g.must(g.Resume(id))
	g.expect("1: ready 1") // there is another byte
	fdRead(t, from, 1)
	g.must(g.Resume(id))
	g.must(g.Resume(id))
	mark <- 3
	g.expect("2: value 3")
	fdWrite(t, to, "c")
	g.expect("1: ready 1")
	fdRead(t, from, 1)
	if events, err := g.Remove(id); err != nil || len(events) > 0 {
		t.Fatal(events, err)
	}
	armed := g.add(FD(from, poller.In)) // under a new id
	_, err := g.Remove(armed)
	g.must(err)
	g.add(FD(from, poller.In))
	fdWrite(t, to, "d")
	g.expect("4: ready 1")
}

// What became ready during a pause is looked at anew by Resume: somebody else may have read it.
func TestFDResumedIsLookedAtAnew(t *testing.T) {
	g := newRig(t, 0)
	from, to := fdPipe(t)
	id := g.add(FD(from, poller.In))
	fdWrite(t, to, "a")
	g.expect("1: ready 1")
	done := make(chan error)
	g.must(g.Post(func() { done <- errors.Join(g.Resume(id), g.Pause(id)) })) // at once: nothing is delivered in between
	g.must(<-done)
	for g.fdArmed(from) { // until it was reported
		runtime.Gosched()
	}
	fdRead(t, from, 1)
	g.must(g.Resume(id))
	mark := make(chan string)
	g.add(Chan(mark))
	mark <- "nothing came before"
	g.expect("2: value nothing came before")
	fdWrite(t, to, "b")
	g.expect("1: ready 1")
}

// With a handler a descriptor is asked again when the handler has returned.
func TestFDHandler(t *testing.T) {
	g := newRig(t, 0)
	from, to := fdPipe(t)
	out := make(chan string, 10)
	calls := 0
	g.handle(FD(from, poller.In), func(e Event) error {
		fdRead(t, from, 1)
		out <- say(e)
		if calls++; calls == 3 {
			_, err := g.Remove(e.From())
			out <- "removed"
			return err
		}
		return nil
	})
	fdWrite(t, to, "abcd")
	for _, want := range []string{"1: ready 1", "1: ready 1", "1: ready 1", "removed"} {
		if got := <-out; got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	g.must(g.Close())
	fdRead(t, from, 1) // which nobody told of any more
}

func TestFDHandlerPaused(t *testing.T) {
	g := newRig(t, 0)
	from, to := fdPipe(t)
	out := make(chan string)
	id := g.handle(FD(from, poller.In), func(e Event) error {
		err := g.Pause(e.From())
		out <- say(e)
		return err
	})
	fdWrite(t, to, "a")
	for range 3 {
		if got := <-out; got != "1: ready 1" {
			t.Fatal(got)
		}
		g.must(g.Post(func() { _ = g.Resume(id) })) // after the handler
	}
	<-out
	g.must(g.Close())
}

func TestFDHungUp(t *testing.T) {
	g := newRig(t, 0)
	from, to := fdPipe(t)
	g.add(FD(from, poller.Pri))
	fdClose(t, to)
	g.expect("1: ready 4") // Err comes unasked
}

func TestFDErrors(t *testing.T) {
	g := newRig(t, 0)
	from, to := fdPipe(t)
	g.add(FD(from, poller.In))
	for _, c := range []struct {
		src Source
		err error
	}{
		{FD(-1, poller.In), poller.ErrBadFD},
		{FD(to, 1<<10), poller.ErrEvents},
		{FD(from, poller.Out), ErrSource}, // it is there already
	} {
		if _, err := g.Add(c.src); !errors.Is(err, c.err) {
			t.Errorf("%s: got %v, want %v", c.src, err, c.err)
		}
	}
	bad := newRig(t, 0)
	_, err := bad.Add(FD(-1, poller.In)) // the very first
	wantError(t, err, poller.ErrBadFD)
}

// What can no longer be polled ends with the reason, alone or with all.
func TestFDPollerBroken(t *testing.T) {
	g := newRig(t, 0)
	from, to := fdPipe(t)
	from2, _ := fdPipe(t)
	g.add(FD(from, poller.In))
	paused := g.add(FD(to, poller.Out))
	g.expect("2: ready 2")
	g.add(FD(from2, poller.In))
	g.fds.fail(g.fds.feeds[from2], errors.New("no room"))
	g.expect("3: closed no room")
	broken := errors.New("broken")
	g.fds.mu.Lock()
	g.fds.err = broken
	g.fds.mu.Unlock()
	g.must(g.Resume(paused))
	g.expect("2: closed broken")
	g.fds.mu.Lock()
	g.fds.err = nil
	g.fds.mu.Unlock()
	g.fds.failAll(broken)
	g.expect("1: closed broken")
	_, err := g.Add(FD(from, poller.In))
	wantError(t, err, broken)
}

func (g *rig) fdArmed(fd int) bool {
	g.fds.mu.Lock()
	defer g.fds.mu.Unlock()
	return g.fds.feeds[fd].armed
}
