//go:build unix

package poller

import "golang.org/x/sys/unix"

// fromPoll turns what poll(2) reported into Events. Whatever is neither readable, writable nor urgent is Err: POLLERR,
// POLLHUP and POLLNVAL, as zmq_poll has it.
func fromPoll(revents int16) Events {
	var ev Events
	if revents&unix.POLLIN != 0 {
		ev |= In
	}
	if revents&unix.POLLOUT != 0 {
		ev |= Out
	}
	if revents&unix.POLLPRI != 0 {
		ev |= Pri
	}
	if revents&^(unix.POLLIN|unix.POLLOUT|unix.POLLPRI) != 0 {
		ev |= Err
	}
	return ev
}

// toPoll turns Events into what poll(2) is asked for. Err is not asked for: poll reports it unasked.
func toPoll(ev Events) int16 {
	var events int16
	if ev&In != 0 {
		events |= unix.POLLIN
	}
	if ev&Out != 0 {
		events |= unix.POLLOUT
	}
	if ev&Pri != 0 {
		events |= unix.POLLPRI
	}
	return events
}

// levelFD asks the system what fd is ready for, of ev and Err, without blocking.
func levelFD(fd int, ev Events) (Events, error) {
	one := [1]unix.PollFd{{Fd: int32(fd), Events: toPoll(ev)}}
	err := pollFDs(one[:], 0)
	return fromPoll(one[0].Revents), err
}
