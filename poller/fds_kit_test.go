//go:build unix

package poller

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fdRun is a poller on one of the backends, and descriptors for it.
type fdRun struct {
	pollerRun
	t      *testing.T
	opened map[int]bool
}

// onBackends runs f with the system's own backend and with that of poll(2).
func onBackends(t *testing.T, f func(r *fdRun)) {
	for name, open := range map[string]func() (fdWatch, error){"own": openFDs, "poll": openPoll} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			f(newFDRun(ctx, t, open))
		})
	}
}

func (r *fdRun) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// is checks the outcome of a Wait with this timeout.
func (r *fdRun) is(timeout time.Duration, want string) {
	r.t.Helper()
	if got := r.wait(timeout); got != want {
		r.t.Fatalf("got %q, want %q", got, want)
	}
}

// owned closes fd with the test, unless close has done it: its number may be another's by then.
func (r *fdRun) owned(fd int) int {
	r.opened[fd] = true
	return fd
}

func (r *fdRun) close(fd int) {
	r.t.Helper()
	if !r.opened[fd] {
		r.t.Fatalf("%d is not open", fd)
	}
	delete(r.opened, fd)
	r.must(unix.Close(fd))
}

func newFDRun(ctx context.Context, t *testing.T, open func() (fdWatch, error)) *fdRun {
	p := New()
	p.open = open
	r := &fdRun{pollerRun{Poller: p, ctx: ctx}, t, map[int]bool{}}
	t.Cleanup(func() {
		_ = p.Close()
		for fd := range r.opened {
			_ = unix.Close(fd)
		}
	})
	return r
}

func (r *fdRun) pipe() (rd, wr int) {
	var p [2]int
	r.must(unix.Pipe(p[:]))
	return r.owned(p[0]), r.owned(p[1])
}

func (r *fdRun) socketpair() (a, b int) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	r.must(err)
	return r.owned(p[0]), r.owned(p[1])
}

func (r *fdRun) write(fd int) {
	r.t.Helper()
	_, err := unix.Write(fd, []byte("x"))
	r.must(err)
}

func (r *fdRun) read(fd int) {
	r.t.Helper()
	n, err := unix.Read(fd, make([]byte, 9))
	r.must(err)
	if n == 0 {
		r.t.Fatal("end of file")
	}
}

// tcp returns both ends of a connection over the loopback.
func (r *fdRun) tcp() (a, b int) {
	l := r.listener()
	name, err := unix.Getsockname(l)
	r.must(err)
	a = r.tcpSocket()
	r.must(unix.Connect(a, name))
	b, _, err = unix.Accept(l)
	r.must(err)
	return a, r.owned(b)
}

func (r *fdRun) listener() int {
	l := r.tcpSocket()
	r.must(unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	r.must(unix.Listen(l, 9))
	return l
}

func (r *fdRun) tcpSocket() int {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	r.must(err)
	return r.owned(fd)
}

// settle waits until poll(2) says want of fd: what a peer did has arrived.
func (r *fdRun) settle(fd int, asked, want int16) {
	r.t.Helper()
	list := []unix.PollFd{{Fd: int32(fd), Events: asked}}
	r.must(pollFDs(list, 10_000))
	if list[0].Revents&want != want {
		r.t.Fatalf("poll(2) says %#x, want %#x", list[0].Revents, want)
	}
}
