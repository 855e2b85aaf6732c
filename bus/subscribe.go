package bus

import (
	"context"
	"errors"
	"fmt"

	"zmqbus/internal/queue"
)

// SubscribeOption changes a subscription that Topic.Subscribe makes.
type SubscribeOption func(*subscribeOptions)

type subscribeOptions struct {
	prefix string
	policy Policy
	buffer int
	bytes  int64
	name   string
	hook   func(*DecodeError)
}

// Prefix narrows a subscription to topics that start with the Topic's prefix and p, compared byte by byte as libzmq
// does: "EUR" also gets "EURUSD". Default: all below the Topic's prefix.
func Prefix(p string) SubscribeOption { return func(o *subscribeOptions) { o.prefix = p } }

// WithPolicy says what happens when the buffer is full. Default: DropNewest.
func WithPolicy(p Policy) SubscribeOption { return func(o *subscribeOptions) { o.policy = p } }

// Buffer is how many events may wait, 1 or more, besides those in C; with Latest, how many topics. The room is taken
// as it is needed. See BufferBytes for how long they may be. Default: Config.Buffer.
func Buffer(n int) SubscribeOption { return func(o *subscribeOptions) { o.buffer = n } }

// BufferBytes is how many bytes may wait of payloads that are not decoded yet: of events that came over a link, or were
// published as another type. Beyond that the buffer is full, as it is with Buffer events; the payload that goes beyond is
// still taken. 1 or more; default 64 MiB. A payload that several subscriptions keep counts in each.
func BufferBytes(n int64) SubscribeOption { return func(o *subscribeOptions) { o.bytes = n } }

// Name names the subscription in warnings, errors, statistics and DROPPED events. Default: its prefix and a number.
func Name(name string) SubscribeOption { return func(o *subscribeOptions) { o.name = name } }

// OnDecodeError calls f for each payload that the Topic's codec refuses. f runs on the subscription's goroutine, which
// delivers nothing meanwhile; it must not call Close of the subscription or of the bus. Such payloads are counted in any case, and
// never end the subscription.
func OnDecodeError(f func(*DecodeError)) SubscribeOption {
	return func(o *subscribeOptions) { o.hook = f }
}

// Subscribe begins to deliver the events of t, those published from now on in this bus and by what it imports. It does
// not block: publishers in this bus see the subscription when Subscribe returns, upstream ones when they have been told
// (see WaitSubscribers on their side). The subscription ends with ctx, with its Close, or with the bus. Errors:
// ErrClosed, ErrConfig for a bad option, a nil ctx, and context.Cause of a ctx that has ended.
func (t *Topic[T]) Subscribe(ctx context.Context, opts ...SubscribeOption) (*Subscription[T], error) {
	o := subscribeOptions{buffer: t.bus.buffer, bytes: 64 << 20}
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	prefix := t.core.prefix + o.prefix
	if err := o.validate(ctx); err != nil {
		return nil, &OpError{"subscribe", prefix, err}
	}
	s := &Subscription[T]{
		bus: t.bus, codec: t.codec, filter: prefix, hook: o.hook, name: o.name,
		wake: make(chan struct{}, 1), stopped: make(chan struct{}), done: make(chan struct{}),
		slow: slowness{alarm: alarm{owner: &t.bus.running}}, losses: losses{alarm: alarm{owner: &t.bus.running}},
		hand: queue.Queue[item[T]]{Pool: t.core.rings},
		buf:  buffer[T]{policy: o.policy, size: o.buffer, limit: o.bytes, ring: queue.Queue[item[T]]{Pool: t.core.rings}},
	}
	if o.policy.replaces() {
		s.c = make(chan Event[T])
	} else {
		s.c = make(chan Event[T], min(o.buffer, channelRoom))
	}
	if err := t.bus.admit(s, func(seq uint64) {
		s.seq = seq
		if s.name == "" {
			s.name = fmt.Sprintf("%s#%d", prefix, seq)
		}
	}); err != nil {
		return nil, &OpError{"subscribe", prefix, err}
	}
	s.mu.Lock()
	if !s.ended { // the bus may have ended it already
		s.unhook = context.AfterFunc(ctx, func() { s.stop(context.Cause(ctx)) }) // its goroutine ends with stop
	}
	s.mu.Unlock()
	go s.pump() // the subscription's own; it ends by stop and drain
	return s, nil
}

func (o *subscribeOptions) validate(ctx context.Context) error {
	switch {
	case ctx == nil:
		return errNilContext
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !o.policy.valid():
		return fmt.Errorf("%w: policy %d", ErrConfig, int(o.policy))
	case o.buffer < 1:
		return fmt.Errorf("%w: Buffer %d, must be 1 or more", ErrConfig, o.buffer)
	case o.bytes < 1:
		return fmt.Errorf("%w: BufferBytes %d, must be 1 or more", ErrConfig, o.bytes)
	}
	return nil
}

var errNilContext = errors.New("nil context")
