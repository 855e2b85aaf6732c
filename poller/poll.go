package poller

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"zmqbus/internal/readiness"
)

// Item is one thing to poll for: a source or, when Socket is nil, a descriptor (zmq_pollitem_t). With a Socket, FD is
// not looked at; an item with neither, that is FD < 0, is never ready.
type Item struct {
	Socket  Pollable // a nil interface; a nil pointer in it is an error
	FD      int      // of the operating system: a file, pipe, terminal, or another library's connection
	Events  Events   // what is asked for; unknown bits, and Err and Pri of a Socket, are ignored
	Revents Events   // set by Poll: what of it is the case, and for a descriptor also Err, asked or not
}

// ItemError says which item made [Poll] fail, and why.
type ItemError struct {
	Index  int      // in the slice given to Poll
	Socket Pollable // nil when the item is a descriptor
	Err    error    // the cause; errors.Is and errors.As look into it
}

// Error is one line: item, source, cause.
func (e *ItemError) Error() string {
	if e.Socket == nil || isNil(e.Socket) {
		return fmt.Sprintf("poller: item %d: %v", e.Index, e.Err)
	}
	return fmt.Sprintf("poller: item %d, %s: %v", e.Index, name(e.Socket), e.Err)
}

// Unwrap returns the cause.
func (e *ItemError) Unwrap() error { return e.Err }

// Poll waits until at least one item is ready, sets Revents of all, and returns how many are not 0; the same source or
// descriptor in several items counts each time. It is level-triggered: what is ready and not dealt with is ready again
// at the next call. It takes time in proportion to len(items), as zmq_poll does; a [Poller] does not.
//
// A timeout of 0 looks and returns at once, a negative one waits for ever; others are not cut to
// whole milliseconds, and when they are over Poll returns 0 and no error. Without items it just waits. A descriptor that is hung up, in
// error or not open is not an error but ready for Err, even with Events 0.
//
// Errors: context.Cause(ctx) once ctx has ended, whatever is ready. *ItemError for a Socket that has ended, even with
// Events 0 (it matches what the source says, for a socket socket.ErrClosed), for a nil pointer in Socket (ErrNotSocket),
// and for a descriptor where the system has no poll(2) (errors.ErrUnsupported). What the system says when it has no
// descriptor left: a wait with descriptors takes one more, to be woken by. An error that is found at once leaves Revents
// as they were; one that ends the wait has set them to 0.
//
// Any number of calls may run at the same time, on the same sources too; items belong to the call until it returns. It
// has no goroutine of its own and leaves nothing behind; while it waits with descriptors it holds a thread. (zmq_poll(3))
func Poll(ctx context.Context, items []Item, timeout time.Duration) (int, error) {
	if ctx == nil {
		return 0, errNilContext
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	p := poll{items: items, levels: make([]Events, len(items))}
	if err := p.prepare(); err != nil {
		return 0, err
	}
	if err := p.look(); err != nil {
		return 0, err
	}
	if n := p.report(); n > 0 || timeout == 0 {
		return n, nil
	}
	return p.wait(ctx, timeout)
}

// known are the events that there are.
const known = In | Out | Err | Pri

// poll is one call of Poll.
type poll struct {
	items  []Item
	levels []Events // as of the last look: what of the events an item asks for is the case
	fds    fdSet    // the items that are descriptors

	// One waiter serves all sources that are asked for the same events: a wait has one sleeper, who looks at all of
	// them whoever woke it.
	waiters [known + 1]*readiness.Waiter
}

func (it *Item) isFD() bool { return it.Socket == nil && it.FD >= 0 }

// asks is what the item can be ready for.
func (it *Item) asks() Events { return it.Events & known }

// prepare refuses what cannot be polled and collects the descriptors.
func (p *poll) prepare() error {
	for i := range p.items {
		it := &p.items[i]
		if it.isFD() {
			if err := p.fds.add(it.FD, it.asks()); err != nil {
				return &ItemError{Index: i, Err: err}
			}
		} else if it.Socket != nil && isNil(it.Socket) {
			return &ItemError{Index: i, Socket: it.Socket, Err: ErrNotSocket}
		}
	}
	return nil
}

// look finds out the level of every item, without blocking.
func (p *poll) look() error {
	if err := p.fds.look(); err != nil {
		return err
	}
	fd := 0
	for i := range p.items {
		switch it := &p.items[i]; {
		case it.Socket != nil:
			ev, err := it.Socket.Readiness()
			if err != nil {
				return &ItemError{Index: i, Socket: it.Socket, Err: err}
			}
			p.levels[i] = ev & it.asks() &^ (Err | Pri)
		case it.isFD():
			p.levels[i] = p.fds.level(fd)
			fd++
		}
	}
	return nil
}

// report gives the items what look has found, and returns how many are ready.
func (p *poll) report() (ready int) {
	for i, level := range p.levels {
		p.items[i].Revents = level
		if level != 0 {
			ready++
		}
	}
	return ready
}

// wait sleeps until an item is ready, in the order that loses no wake-up: arm, look, sleep. Until it is, report has set
// every Revents to 0.
func (p *poll) wait(ctx context.Context, timeout time.Duration) (int, error) {
	s, err := newSleeper(ctx, &p.fds, timeout)
	if err != nil {
		return 0, err
	}
	defer s.close()
	defer p.leave()
	p.enter(s.poke)
	for expired := false; ; {
		p.arm()
		if err := p.look(); err != nil {
			return 0, err
		}
		if n := p.report(); n > 0 || expired {
			return n, nil
		}
		if expired, err = s.sleep(); err != nil {
			return 0, err
		}
	}
}

// enter registers with every source; poke is what they call.
func (p *poll) enter(poke func()) {
	for i := range p.items {
		if it := &p.items[i]; it.Socket != nil {
			w := &p.waiters[it.asks()]
			if *w == nil {
				*w = readiness.NewWaiter(poke)
			}
			it.Socket.Notify(*w)
		}
	}
}

func (p *poll) arm() {
	for ev, w := range p.waiters {
		if w != nil {
			w.Arm(Events(ev))
		}
	}
}

// leave takes enter back. A source that was entered twice is left twice, which it ignores.
func (p *poll) leave() {
	for i := range p.items {
		if it := &p.items[i]; it.Socket != nil {
			it.Socket.Forget(p.waiters[it.asks()])
		}
	}
}

// isNil reports whether s holds a nil pointer, or the nil of another kind.
func isNil(s Pollable) bool {
	switch v := reflect.ValueOf(s); v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		return v.IsNil()
	}
	return false
}
