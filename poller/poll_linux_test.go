package poller

import (
	"context"
	"errors"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func pollOpenFDs(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestPollLeaksNothing: neither descriptors nor waiters stay, whatever ends the wait.
func TestPollLeaksNothing(t *testing.T) {
	idle := pollIdleFD(t)
	ended := &fake{end: errFakeEnd}
	before := pollOpenFDs(t)
	for i := range 1000 {
		f := &fake{}
		items := []Item{idle, {Socket: f, Events: In}}
		ctx, cancel := context.WithCancel(t.Context())
		timeout := time.Duration(-1)
		switch i % 4 {
		case 0:
			timeout = 50 * time.Microsecond
		case 1:
			go f.set(In) // ends at once
		case 2:
			go cancel() // ends at once
		case 3:
			go f.finish() // ends at once
		}
		n, err := Poll(ctx, items, timeout)
		if (n == 1) != (i%4 == 1) || (err != nil) != (i%4 >= 2) {
			t.Fatalf("call %d: %d, %v", i, n, err)
		}
		if _, err := Poll(ctx, append(items, Item{Socket: ended}), -1); err == nil {
			t.Fatal("the ended source is no error")
		}
		if k := pollWaiters(f); k != 0 {
			t.Fatalf("call %d: %d waiters stay", i, k)
		}
		cancel()
	}
	if after := pollOpenFDs(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// TestPollFDFraction: a timeout of less than a millisecond is neither cut nor rounded. (The other systems' poll(2) rounds
// up.)
func TestPollFDFraction(t *testing.T) {
	idle := pollIdleFD(t)
	const timeout = 300 * time.Microsecond
	quickest := time.Hour
	for range 50 {
		start := time.Now()
		n, err := Poll(t.Context(), []Item{idle}, timeout)
		took := time.Since(start)
		if n != 0 || err != nil || took < timeout {
			t.Fatalf("%d, %v after %v", n, err, took)
		}
		quickest = min(quickest, took)
	}
	if quickest >= time.Millisecond {
		t.Errorf("never in less than %v", quickest)
	}
}

// TestPollSignal: a signal that ends poll(2) does not end the wait.
func TestPollSignal(t *testing.T) {
	g := &pollStage{t: t}
	r, w := g.pipe()
	tid := make(chan int)
	type result struct {
		n   int
		err error
	}
	done := make(chan result)
	go func() { // owner: the test, which takes its result
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		tid <- unix.Gettid()
		n, err := Poll(t.Context(), []Item{r.is(In)}, -1)
		done <- result{n, err}
	}()
	thread := <-tid
	for range 2000 {
		g.ok(unix.Tgkill(unix.Getpid(), thread, unix.SIGURG)) // the runtime's own, to pre-empt
		runtime.Gosched()
	}
	w.write("x")
	if got := <-done; got.n != 1 || got.err != nil {
		t.Fatalf("%d, %v", got.n, got.err)
	}
}

// TestPollNoDescriptor: when the system has none left to wait with, the call fails and says so; a look needs none.
func TestPollNoDescriptor(t *testing.T) {
	idle := pollIdleFD(t)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	less := limit
	less.Cur = uint64(idle.FD) + 1
	f := &fake{}
	gaps := pollFillGaps(t, idle.FD)
	defer func() {
		for _, g := range gaps {
			_ = unix.Close(g)
		}
	}()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &less); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) }()
	items := []Item{idle, {Socket: f, Events: In}}
	_, err := Poll(t.Context(), items, time.Minute)
	if !errors.Is(err, unix.EMFILE) || pollWaiters(f) != 0 {
		t.Errorf("%v, %d waiters", err, pollWaiters(f))
	}
	if n, err := Poll(t.Context(), items, 0); n != 0 || err != nil {
		t.Errorf("looking: %d, %v", n, err)
	}
}

// pollFillGaps takes every free number below top.
func pollFillGaps(t *testing.T, top int) (taken []int) {
	t.Helper()
	for {
		fd, err := unix.Dup(top)
		if err != nil {
			t.Fatal(err)
		}
		if fd > top {
			_ = unix.Close(fd)
			return taken
		}
		taken = append(taken, fd)
	}
}

// TestPollWakeFD: the descriptor that wakes does not get into children, and never blocks who pokes.
func TestPollWakeFD(t *testing.T) {
	w, err := newWakeFD()
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	if flags, err := unix.FcntlInt(uintptr(w.r), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %#x, %v", flags, err)
	}
	if flags, err := unix.FcntlInt(uintptr(w.r), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
		t.Errorf("file flags %#x, %v", flags, err)
	}
}
