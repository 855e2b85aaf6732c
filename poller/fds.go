package poller

import (
	"errors"
	"math"

	"zmqbus/internal/readiness"
)

// fdWatch tells when a descriptor becomes ready: it puts the place given to arm into its line, once. Its methods do not
// block, but for close.
type fdWatch interface {
	// level is what fd is ready for now, of ev and Err.
	level(fd int, ev Events) (Events, error)
	// arm asks for one report, also when fd is ready already. It replaces what was asked for before.
	arm(fd int, ev Events, place *readiness.Place[*entry]) error
	// disarm takes arm back. It is called before fd may be armed again for somebody else.
	disarm(fd int)
	// collect reports at once those that are ready and whose report is still under way.
	collect()
	// close ends the goroutine and waits for it. Calls that come later do nothing.
	close()
}

// AddFD is Add for a descriptor of the operating system. Err is reported whether it is asked for or not, as long as
// anything is: fd is hung up, in error or not open. A number that is not open is no error of AddFD.
//
// Remove fd before you close it: the system forgets a closed descriptor without a word, and its number may come back as
// another file, which is then polled in its place.
//
// Errors are *OpError: ErrBadFD for a number that can not be one, ErrEvents, ErrRegistered, ErrClosed, what the system
// says when it has no descriptor left for the poller itself; errors.ErrUnsupported on systems other than Unix.
// (zmq_poller_add_fd(3))
func (p *Poller) AddFD(fd int, ev Events, userData any) error {
	t, err := p.descriptor("add", fd, ev)
	if err != nil {
		return err
	}
	e := p.newEntry(t, ev, userData)
	if err := p.insert(e); err != nil {
		return t.fail("add", userData, err)
	}
	e.place.Join()
	return nil
}

// ModifyFD is Modify for a descriptor. With 0 a hang-up is not reported either. Errors as Modify, with ErrBadFD.
// (zmq_poller_modify_fd(3))
func (p *Poller) ModifyFD(fd int, ev Events) error {
	t, err := p.descriptor("modify", fd, ev)
	if err != nil {
		return err
	}
	return p.modify(t, ev)
}

// RemoveFD is Remove for a descriptor, which may be closed once it has returned. Errors as Remove, with ErrBadFD.
// (zmq_poller_remove_fd(3))
func (p *Poller) RemoveFD(fd int) error {
	t, err := p.descriptor("remove", fd, 0)
	if err != nil {
		return err
	}
	_, err = p.remove(t)
	return err
}

// descriptor checks the arguments of a call that concerns a descriptor.
func (p *Poller) descriptor(op string, fd int, ev Events) (target, error) {
	t := target{fd: fd}
	switch {
	case p.open == nil:
		return target{}, t.fail(op, nil, errors.ErrUnsupported)
	case fd < 0 || fd > math.MaxInt32:
		return target{}, t.fail(op, nil, ErrBadFD)
	case ev&^known != 0:
		return target{}, t.fail(op, nil, ErrEvents)
	}
	return t, nil
}
