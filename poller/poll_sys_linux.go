package poller

import (
	"time"

	"golang.org/x/sys/unix"
)

// pollOnce is poll(2) that keeps fractions of a millisecond.
func pollOnce(list []unix.PollFd, d time.Duration) error {
	var timeout *unix.Timespec
	if d >= 0 {
		ts := unix.NsecToTimespec(int64(d))
		timeout = &ts
	}
	_, err := unix.Ppoll(list, timeout, nil)
	return err
}

// wakeFD is a descriptor that is readable after write, until drain. It never blocks and is closed in children.
type wakeFD struct {
	r int
}

func newWakeFD() (wakeFD, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	return wakeFD{fd}, err
}

func (w wakeFD) write() { _, _ = unix.Write(w.r, []byte{7: 1}) } // any count but 0 will do

func (w wakeFD) drain() {
	var count [8]byte
	_, _ = unix.Read(w.r, count[:])
}

func (w wakeFD) close() { _ = unix.Close(w.r) }
