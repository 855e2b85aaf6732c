//go:build unix

package poller

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// 1,000 descriptors: those that are ready are reported, each once a round, and nobody else.
func TestFDMany(t *testing.T) {
	const n = 1000
	fdLimit(t, 2*n+200)
	onBackends(t, func(r *fdRun) {
		var rd, wr [n]int
		for i := range n {
			rd[i], wr[i] = r.pipe()
			r.must(r.AddFD(rd[i], In, i))
		}
		r.is(0, "EAGAIN")
		for i := 0; i < n; i += 3 {
			r.write(wr[i])
		}
		seen := map[int]bool{}
		events := make([]Event, 50)
		for len(seen) < (n+2)/3 {
			got, err := r.WaitAll(r.ctx, events, -1)
			r.must(err)
			for _, ev := range events[:got] {
				i := ev.UserData.(int)
				if i%3 != 0 || seen[i] || ev.FD != rd[i] || ev.Events != In {
					r.t.Fatalf("%+v of %d, told before: %v", ev, i, seen[i])
				}
				seen[i] = true
				r.read(rd[i])
			}
		}
		r.is(0, "EAGAIN")
		for i := range n { // as many again, all asleep
			r.write(wr[i])
		}
		all := make([]Event, n+1)
		if got, err := r.WaitAll(r.ctx, all, -1); got != n || err != nil {
			r.t.Errorf("%d of %d at once, %v", got, n, err)
		}
	})
}

// fdLimit makes sure that so many files can be open.
func fdLimit(t *testing.T, n uint64) {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil || uint64(lim.Cur) < n {
		t.Skipf("needs %d open files; the limit is %d (%v)", n, lim.Cur, err)
	}
}

// The system's refusal to give the poller a descriptor is AddFD's error, and it may be tried again.
func TestFDOpenFails(t *testing.T) {
	onBackends(t, func(r *fdRun) {
		rd, wr := r.pipe()
		good := r.open
		r.open = func() (fdWatch, error) { return nil, unix.EMFILE }
		if err := r.AddFD(rd, In, nil); !errors.Is(err, unix.EMFILE) || r.Size() != 0 {
			r.t.Error(err, r.Size())
		}
		r.open = good
		r.must(r.AddFD(rd, In, "pipe"))
		r.write(wr)
		r.is(-1, "pipe:IN")
	})
}

// Where descriptors cannot be polled every call says so.
func TestFDUnsupported(t *testing.T) {
	r := pollerRun{Poller: New()}
	defer r.Close()
	r.open = nil
	if got := pollerEach(r.AddFD(-1, In, nil), r.AddFD(0, In, nil), r.ModifyFD(0, In), r.RemoveFD(0)); got !=
		"unsupported unsupported unsupported unsupported" {
		t.Error(got)
	}
}

func TestFDAllocatesNothing(t *testing.T) {
	r := newFDRun(t.Context(), t, openFDs)
	rd, wr := r.pipe()
	r.must(r.AddFD(rd, In, nil))
	b := make([]byte, 1)
	n := testing.AllocsPerRun(100, func() {
		if _, err := unix.Write(wr, b); err != nil {
			r.t.Error(err)
		}
		if _, err := r.Wait(r.ctx, -1); err != nil {
			r.t.Error(err)
		}
		if _, err := unix.Read(rd, b); err != nil {
			r.t.Error(err)
		}
		if _, err := r.Wait(r.ctx, 0); err != ErrAgain {
			r.t.Error(err)
		}
	})
	if n != 0 {
		r.t.Errorf("%v allocations", n)
	}
}
