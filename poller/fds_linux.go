package poller

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"zmqbus/internal/readiness"
)

var openFDs = openEpoll

// epollWatch is an fdWatch on epoll(7). Each descriptor is one-shot: a level-triggered one would keep the goroutine
// spinning while it is ready and nobody waits.
//
// The epoll descriptor is itself watched by the Go runtime's poller, so that the goroutine parks without holding a
// thread.
type epollWatch struct {
	file *os.File
	conn syscall.RawConn
	done chan struct{} // closed by the goroutine when it ends

	// mu guards what follows. It covers fetching an event and putting its place into the line: who has collected finds
	// in the line what was ready before.
	mu     sync.Mutex
	epfd   int
	places map[int]*readiness.Place[*entry]
	events [64]unix.EpollEvent
	closed bool
}

func openEpoll() (fdWatch, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(epfd, true); err != nil { // or os.NewFile does not give it to the runtime's poller
		_ = unix.Close(epfd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	w := &epollWatch{epfd: epfd, places: map[int]*readiness.Place[*entry]{}, done: make(chan struct{})}
	w.file = os.NewFile(uintptr(epfd), "epoll")
	if w.conn, err = w.file.SyscallConn(); err != nil {
		_ = w.file.Close()
		return nil, err
	}
	go w.run() // owned by the Poller; ends when close has closed the file
	return w, nil
}

func (w *epollWatch) run() {
	defer close(w.done)
	some := func(uintptr) bool { return w.fetch() > 0 }
	for w.conn.Read(some) == nil {
	}
}

// fetch puts those that are ready into the line and returns how many.
func (w *epollWatch) fetch() (total int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.closed {
		n, err := unix.EpollWait(w.epfd, w.events[:], 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		for _, ev := range w.events[:max(n, 0)] {
			// A place that is not there: fd was closed before it was removed, and a duplicate lives on.
			if place := w.places[int(ev.Fd)]; place != nil {
				place.Join()
			}
		}
		if total += max(n, 0); n < len(w.events) {
			break
		}
	}
	return total
}

func (w *epollWatch) collect() { w.fetch() }

// level asks poll(2): epoll does not take regular files, which are always ready, and nothing that is not open.
func (w *epollWatch) level(fd int, ev Events) (Events, error) { return levelFD(fd, ev) }

func (w *epollWatch) arm(fd int, ev Events, place *readiness.Place[*entry]) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	// The bits of epoll are those of poll(2).
	event := unix.EpollEvent{Events: uint32(toPoll(ev)) | unix.EPOLLONESHOT, Fd: int32(fd)}
	err := unix.EpollCtl(w.epfd, unix.EPOLL_CTL_MOD, fd, &event)
	if errors.Is(err, unix.ENOENT) { // for the first time, or fd was closed and is another file now
		err = unix.EpollCtl(w.epfd, unix.EPOLL_CTL_ADD, fd, &event)
	}
	switch err {
	case nil:
		w.places[fd] = place
	case unix.EBADF: // closed since the last look: the next one finds Err
		place.Join()
	case unix.EPERM: // a regular file, which does not become ready for what it is not ready for now
	default:
		return os.NewSyscallError("epoll_ctl", err)
	}
	return nil
}

func (w *epollWatch) disarm(fd int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.places[fd] != nil && !w.closed {
		delete(w.places, fd)
		_ = unix.EpollCtl(w.epfd, unix.EPOLL_CTL_DEL, fd, nil) // fails when fd is closed already
	}
}

func (w *epollWatch) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	_ = w.file.Close()
	<-w.done
}
