package reactor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"zmqbus/internal/readiness"
	"zmqbus/socket"
)

// Defaults and limits of Config.
const (
	maxEvents     = 64
	defaultBudget = 16
	defaultStall  = time.Second
)

// Config holds a reactor's settings. The zero value, and a nil *Config given to New, are the defaults. New copies it.
type Config struct {
	// Events is the capacity of the channel of Events, 1 to 64. Default 64.
	Events int
	// Budget is how many events of one source are taken before others have their turn. Default 16.
	Budget int
	// Stall is how long a handler or a posted function may run before a warning names it; one that is called in a row
	// with others may run twice as long. Default 1 s; negative: no warnings.
	Stall time.Duration
	// Logger gets the warnings, on a goroutine of its own each. Default: quiet.
	Logger *slog.Logger
}

func (c *Config) validate() error {
	if c.Events < 0 || c.Events > maxEvents {
		return fmt.Errorf("%w: Events is %d, not 1 to %d", ErrConfig, c.Events, maxEvents)
	}
	if c.Budget < 0 {
		return fmt.Errorf("%w: Budget is %d", ErrConfig, c.Budget)
	}
	return nil
}

// or returns v, or the default when v is zero.
func or[T int | time.Duration](v, byDefault T) T {
	if v == 0 {
		return byDefault
	}
	return v
}

// Reactor is a select over a set of sources that may change. Its methods may be called from any goroutine, and but for
// Wait, Close and Run also from a handler or a posted function. It must be ended: by Stop, Close, a handler's error, or the
// end of the context given to New.
type Reactor struct {
	ctx    context.Context
	events chan Event // the loop is the only sender and closer
	line   *readiness.Line[*feed]
	watch  *watchdog
	group  sync.WaitGroup // forwarders of channels, and the descriptors' goroutine
	done   chan struct{}  // closed when all has ended
	result error          // set before done is closed

	mu      sync.Mutex // guards what follows; never held while the program's functions run
	settled *sync.Cond // the hand was offered, and is at rest again
	core    *core
	sources map[ID]*entry
	feeds   map[ID]*feed
	lastID  ID
	posts   []func()
	timers  timers
	fds     *descriptors // nil before the first FD
	ending  bool         // nothing is accepted or taken any more
	err     error        // why

	hand     Event  // taken while Events had no room; nil when there is none
	handOf   *entry // whose it is
	offering bool   // the loop waits for somebody to take it

	taking [maxEvents]Event           // where feeds put what they take
	batch  [maxEvents]socket.Received // where sockets do
}

// New returns a reactor without sources and starts its goroutine, which runs until the reactor's end. It does not
// block. When ctx ends, so does the reactor, and Wait returns context.Cause(ctx). A nil cfg means the defaults. Errors:
// a nil ctx, ErrConfig.
func New(ctx context.Context, cfg *Config) (*Reactor, error) {
	if ctx == nil {
		return nil, &OpError{Op: "new", Err: errNilContext}
	}
	if cfg == nil {
		cfg = &Config{}
	}
	if err := cfg.validate(); err != nil {
		return nil, &OpError{Op: "new", Err: err}
	}
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	r := &Reactor{
		ctx:     ctx,
		events:  make(chan Event, or(cfg.Events, maxEvents)),
		line:    readiness.NewLine[*feed](),
		watch:   &watchdog{limit: or(cfg.Stall, defaultStall), log: log},
		done:    make(chan struct{}),
		core:    newCore(or(cfg.Budget, defaultBudget)),
		sources: map[ID]*entry{},
		feeds:   map[ID]*feed{},
		timers:  newTimers(),
	}
	r.settled = sync.NewCond(&r.mu)
	go r.loop() // owner: the reactor; Stop, ctx or a handler's error ends it, and Wait waits for that
	return r, nil
}

// Events returns the channel of what the sources added with Add have to tell, always the same one. It is closed when
// the reactor has ended; what is in it stays readable. Several readers share the events.
func (r *Reactor) Events() <-chan Event { return r.events }

// Done returns a channel that is closed when the reactor has ended: its goroutines are gone, its sources given back.
func (r *Reactor) Done() <-chan struct{} { return r.done }

// Add begins to read src, delivering on Events, and returns the id that its events carry. It does not block. Errors:
// ErrClosed, ErrSource, and those that the source's constructor names; nothing is read then.
func (r *Reactor) Add(src Source) (ID, error) { return r.add("add", src, nil) }

// Handle is Add that delivers by calling f, for one event at a time, on the reactor's goroutine. While f runs nothing
// else is delivered, so it should not block; a call that lasts longer than Config.Stall is named in a warning. When f
// returns an error the reactor ends, and Wait returns that error. f may be called before Handle has returned: it finds the
// id in Event.From. Errors: those of Add, ErrHandler for a nil f.
func (r *Reactor) Handle(src Source, f func(Event) error) (ID, error) {
	if f == nil {
		return 0, &OpError{Op: "handle", Source: src.String(), Err: ErrHandler}
	}
	return r.add("handle", src, f)
}

func (r *Reactor) add(op string, src Source, f func(Event) error) (ID, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var id ID
	err := r.closedError()
	if err == nil {
		id, err = r.attach(src, f)
	}
	if err != nil {
		return 0, &OpError{Op: op, Source: src.String(), Err: err}
	}
	return id, nil
}

// closedError is what a call returns once the end has begun: it matches ErrClosed and why the reactor ended. It is nil
// before. The caller holds mu.
func (r *Reactor) closedError() error {
	switch {
	case !r.ending:
		return nil
	case r.err != nil:
		return fmt.Errorf("%w: %w", ErrClosed, r.err)
	}
	return ErrClosed
}

// lookup finds a source. The caller holds mu.
func (r *Reactor) lookup(op string, id ID) (*entry, error) {
	if e := r.sources[id]; e != nil {
		return e, nil
	}
	err := r.closedError()
	if err == nil {
		err = ErrNoSource
	}
	return nil, &OpError{Op: op, Source: fmt.Sprintf("source %d", id), Err: err}
}

// Remove stops reading a source, gives it back to the program, and returns what had been taken from it and could not
// be delivered yet: two events at most, in order. What is in the channel of Events is delivered and not among them. No
// Closed follows. A call of the source's handler that has begun on another goroutine is not waited for; it is the last. Remove
// does not block for longer than the reactor's goroutine needs to hand an event back. Errors: ErrNoSource, also when the
// source has ended by itself and its Closed is on its way; ErrClosed.
func (r *Reactor) Remove(id ID) ([]Event, error) {
	r.mu.Lock()
	e, err := r.lookup("remove", id)
	if err != nil {
		r.mu.Unlock()
		return nil, err
	}
	r.detach(e)
	e.removed = true
	for r.handOf == e && r.offering {
		r.line.Poke()
		r.settled.Wait()
	}
	if r.handOf == e {
		e.recalled, r.hand, r.handOf = r.hand, nil, nil
	}
	r.mu.Unlock()
	var events []Event
	if e.recalled != nil {
		events = append(events, e.recalled)
	}
	return append(events, e.rest()...), nil
}

// Pause stops taking from a source until Resume. What was taken before is still delivered. The source goes on: a socket
// queues up to its high-water mark, ticks are counted. It does not block. Errors: ErrNoSource, ErrClosed.
func (r *Reactor) Pause(id ID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, err := r.lookup("pause", id)
	if err == nil {
		r.pause(e)
	}
	return err
}

func (r *Reactor) pause(e *entry) {
	e.paused = true
	for _, f := range e.feeds {
		r.core.pause(f.id)
	}
}

// Resume takes Pause back. For a descriptor it asks for the next event. It does not block. Resuming a source that is not
// paused does nothing. Errors: ErrNoSource, ErrClosed.
func (r *Reactor) Resume(id ID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, err := r.lookup("resume", id)
	if err != nil {
		return err
	}
	e.paused = false
	for _, f := range e.feeds {
		if f.fd != nil {
			f.fd.rearm()
		}
		r.core.resume(f.id)
	}
	r.line.Poke()
	return nil
}

// Post runs f on the reactor's goroutine, after what was posted before. It does not block: what waits to be run is not
// bounded. What Post has accepted is run, also when the reactor ends. Errors: ErrClosed, ErrHandler for a nil f.
func (r *Reactor) Post(f func()) error {
	if f == nil {
		return &OpError{Op: "post", Err: ErrHandler}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.closedError(); err != nil {
		return &OpError{Op: "post", Err: err}
	}
	r.posts = append(r.posts, f)
	r.line.Poke()
	return nil
}

// Run calls f for each of Events until f returns an error or the reactor has ended, and returns when it has ended: f's
// error, else what Wait returns. When the reactor ends first, f still gets what is in the channel; when f fails, that stays in
// the channel.
func (r *Reactor) Run(f func(Event) error) error {
	if f == nil {
		return &OpError{Op: "run", Err: ErrHandler}
	}
	for e := range r.events {
		if err := f(e); err != nil {
			r.end(err)
			return firstOf(err, r.Wait())
		}
	}
	return r.Wait()
}

// firstOf is Run's result when its function has failed: result alone if that says so already, else both.
func firstOf(err, result error) error {
	switch {
	case result == nil:
		return err
	case errors.Is(result, err):
		return result
	}
	return errors.Join(err, result)
}

// Stop begins the end of the reactor: nothing is taken from sources any more. It does not wait. A call of a handler that
// runs is the last. Calling it again does nothing.
func (r *Reactor) Stop() { r.end(nil) }

// end begins the end. err is why; the first one counts.
func (r *Reactor) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ending = true; r.err == nil {
		r.err = err
	}
	r.line.Poke()
}

// Wait blocks until the reactor has ended and returns why: the first error of a handler or of Run's function, or
// context.Cause of New's context if that ended it; else nil. It is an *UndeliveredError, which wraps that, when
// events were taken and could not be delivered. It must not be called from a handler.
func (r *Reactor) Wait() error {
	<-r.done
	return r.result
}

// Close is Stop and Wait. It may be called again, with the same result; not from a handler.
func (r *Reactor) Close() error {
	r.Stop()
	return r.Wait()
}
