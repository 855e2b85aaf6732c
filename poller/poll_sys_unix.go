//go:build unix && !linux

package poller

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// pollOnce is poll(2), which counts in milliseconds: a fraction is rounded up, and who waits for hours is woken
// after one.
func pollOnce(list []unix.PollFd, d time.Duration) error {
	ms := -1
	if d >= 0 {
		ms = int((min(d, time.Hour) + time.Millisecond - 1) / time.Millisecond)
	}
	_, err := unix.Poll(list, ms)
	return err
}

// wakeFD is a pipe whose end r is readable after write, until drain. It never blocks and is closed in children.
type wakeFD struct {
	r, w int
}

func newWakeFD() (wakeFD, error) {
	var p [2]int
	syscall.ForkLock.RLock() // not every system can make a pipe that is close-on-exec from the start
	err := unix.Pipe(p[:])
	if err == nil {
		unix.CloseOnExec(p[0])
		unix.CloseOnExec(p[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return wakeFD{}, err
	}
	wake := wakeFD{r: p[0], w: p[1]}
	for _, fd := range p {
		if err := unix.SetNonblock(fd, true); err != nil {
			wake.close()
			return wakeFD{}, err
		}
	}
	return wake, nil
}

func (w wakeFD) write() { _, _ = unix.Write(w.w, []byte{1}) }

func (w wakeFD) drain() {
	var b [1]byte
	_, _ = unix.Read(w.r, b[:])
}

func (w wakeFD) close() {
	_ = unix.Close(w.r)
	_ = unix.Close(w.w)
}
