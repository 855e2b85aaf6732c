package poller

import (
	"context"
	"time"
)

// Wait waits until a source or descriptor is ready and returns one event. It is [Poller.WaitAll] for one; without an
// event the FD of what it returns is -1. (zmq_poller_wait(3))
func (p *Poller) Wait(ctx context.Context, timeout time.Duration) (Event, error) {
	one := [1]Event{{FD: -1}}
	_, err := p.WaitAll(ctx, one[:], timeout)
	return one[0], err
}

// WaitAll waits until at least one source or descriptor is ready, fills events with those that are, as far as they find
// room, and returns how many. The rest of events is not touched. A timeout of 0 looks and returns at once, a negative
// one waits for ever; others are kept to the fraction of a millisecond.
//
// It is level-triggered: what stays ready is reported by each call. When more is ready than events has room for they
// take turns, so that each is reported once before any is reported again. See the package's comment for several calls
// at the same time.
//
// Errors, always with 0 events: context.Cause(ctx) when ctx has ended, looked at first. ErrClosed. ErrEmpty for a wait
// for ever that begins when nothing is registered, or asked for. ErrWoken after [Poller.Wake]. ErrAgain when nothing was
// ready in time, or events has no room. An *OpError that names a source that has ended, with its user data and the
// source's error: the source stays registered, is reported again when its turn comes, and the others are served in
// between. (zmq_poller_wait_all(3))
func (p *Poller) WaitAll(ctx context.Context, events []Event, timeout time.Duration) (int, error) {
	if err := p.enter(ctx, timeout < 0); err != nil {
		return 0, err
	}
	n, err := 0, ErrAgain
	if len(events) > 0 {
		n, err = p.wait(ctx, events, timeout)
	}
	p.leave()
	return n, err
}

func (p *Poller) enter(ctx context.Context, forever bool) error {
	if ctx == nil {
		return errNilContext
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.ended:
		return ErrClosed
	case forever && p.active == 0:
		return ErrEmpty
	}
	p.waits++
	return nil
}

// leave hands what is, or may be, ready to the other Waits: they look at it too, and none sleeps while a source is
// ready.
func (p *Poller) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits--
	if p.waits > 0 && (len(p.reported) > 0 || p.first != nil || p.line.Len() > 0) {
		p.line.Poke()
	}
}

func (p *Poller) wait(ctx context.Context, events []Event, timeout time.Duration) (int, error) {
	var over <-chan time.Time
	if timeout > 0 {
		timer := p.takeTimer(timeout)
		defer p.giveTimer(timer)
		over = timer.C
	}
	for expired := timeout == 0; ; {
		if n, err := p.serve(events); n > 0 || err != nil {
			p.answerWake()
			return n, err
		}
		if expired {
			if p.answerWake() {
				return 0, ErrWoken
			}
			return 0, ErrAgain
		}
		select {
		case <-p.line.C():
		case <-over:
			expired = true // after one more look
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-p.woken:
			return 0, ErrWoken
		case <-p.closed:
			return 0, ErrClosed
		}
	}
}

// answerWake takes Wake's token, if there is one.
func (p *Poller) answerWake() bool {
	select {
	case <-p.woken:
		return true
	default:
		return false
	}
}

// takeTimer and giveTimer keep one timer for the next Wait.
func (p *Poller) takeTimer(d time.Duration) *time.Timer {
	p.mu.Lock()
	t := p.timer
	p.timer = nil
	p.mu.Unlock()
	if t == nil {
		return time.NewTimer(d)
	}
	t.Reset(d)
	return t
}

func (p *Poller) giveTimer(t *time.Timer) {
	t.Stop()
	p.mu.Lock()
	p.timer = t
	p.mu.Unlock()
}

// serve looks once at each of those that may be ready, and fills events. It stops before a source that has ended, which
// then comes first in the next pass: so it is told, and those behind it do not wait for it.
func (p *Poller) serve(events []Event) (n int, err error) {
	p.pass.Lock()
	defer p.pass.Unlock()
	for range p.begin() {
		e, ev := p.take()
		if e == nil {
			continue
		}
		got, err := p.look(e, ev)
		switch {
		case got == 0 && err == nil:
			continue
		case !p.report(e, ev, err != nil && n > 0):
			continue
		case err != nil && n > 0:
			return n, nil
		case err != nil:
			return 0, e.fail("wait", e.user, err)
		}
		events[n] = Event{Socket: e.src, FD: e.fd, Events: got, UserData: e.user}
		if n++; n == len(events) {
			break
		}
	}
	return n, nil
}

// begin starts a pass: those that the last one reported go to the end of the line, behind those that came meanwhile. It
// returns how many there are to look at, so that a pass ends whatever the sources do.
func (p *Poller) begin() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fds > 0 {
		p.watch.collect()
	}
	for _, e := range p.reported {
		e.reported = false
		if !e.gone {
			e.place.Return()
		}
	}
	clear(p.reported)
	p.reported = p.reported[:0]
	n := p.line.Len()
	if p.first != nil {
		n++
	}
	return n
}

// take returns whose turn it is and what is asked of it; nil when it need not be looked at.
func (p *Poller) take() (*entry, Events) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.first
	if p.first = nil; e == nil {
		e, _ = p.line.Next()
	}
	if e == nil || e.gone || e.reported {
		return nil, 0
	}
	return e, e.events
}

// look returns what of ev the target is ready for, or an error when it has ended; when neither, it has been asked to
// come to the line.
func (p *Poller) look(e *entry, ev Events) (Events, error) {
	if e.src == nil {
		return p.lookFD(e, ev)
	}
	mask := ev & (In | Out) // the others are not a source's
	got, err := e.src.Readiness()
	if got&mask == 0 && err == nil {
		e.waiter.Arm(mask)
		if got, err = e.src.Readiness(); got&mask == 0 && err == nil {
			return 0, nil
		}
		e.waiter.Disarm()
	}
	return got & mask, err
}

func (p *Poller) lookFD(e *entry, ev Events) (Events, error) {
	if ev != 0 {
		if got, err := p.watch.level(e.fd, ev); got != 0 || err != nil {
			return got, err
		}
	}
	p.mu.Lock() // with it held RemoveFD waits: what is removed is not armed
	defer p.mu.Unlock()
	switch {
	case e.gone || e.events != ev:
		return 0, nil
	case ev == 0:
		p.watch.disarm(e.fd)
		return 0, nil
	}
	return 0, p.watch.arm(e.fd, ev, e.place)
}

// report notes that e was found ready for ev, or ended, and reports whether that is still of interest. With later it is
// left to the next pass.
func (p *Poller) report(e *entry, ev Events, later bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case e.gone || e.events != ev: // Modify has put it into the line
		return false
	case later:
		p.first = e
	default:
		e.reported = true
		p.reported = append(p.reported, e)
	}
	return true
}
