//go:build unix

package poller

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"zmqbus/internal/readiness"
)

// pollWatch is an fdWatch on poll(2), for systems without epoll. Its goroutine holds a thread, and takes time in
// proportion to the descriptors that are armed.
type pollWatch struct {
	done chan struct{} // closed by the goroutine when it ends

	mu     sync.Mutex // guards what follows; not held by the goroutine while it is in poll(2)
	armed  map[int]armedFD
	wake   wakeFD // gets the goroutine out of poll(2)
	poked  bool
	closed bool
	now    []unix.PollFd // of collect
}

type armedFD struct {
	events int16
	place  *readiness.Place[*entry]
}

func openPoll() (fdWatch, error) {
	wake, err := newWakeFD()
	if err != nil {
		return nil, os.NewSyscallError("pipe", err)
	}
	w := &pollWatch{armed: map[int]armedFD{}, wake: wake, done: make(chan struct{})}
	go w.run() // owned by the Poller; ends when close has poked it
	return w, nil
}

func (w *pollWatch) run() {
	defer close(w.done)
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []unix.PollFd
	for !w.closed {
		list = append(w.list(list), unix.PollFd{Fd: int32(w.wake.r), Events: unix.POLLIN})
		w.mu.Unlock()
		err := pollFDs(list, -1)
		w.mu.Lock()
		if w.poked {
			w.poked = false
			w.wake.drain()
		}
		w.report(list[:len(list)-1], err)
	}
}

func (w *pollWatch) list(to []unix.PollFd) []unix.PollFd {
	to = to[:0]
	for fd, a := range w.armed {
		to = append(to, unix.PollFd{Fd: int32(fd), Events: a.events})
	}
	return to
}

// report puts those of list that are ready into the line and disarms them. When poll(2) has failed it takes all for
// ready: who looks at them one by one finds out.
func (w *pollWatch) report(list []unix.PollFd, err error) {
	for _, f := range list {
		// What was armed anew meanwhile is looked at once in vain.
		if a, ok := w.armed[int(f.Fd)]; ok && (f.Revents != 0 || err != nil) {
			delete(w.armed, int(f.Fd))
			a.place.Join()
		}
	}
}

func (w *pollWatch) collect() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now = w.list(w.now); len(w.now) > 0 {
		w.report(w.now, pollFDs(w.now, 0))
	}
}

func (w *pollWatch) level(fd int, ev Events) (Events, error) { return levelFD(fd, ev) }

func (w *pollWatch) arm(fd int, ev Events, place *readiness.Place[*entry]) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed[fd] = armedFD{toPoll(ev), place}
	w.poke()
	return nil
}

func (w *pollWatch) poke() {
	if !w.poked && !w.closed {
		w.poked = true
		w.wake.write()
	}
}

func (w *pollWatch) disarm(fd int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.armed, fd)
}

func (w *pollWatch) close() {
	w.mu.Lock()
	w.poke()
	w.closed = true
	w.mu.Unlock()
	<-w.done
	w.wake.close()
}
