package bus

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"zmqbus/monitor"
	"zmqbus/reactor"
	"zmqbus/socket"
)

// Config holds a bus's settings. The zero value, and a nil *Config given to New, are the defaults. New copies it.
type Config struct {
	// Name names the bus in its warnings. Default: none.
	Name string
	// Buffer is how many events a subscription keeps, unless it says otherwise. Default 1,000, libzmq's high-water mark.
	Buffer int
	// Slow is how long a subscription with policy Block may be full, and make others wait, before a warning names it.
	// Default 1 s; negative: no warnings.
	Slow time.Duration
	// Link is the configuration of the socket of each link that has none of its own: high-water marks, heartbeats,
	// linger, reconnect times. Default: socket.Config's defaults. Its Logger, if nil, is the bus's; InprocEvents is always
	// on. It is validated by Export and Import, which also refuse NoDrop (exports), Conflate and InvertMatching.
	Link *socket.Config
	// Logger gets the warnings. Default: quiet. Its handler must not call Close.
	Logger *slog.Logger
}

// Bus carries typed events from publishers to subscriptions, in this process and, through links, between processes. Its
// methods may be called from any goroutine. It must be ended, by Close or by the end of the context given to New.
type Bus struct {
	name       string
	buffer     int
	slow       time.Duration
	linkConfig socket.Config
	log        *slog.Logger

	hub     monitor.Hub           // lifecycle of the links, and losses
	table   atomic.Pointer[table] // of the subscriptions; replaced under mu
	exports atomic.Pointer[[]*Link]
	closing atomic.Bool    // Close has begun: no call is taken
	running sync.WaitGroup // the goroutines of subscriptions and of their alarms
	waiters *sync.Pool     // of *waiter, for publishers that have to wait

	parent context.Context // New's
	unhook func() bool     // stops watching parent
	hurry  context.Context // ended when the end does not wait for readers and peers any more
	cut    context.CancelCauseFunc
	done   chan struct{}
	err    error // what Close returns; set, as cause is, before done is closed
	cause  error // of the end, if it was New's context

	mu       sync.Mutex // guards what follows
	seq      uint64     // of the last subscription
	subs     []sink     // in subscription order
	topics   map[topicKey]*topicCore
	wants    map[string]int // prefixes of the subscriptions, with their number: what imports subscribe to upstream
	links    []*Link        // oldest first
	settling []*Link        // closed, with an event that waits for room in a subscription
	reactor  *reactor.Reactor
	changed  chan struct{} // closed when somebody has subscribed or unsubscribed, here or at a peer; nil: nobody waits
}

// New returns a bus in this process. It does not block, needs no endpoint, and starts no goroutine: subscriptions have
// one each, and links share one. When ctx ends, everything ends promptly, and what waits is not delivered: a program that
// wants to drain on a signal gives New a context that outlives it, and calls Close. A nil cfg means the defaults.
// Errors: a nil ctx; ErrConfig, naming the field.
func New(ctx context.Context, cfg *Config) (*Bus, error) {
	if ctx == nil {
		return nil, &OpError{"new", "", errNilContext}
	}
	b := &Bus{
		buffer: 1000, slow: time.Second, log: slog.New(slog.DiscardHandler),
		parent: ctx, done: make(chan struct{}), waiters: newWaiters(),
		topics: map[topicKey]*topicCore{}, wants: map[string]int{},
	}
	if cfg != nil {
		if err := b.configure(cfg); err != nil {
			return nil, &OpError{"new", cfg.Name, err}
		}
	}
	b.table.Store(&table{})
	b.exports.Store(&[]*Link{})
	b.hurry, b.cut = context.WithCancelCause(context.WithoutCancel(ctx))
	b.mu.Lock() // beginEnd takes it too: ctx may have ended already
	defer b.mu.Unlock()
	// The goroutine that AfterFunc starts belongs to the bus; it ends with the bus.
	b.unhook = context.AfterFunc(ctx, func() { b.end(ctx) })
	return b, nil
}

func (b *Bus) configure(cfg *Config) error {
	if cfg.Buffer < 0 {
		return fmt.Errorf("%w: Buffer %d, must not be negative", ErrConfig, cfg.Buffer)
	}
	b.name = cfg.Name
	if cfg.Buffer > 0 {
		b.buffer = cfg.Buffer
	}
	if cfg.Slow != 0 {
		b.slow = cfg.Slow
	}
	if cfg.Logger != nil {
		b.log = cfg.Logger
	}
	if cfg.Name != "" {
		b.log = b.log.With("bus", cfg.Name)
	}
	if cfg.Link != nil {
		b.linkConfig = *cfg.Link
	}
	return nil
}

// String returns the name given in Config, or "bus".
func (b *Bus) String() string {
	if b.name == "" {
		return "bus"
	}
	return b.name
}

// Done returns a channel that is closed when the bus has ended: all its goroutines, sockets and channels.
func (b *Bus) Done() <-chan struct{} { return b.done }

// admit takes a new subscription in; number gets its place in the order of subscriptions first.
func (b *Bus) admit(s sink, number func(uint64)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closing.Load() {
		return b.closedError()
	}
	b.seq++
	number(b.seq)
	b.running.Add(1)
	b.subs = append(b.subs, s)
	prefix := s.prefix()
	b.table.Store(b.table.Load().with(prefix, s))
	if b.wants[prefix]++; b.wants[prefix] == 1 {
		for _, l := range b.links {
			l.want(prefix, true)
		}
	}
	b.broadcast()
	return nil
}

// forget takes a subscription out, if it is still in.
func (b *Bus) forget(s sink) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, found := slices.BinarySearchFunc(b.subs, s.order(), func(s sink, seq uint64) int { return cmp.Compare(s.order(), seq) })
	if !found {
		return
	}
	b.subs = slices.Delete(b.subs, i, i+1)
	prefix := s.prefix()
	b.table.Store(b.table.Load().without(prefix, s))
	if b.wants[prefix]--; b.wants[prefix] == 0 {
		delete(b.wants, prefix)
		for _, l := range b.links {
			l.want(prefix, false)
		}
	}
	b.broadcast()
}

// broadcast wakes those who wait for subscribers. The caller holds mu.
func (b *Bus) broadcast() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// announceChange is broadcast for those who do not hold mu.
func (b *Bus) announceChange() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broadcast()
}

// change returns a channel that is closed by the next broadcast.
func (b *Bus) change() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

// WaitSubscribers blocks until at least n subscribers would get an event on topic, which is whole: subscriptions of this
// bus, and peers of its exports whose subscription is in force here. So the first event is not lost to a subscriber
// that is still connecting. Errors: context.Cause(ctx) when ctx ends first, with the number there was; ErrClosed when the
// bus ends; a nil ctx.
func (b *Bus) WaitSubscribers(ctx context.Context, topic string, n int) error {
	if ctx == nil {
		return &OpError{"wait", topic, errNilContext}
	}
	for {
		changed := b.change() // before the count, so that no change is missed
		if b.closing.Load() {
			return &OpError{"wait", topic, b.closedError()}
		}
		have := b.subscribers(topic)
		if have >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return &OpError{"wait", topic, fmt.Errorf("%d of %d subscribers: %w", have, n, context.Cause(ctx))}
		}
	}
}

func (b *Bus) subscribers(topic string) int {
	frame := []byte(topic)
	n := len(b.table.Load().match(frame, nil))
	for _, l := range *b.exports.Load() {
		n += l.sock.Subscribers(frame)
	}
	return n
}

// Stats returns a snapshot of the counters of what has not ended: what a subscription or a link counted to its end is in
// its own Stats. It does not block.
func (b *Bus) Stats() Stats {
	b.mu.Lock()
	subs, links := slices.Clone(b.subs), slices.Clone(b.links)
	var st Stats
	for _, t := range b.topics {
		st.Topics = append(st.Topics, TopicStats{t.prefix, t.typ, t.published.Load(), t.encoded.Load()})
	}
	b.mu.Unlock()
	slices.SortFunc(st.Topics, func(a, b TopicStats) int {
		return cmp.Or(cmp.Compare(a.Prefix, b.Prefix), cmp.Compare(a.Type, b.Type))
	})
	for _, s := range subs {
		st.Subscriptions = append(st.Subscriptions, s.Stats())
	}
	for _, l := range links {
		st.Links = append(st.Links, l.Stats())
	}
	return st
}

// endError is closedError once the bus ends, before that nil.
func (b *Bus) endError() error {
	if !b.closing.Load() {
		return nil
	}
	return b.closedError()
}

// closedError is what a call on a closed bus returns: it matches ErrClosed and, when a context ended the bus, its cause.
func (b *Bus) closedError() error {
	cause := context.Cause(b.parent)
	if closed(b.done) {
		cause = b.cause // what ends New's context later did not end the bus
	}
	if cause != nil {
		return fmt.Errorf("%w: %w", ErrClosed, cause)
	}
	return ErrClosed
}
