package reactor

import "zmqbus/internal/readiness"

// entry is a source in the reactor. The reactor's lock guards it.
type entry struct {
	id       ID
	name     string
	handler  func(Event) error // nil: Events()
	feeds    []*feed           // those that have not ended
	err      error             // for Closed
	paused   bool
	gone     bool  // removed, or ended
	removed  bool  // by Remove
	recalled Event // what Remove gets back from the hand
}

// feed is what events are taken from in turn. Most sources have one; messages and lifecycle are two.
type feed struct {
	feeder
	id    ID // in the core
	entry *entry
	fd    *fdFeed // the feeder, when it is a descriptor's
	place *readiness.Place[*feed]
}

// feeder is the kind of a feed. Its methods are called under the reactor's lock and do not block.
type feeder interface {
	// start begins to read on behalf of f. From now on f.place joins the line when there is something to take.
	start(r *Reactor, f *feed) error
	// take moves up to len(to) events into to, oldest first. After idle, f.place joins the line when there is more.
	take(to []Event) (n int, s state, err error)
	// release gives back what start took. It is called once.
	release()
}

// leftover is a feeder that may hold an event that was taken and not delivered.
type leftover interface {
	// rest returns it after release. It may wait for a goroutine that is about to end.
	rest() []Event
}

// state is what a take leaves behind.
type state uint8

const (
	idle  state = iota // nothing more for now
	more               // perhaps more
	over               // it has ended, n is 0, Closed is due
	spent              // these were the last, no Closed
)

// attach starts src's feeds under a new id.
func (r *Reactor) attach(src Source, handler func(Event) error) (ID, error) {
	if src.feeds == nil {
		return 0, ErrSource
	}
	feeders := src.feeds()
	if len(feeders) == 0 {
		return 0, ErrSource
	}
	e := &entry{id: r.newID(), name: src.name, handler: handler}
	for i, kind := range feeders {
		f := &feed{feeder: kind, id: e.id, entry: e}
		f.fd, _ = kind.(*fdFeed)
		if i > 0 {
			f.id = r.newID()
		}
		f.place = r.line.NewPlace(f)
		if err := kind.start(r, f); err != nil {
			for _, f := range e.feeds {
				f.release()
			}
			return 0, err
		}
		e.feeds = append(e.feeds, f)
	}
	for _, f := range e.feeds {
		r.feeds[f.id] = f
		r.core.add(f.id, handler != nil)
		f.place.Join() // the first take finds out what there is, and arms
	}
	r.sources[e.id] = e
	return e.id, nil
}

func (r *Reactor) newID() ID {
	r.lastID++
	return r.lastID
}

// detach takes e's feeds out of everything.
func (r *Reactor) detach(e *entry) {
	delete(r.sources, e.id)
	e.gone = true
	for _, f := range e.feeds {
		r.drop(f)
	}
}

func (r *Reactor) drop(f *feed) {
	r.core.remove(f.id)
	delete(r.feeds, f.id)
	f.release()
}

// rest returns what e's feeds had taken. It is called without the lock, after detach.
func (e *entry) rest() []Event {
	var events []Event
	for _, f := range e.feeds {
		if l, ok := f.feeder.(leftover); ok {
			events = append(events, l.rest()...)
		}
	}
	return events
}

// take takes from f, adds Closed, and forgets what has ended.
func (r *Reactor) take(f *feed, to []Event) (int, state) {
	n, s, err := f.take(to)
	if s != over && s != spent {
		return n, s
	}
	e := f.entry
	if e.err == nil {
		e.err = err
	}
	if len(e.feeds) == 1 {
		r.detach(e)
		if s == over {
			to[0], n = Closed{e.id, e.err}, 1
		}
		return n, s
	}
	for i, other := range e.feeds {
		if other == f {
			e.feeds = append(e.feeds[:i:i], e.feeds[i+1:]...)
		}
	}
	r.drop(f)
	return n, s
}
