package poller

import (
	"reflect"
	"sync"
	"time"

	"zmqbus/internal/readiness"
)

// Poller waits for many sources and descriptors at once, like zmq_poller: they are registered once, and a wait takes time in
// proportion to those that are ready, not to those that are registered. Make one with [New]. All its methods may be
// called from any goroutine, also while others wait.
//
// It keeps no goroutine and no descriptor until the first AddFD; from then on it has one of each (two descriptors where
// there is no epoll), until Close. A Poller that never had a descriptor may be dropped without Close once its sources
// have ended or were removed.
type Poller struct {
	line   *readiness.Line[*entry] // those who may be ready; the sources put them there
	woken  chan struct{}           // Wake's token
	closed chan struct{}
	once   sync.Once // Close
	open   func() (fdWatch, error)

	// pass is held by the one Wait that looks at the sources, which does not block. Nobody else takes it, so a source may
	// be called under it.
	pass sync.Mutex

	mu       sync.Mutex // guards what follows and the entries' variables; not held while a source is called
	entries  map[any]*entry
	fds      int      // how many of them are descriptors
	active   int      // how many of them ask for something
	waits    int      // Waits that run
	reported []*entry // by the last pass: the next one looks at them again
	first    *entry   // its turn has come, with an error: the next pass begins with it
	watch    fdWatch  // nil until the first AddFD
	timer    *time.Timer
	ended    bool
}

// Event is one source or descriptor that is ready.
type Event struct {
	Socket   Pollable // nil for a descriptor
	FD       int      // -1 for a source
	Events   Events   // what of the events asked for is the case; for a descriptor also Err
	UserData any      // as given to Add or AddFD
}

// target is a source or a descriptor.
type target struct {
	src Pollable // nil: a descriptor
	fd  int      // -1: a source
}

// key identifies the target among all: no source is an int.
func (t target) key() any {
	if t.src != nil {
		return t.src
	}
	return t.fd
}

func (t target) fail(op string, userData any, err error) error {
	return &OpError{Op: op, Socket: t.src, FD: t.fd, UserData: userData, Err: err}
}

// entry is one registration. It is known to its source's waiter, or to the fdWatch, or stands in the line, or is among
// the reported ones: so nothing that becomes ready is missed.
type entry struct {
	target
	user   any
	place  *readiness.Place[*entry]
	waiter *readiness.Waiter // nil for a descriptor

	events   Events
	gone     bool // removed, or the poller is closed
	reported bool // since the current pass began
}

// New returns an empty poller. (zmq_poller_new(3))
func New() *Poller {
	return &Poller{
		line: readiness.NewLine[*entry](), woken: make(chan struct{}, 1), closed: make(chan struct{}),
		open: openFDs, entries: map[any]*entry{},
	}
}

// Add registers s for ev; 0 registers it without asking for anything. userData comes back with each of its events. A
// Wait that runs sees it at once. The poller does not own s.
//
// Errors are *OpError: ErrNotSocket for a nil s or one that cannot be compared, ErrEvents, ErrRegistered, ErrClosed,
// and what s says when it has ended. (zmq_poller_add(3))
func (p *Poller) Add(s Pollable, ev Events, userData any) error {
	t, err := source("add", s, ev)
	if err != nil {
		return err
	}
	if _, err := s.Readiness(); err != nil {
		return t.fail("add", userData, err)
	}
	e := p.newEntry(t, ev, userData)
	e.waiter = readiness.NewWaiter(e.place.Join)
	if err := p.insert(e); err != nil {
		return t.fail("add", userData, err)
	}
	s.Notify(e.waiter)
	p.mu.Lock()
	gone := e.gone
	p.mu.Unlock()
	if gone { // by another goroutine, which may have called Forget before Notify
		s.Forget(e.waiter)
		return nil
	}
	e.place.Join()
	return nil
}

// Modify changes what s is asked for; 0 stops asking and keeps it registered. A Wait that runs goes by the new events
// at once. Errors are *OpError: ErrNotSocket, ErrEvents, ErrNotRegistered, ErrClosed. (zmq_poller_modify(3))
func (p *Poller) Modify(s Pollable, ev Events) error {
	t, err := source("modify", s, ev)
	if err != nil {
		return err
	}
	return p.modify(t, ev)
}

// Remove takes s out; a Wait that begins afterwards does not report it. A source that has ended is removed in the same
// way. Errors are *OpError: ErrNotSocket, ErrNotRegistered, ErrClosed. (zmq_poller_remove(3))
func (p *Poller) Remove(s Pollable) error {
	t, err := source("remove", s, 0)
	if err != nil {
		return err
	}
	e, err := p.remove(t)
	if err != nil {
		return err
	}
	e.forget()
	return nil
}

// Size returns how many sources and descriptors are registered, also those that are asked for nothing; 0 after Close.
// (zmq_poller_size(3))
func (p *Poller) Size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.entries)
}

// Wake makes a Wait return ErrWoken: one that runs, or the next one when none does. Calls before that count as one, and
// a Wait that returns with events, or with a source's end, answers them too. It does not block; it has no effect after
// Close.
func (p *Poller) Wake() {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

// Close forgets all sources and descriptors, which stay open, makes every Wait that runs return ErrClosed, and returns
// when the poller's goroutine has ended. Later calls do nothing. It returns nil. (zmq_poller_destroy(3))
func (p *Poller) Close() error {
	p.once.Do(func() {
		p.mu.Lock()
		p.ended = true
		close(p.closed)
		all, watch := p.entries, p.watch
		for _, e := range all {
			e.gone = true
		}
		p.entries, p.fds, p.active, p.reported, p.first = nil, 0, 0, nil, nil
		p.mu.Unlock()
		for _, e := range all {
			if e.src != nil {
				e.forget()
			}
		}
		if watch != nil {
			watch.close()
		}
	})
	return nil
}

// source checks the arguments of a call that concerns a source.
func source(op string, s Pollable, ev Events) (target, error) {
	if s == nil || isNil(s) || !reflect.ValueOf(s).Comparable() {
		return target{}, target{fd: -1}.fail(op, nil, ErrNotSocket)
	}
	t := target{src: s, fd: -1}
	if ev&^known != 0 {
		return target{}, t.fail(op, nil, ErrEvents)
	}
	return t, nil
}

func (p *Poller) newEntry(t target, ev Events, userData any) *entry {
	e := &entry{target: t, user: userData, events: ev}
	e.place = p.line.NewPlace(e)
	return e
}

// insert registers e, and opens the fdWatch for the first descriptor.
func (p *Poller) insert(e *entry) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.ended:
		return ErrClosed
	case p.entries[e.key()] != nil:
		return ErrRegistered
	case e.src == nil && p.watch == nil:
		watch, err := p.open()
		if err != nil {
			return err
		}
		p.watch = watch
	}
	p.entries[e.key()] = e
	p.count(e, 1)
	return nil
}

// count enters e into the sums, or takes it out.
func (p *Poller) count(e *entry, by int) {
	if e.events != 0 {
		p.active += by
	}
	if e.src == nil {
		p.fds += by
	}
}

func (p *Poller) find(op string, t target) (*entry, error) {
	e := p.entries[t.key()]
	switch {
	case p.ended:
		return nil, t.fail(op, nil, ErrClosed)
	case e == nil:
		return nil, t.fail(op, nil, ErrNotRegistered)
	}
	return e, nil
}

func (p *Poller) modify(t target, ev Events) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, err := p.find("modify", t)
	if err != nil {
		return err
	}
	p.count(e, -1)
	e.events = ev
	p.count(e, 1)
	e.place.Join() // a pass that goes by the old events does not report it; another one comes
	return nil
}

func (p *Poller) remove(t target) (*entry, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, err := p.find("remove", t)
	if err != nil {
		return nil, err
	}
	delete(p.entries, t.key())
	p.count(e, -1)
	e.gone = true
	e.place.Leave()
	if e.src == nil {
		p.watch.disarm(e.fd)
	}
	return e, nil
}

// forget ends what a source knows of e.
func (e *entry) forget() {
	e.waiter.Disarm()
	e.src.Forget(e.waiter)
}
