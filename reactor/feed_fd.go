package reactor

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"zmqbus/poller"
)

// fdFeed is a descriptor. It is in the poller while it is armed: from rearm until it was reported.
type fdFeed struct {
	fd     int
	events poller.Events
	set    *descriptors
	feed   *feed

	// Guarded by set.mu.
	armed  bool
	ready  poller.Events // reported, not taken
	failed error         // the descriptor cannot be polled any more
}

// descriptors are the reactor's, with the goroutine that waits for them.
type descriptors struct {
	poller *poller.Poller
	added  chan struct{} // has a token when one was armed
	stop   chan struct{}

	mu    sync.Mutex // guards what follows, and the feeds' states
	feeds map[int]*fdFeed
	err   error // of the poller, which is of no use any more
}

func (f *fdFeed) start(r *Reactor, of *feed) error {
	if r.fds == nil {
		d := &descriptors{poller: poller.New(), feeds: map[int]*fdFeed{}}
		d.added, d.stop = make(chan struct{}, 1), make(chan struct{})
		if err := d.add(f, of); err != nil {
			return err // the poller holds nothing yet
		}
		r.fds = d
		r.group.Go(d.run) // owner: the reactor, whose end stops it and waits for it
		return nil
	}
	return r.fds.add(f, of)
}

func (d *descriptors) add(f *fdFeed, of *feed) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.feeds[f.fd] != nil {
		return fmt.Errorf("%w: the descriptor is there already", ErrSource)
	}
	f.set, f.feed = d, of
	if err := d.arm(f); err != nil {
		return err
	}
	d.feeds[f.fd] = f
	return nil
}

// arm puts f into the poller. The caller holds mu.
func (d *descriptors) arm(f *fdFeed) error {
	if d.err != nil {
		return d.err
	}
	if err := d.poller.AddFD(f.fd, f.events, f); err != nil {
		return err
	}
	f.armed = true
	select {
	case d.added <- struct{}{}:
	default:
	}
	return nil
}

// rearm asks for the next event, if none is asked for. What was reported before and not taken is looked at anew.
func (f *fdFeed) rearm() {
	f.set.mu.Lock()
	defer f.set.mu.Unlock()
	if f.armed || f.failed != nil {
		return
	}
	f.ready = 0
	if err := f.set.arm(f); err != nil {
		f.failed = err
		f.feed.place.Join()
	}
}

func (f *fdFeed) take(to []Event) (int, state, error) {
	f.set.mu.Lock()
	defer f.set.mu.Unlock()
	switch {
	case f.failed != nil:
		return 0, over, f.failed
	case f.ready == 0:
		return 0, idle, nil
	}
	to[0] = Readiness{f.feed.entry.id, f.fd, f.ready}
	f.ready = 0
	return 1, idle, nil
}

func (f *fdFeed) release() {
	f.set.mu.Lock()
	defer f.set.mu.Unlock()
	f.set.disarm(f)
	delete(f.set.feeds, f.fd)
}

// disarm takes f out of the poller. The caller holds mu.
func (d *descriptors) disarm(f *fdFeed) {
	if f.armed {
		f.armed = false
		_ = d.poller.RemoveFD(f.fd) // fails when the program has closed it too early; there is nothing to take out then
	}
}

func (d *descriptors) run() {
	events := make([]poller.Event, 64)
	for {
		n, err := d.poller.WaitAll(context.Background(), events, -1)
		var one *poller.OpError
		switch {
		case errors.Is(err, poller.ErrEmpty):
			select {
			case <-d.added:
			case <-d.stop:
				return
			}
		case errors.Is(err, poller.ErrClosed):
			return
		case errors.As(err, &one) && one.UserData != nil:
			d.fail(one.UserData.(*fdFeed), err)
		case err != nil:
			d.failAll(err)
			return
		}
		for i := range events[:n] {
			d.report(events[i])
			events[i] = poller.Event{}
		}
	}
}

// report tells the loop, unless the descriptor was removed meanwhile.
func (d *descriptors) report(e poller.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := e.UserData.(*fdFeed); f.armed {
		d.disarm(f)
		f.ready = e.Events
		f.feed.place.Join()
	}
}

// fail ends one descriptor that cannot be polled.
func (d *descriptors) fail(f *fdFeed, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f.armed {
		d.disarm(f)
		f.failed = err
		f.feed.place.Join()
	}
}

// failAll ends all descriptors, those to come too.
func (d *descriptors) failAll(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
	for _, f := range d.feeds {
		f.failed = err
		f.feed.place.Join()
	}
}

func (d *descriptors) close() {
	close(d.stop)
	_ = d.poller.Close() // nothing of it is used any more
}
