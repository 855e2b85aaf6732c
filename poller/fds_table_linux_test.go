package poller

import (
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The answers are those of Linux; other systems tell the end of a stream in other bits.

// fdRow is a descriptor that is polled, and what makes it what it is.
type fdRow struct {
	name string
	ev   Events
	want string // libzmq's answer and ours
	make func(r *fdRun) (fd int, then func())
}

func fdPipe(f func(r *fdRun, rd, wr int)) func(r *fdRun) (int, func()) {
	return func(r *fdRun) (int, func()) {
		rd, wr := r.pipe()
		return rd, func() { f(r, rd, wr) }
	}
}

func fdPipeOut(f func(r *fdRun, rd, wr int)) func(r *fdRun) (int, func()) {
	return func(r *fdRun) (int, func()) {
		rd, wr := r.pipe()
		return wr, func() { f(r, rd, wr) }
	}
}

func fdPair(f func(r *fdRun, peer int)) func(r *fdRun) (int, func()) {
	return func(r *fdRun) (int, func()) {
		a, b := r.socketpair()
		return a, func() { f(r, b) }
	}
}

func fdTCP(f func(r *fdRun, fd, peer int)) func(r *fdRun) (int, func()) {
	return func(r *fdRun) (int, func()) {
		a, b := r.tcp()
		return a, func() { f(r, a, b) }
	}
}

func fdClosed(r *fdRun) (int, func()) {
	rd, _ := r.pipe()
	return rd, func() { r.close(rd) }
}

func fdFile(r *fdRun) (int, func()) {
	f, err := os.CreateTemp(r.t.TempDir(), "")
	r.must(err)
	r.t.Cleanup(func() { f.Close() })
	return int(f.Fd()), func() {}
}

func fdIdle(r *fdRun, _, _ int)      {}
func fdWrite(r *fdRun, _, wr int)    { r.write(wr) }
func fdHangUp(r *fdRun, _, wr int)   { r.close(wr) }
func fdLast(r *fdRun, _, wr int)     { r.write(wr); r.close(wr) }
func fdNoReader(r *fdRun, rd, _ int) { r.close(rd) }
func fdOOB(r *fdRun, fd, peer int) {
	r.must(unix.Send(peer, []byte("!"), unix.MSG_OOB))
	r.settle(fd, unix.POLLPRI, unix.POLLPRI)
}
func fdReset(r *fdRun, fd, peer int) {
	r.must(unix.SetsockoptLinger(peer, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
	r.close(peer)
	r.settle(fd, unix.POLLIN, unix.POLLERR)
}
func fdHalfClosed(r *fdRun, fd, peer int) {
	r.must(unix.Shutdown(peer, unix.SHUT_WR))
	r.settle(fd, unix.POLLIN, unix.POLLIN)
}

var fdRows = []fdRow{
	{"pipe, empty", In, "EAGAIN", fdPipe(fdIdle)},
	{"pipe, write end", Out, "fd:OUT", fdPipeOut(fdIdle)},
	{"pipe with data", In | Out, "fd:IN", fdPipe(fdWrite)},
	{"pipe with data, events 0", 0, "EAGAIN", fdPipe(fdWrite)},
	{"pipe with data, hung up", In, "fd:IN+ERR", fdPipe(fdLast)},
	{"pipe, hung up", In, "fd:ERR", fdPipe(fdHangUp)},
	{"pipe, hung up, events 0", 0, "EAGAIN", fdPipe(fdHangUp)},
	{"pipe, hung up, OUT", Out, "fd:ERR", fdPipe(fdHangUp)},
	{"pipe, hung up, ERR", Err, "fd:ERR", fdPipe(fdHangUp)},
	{"pipe, write end, no reader", Out, "fd:OUT+ERR", fdPipeOut(fdNoReader)},
	{"pipe, write end, no reader, events 0", 0, "EAGAIN", fdPipeOut(fdNoReader)},
	{"regular file", In | Out | Pri, "fd:IN+OUT", fdFile},
	{"regular file, PRI", Pri, "EAGAIN", fdFile},
	{"closed", In, "fd:ERR", fdClosed},
	{"closed, events 0", 0, "EAGAIN", fdClosed},
	{"socketpair, idle", In | Out | Pri | Err, "fd:OUT", fdPair(func(*fdRun, int) {})},
	{"socketpair, peer closed", In | Out, "fd:IN+OUT+ERR", fdPair(func(r *fdRun, peer int) { r.close(peer) })},
	{"socketpair, peer closed, ERR", Err, "fd:ERR", fdPair(func(r *fdRun, peer int) { r.close(peer) })},
	{"tcp, idle", In | Out | Pri, "fd:OUT", fdTCP(fdIdle)},
	{"tcp, urgent data", In | Pri, "fd:PRI", fdTCP(fdOOB)},
	{"tcp, urgent data, PRI not asked", In, "EAGAIN", fdTCP(fdOOB)},
	{"tcp, reset", In | Out, "fd:IN+OUT+ERR", fdTCP(fdReset)},
	{"tcp, reset, events 0", 0, "EAGAIN", fdTCP(fdReset)},
	{"tcp, half-closed", In | Out, "fd:IN+OUT", fdTCP(fdHalfClosed)},
	{"tcp, listening", In | Out, "EAGAIN", func(r *fdRun) (int, func()) { return r.listener(), func() {} }},
	{"tcp, not connected", In | Out, "fd:OUT+ERR", func(r *fdRun) (int, func()) { return r.tcpSocket(), func() {} }},
}

// Each row twice: registered when it is what the row says, and when it becomes so after a Wait has found it idle. The
// Wait that follows reports it without waiting, and so does the next.
func TestFDTable(t *testing.T) {
	onBackends(t, func(r *fdRun) {
		for _, row := range fdRows {
			for _, before := range []bool{false, true} {
				if row.name == "closed" && before {
					continue // its own test: the system says nothing when a registered descriptor is closed
				}
				fd, then := row.make(r)
				if before {
					r.must(r.AddFD(fd, row.ev, "fd"))
					r.wait(0)
					then()
				} else {
					then()
					r.must(r.AddFD(fd, row.ev, "fd"))
				}
				for range 2 {
					timeout := 5 * time.Millisecond
					if row.want != "EAGAIN" {
						timeout = 0
					}
					if got := r.wait(timeout); got != row.want {
						r.t.Errorf("%s (registered before: %v): got %q, want %q", row.name, before, got, row.want)
					}
				}
				r.must(r.RemoveFD(fd))
			}
		}
	})
}

func TestFDCalls(t *testing.T) {
	onBackends(t, func(r *fdRun) {
		rd, _ := r.pipe()
		tooGreat := math.MaxInt32 // a number that fits is accepted, as any that is not open
		if math.MaxInt > math.MaxInt32 {
			tooGreat++
		}
		for _, c := range []struct {
			name, libzmq, got string
		}{
			{"fd -1", "EBADF EBADF EBADF", pollerEach(r.AddFD(-1, In, nil), r.ModifyFD(-1, In), r.RemoveFD(-1))},
			{"too great", "EBADF", pollerEach(r.AddFD(tooGreat, In, nil))},
			{"unknown", "EINVAL EINVAL", pollerEach(r.ModifyFD(rd, In), r.RemoveFD(rd))},
			{"unknown events", "EINVAL EINVAL", pollerEach(r.AddFD(rd, 0x10, nil), r.AddFD(rd, 0x7ff0, nil))},
			{"twice", "ok EINVAL", pollerEach(r.AddFD(rd, In, nil), r.AddFD(rd, Out, nil))},
			{"unknown events, registered", "EINVAL", pollerEach(r.ModifyFD(rd, 0x8000))},
			{"size", "1", fmt.Sprint(r.Size())},
			{"events 0", "ok 1 EFAULT", pollerEach(r.ModifyFD(rd, 0)) + fmt.Sprint(" ", r.Size(), " ", r.wait(-1))},
			{"removed", "ok 0", pollerEach(r.RemoveFD(rd)) + fmt.Sprint(" ", r.Size())},
		} {
			if c.got != c.libzmq {
				r.t.Errorf("%s: got %q, want %q", c.name, c.got, c.libzmq)
			}
		}
	})
}
