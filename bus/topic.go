package bus

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"zmqbus/internal/queue"
)

// Topic publishes and subscribes values of one type below one prefix. It holds nothing that must be closed, but the bus
// keeps the counters of each prefix and type for as long as it lives: make a Topic for a kind of values, and use suffixes
// for what comes and goes. All its methods may be called from any goroutine.
type Topic[T any] struct {
	bus   *Bus
	codec Codec[T]
	core  *topicCore
}

// topicCore is what all Topics of a bus with the same prefix and type share.
type topicCore struct {
	prefix, typ        string
	routes             routeCache
	rings              *sync.Pool // for the buffers of the subscriptions
	published, encoded atomic.Uint64
}

type topicKey struct {
	prefix string
	typ    reflect.Type
}

// NewTopic returns the topics of b that start with prefix, as values of type T. Prefixes are compared byte by byte, as
// libzmq does; "" is all topics. A nil codec means Bytes for []byte, String for string, and JSON for the rest. Topics
// of different types may overlap: their values meet through their codecs. It does not block, and works on a closed bus
// too. Errors: ErrBus for a nil b.
func NewTopic[T any](b *Bus, prefix string, codec Codec[T]) (*Topic[T], error) {
	if b == nil {
		return nil, &OpError{"new topic", prefix, ErrBus}
	}
	if codec == nil {
		codec = defaultCodec[T]()
	}
	typ := reflect.TypeFor[T]()
	b.mu.Lock()
	defer b.mu.Unlock()
	core := b.topics[topicKey{prefix, typ}]
	if core == nil {
		core = &topicCore{
			prefix: prefix, typ: typ.String(),
			routes: routeCache{prefix: prefix}, rings: queue.Rings[item[T]](),
		}
		b.topics[topicKey{prefix, typ}] = core
	}
	return &Topic[T]{bus: b, codec: codec, core: core}, nil
}

// Prefix returns the prefix given to NewTopic.
func (t *Topic[T]) Prefix() string { return t.core.prefix }

// Publish gives v to every subscription whose prefix starts the topic, and to the matching peers of the bus's exports.
// The topic is t's prefix and suffix. Subscriptions of T get v itself, without encoding: what v points at must not
// change afterwards. Others get what the codec made of it.
//
// First come all subscriptions but those with policy Block, then the exports, which never block (a peer that is too
// slow loses the message, counted in its link's Stats), then those with policy Block in subscription order, each of
// which Publish waits for. When ctx or the bus ends meanwhile, it returns a *PartialError that names who did not get v:
// subscriptions that had no room, or had ended with the bus, and exports that had.
// Events of one publishing goroutine arrive in the order of its calls.
//
// Other errors, with which nobody got v: context.Cause of a ctx that had ended, ErrClosed, the codec's, a nil ctx.
func (t *Topic[T]) Publish(ctx context.Context, suffix string, v T) error {
	subscribed := t.bus.table.Load() // before the bus is asked whether it ends, which takes subscriptions out
	if err := t.ready(ctx); err != nil {
		return &OpError{"publish", t.core.prefix + suffix, err}
	}
	r := t.core.routes.get(subscribed, suffix)
	it := item[T]{ev: Event[T]{Topic: r.topic, Value: v, Time: time.Now()}}
	m, err := t.encode(r, &it)
	if err != nil {
		return &OpError{"publish", r.topic, err}
	}
	t.core.published.Add(1)
	var missed shortfall
	for _, s := range r.direct {
		missed.note(s, t.give(ctx, s, &it, &m))
	}
	if m.payload != nil {
		for _, l := range *t.bus.exports.Load() {
			missed.note(l, l.send(r, m.payload))
		}
	}
	for _, s := range r.block {
		missed.note(s, t.give(ctx, s, &it, &m))
	}
	return missed.error(r.topic)
}

func (t *Topic[T]) ready(ctx context.Context) error {
	switch {
	case ctx == nil:
		return errNilContext
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case t.bus.closing.Load():
		return t.bus.closedError()
	}
	return nil
}

// encode makes the payload, if anybody needs one: a subscription of another type, or a peer of an export.
func (t *Topic[T]) encode(r *route, it *item[T]) (raw, error) {
	if !foreign[T](r.direct) && !foreign[T](r.block) && !t.bus.wanted(r) {
		return raw{}, nil
	}
	payload, err := t.codec.Encode(it.ev.Value)
	if err != nil {
		return raw{}, fmt.Errorf("encode: %w", err)
	}
	if payload == nil {
		payload = []byte{}
	}
	t.core.encoded.Add(1)
	return raw{topic: r.topic, payload: payload, time: it.ev.Time}, nil
}

// foreign reports whether one of the subscriptions is not of type T.
func foreign[T any](sinks []sink) bool {
	for _, s := range sinks {
		if _, same := s.(*Subscription[T]); !same {
			return true
		}
	}
	return false
}

// give hands an event to s, and waits if s asks for that. When ctx has ended s still gets it if there is room. The error
// says why s did not get it; nil if it ended by itself, since nobody minds then.
func (t *Topic[T]) give(ctx context.Context, s sink, it *item[T], m *raw) error {
	out := offer(s, it, m, nil)
	if out == waits {
		w := t.bus.waiters.Get().(*waiter)
		defer t.bus.waiters.Put(w)
		if out = offer(s, it, m, w); out == waits {
			var err error
			if out, err = w.wait(ctx, s); err != nil {
				return err
			}
		}
	}
	if out == gone {
		return t.bus.endError()
	}
	return nil
}

// offer gives s the value itself if it takes that, else the bytes.
func offer[T any](s sink, it *item[T], m *raw, w *waiter) outcome {
	if same, ok := s.(*Subscription[T]); ok {
		return same.offer(it, w)
	}
	return s.offerRaw(*m, w)
}

// shortfall collects the subscriptions and exports that did not get an event.
type shortfall struct {
	names []string
	cause error // the first one's
}

func (f *shortfall) note(who fmt.Stringer, err error) {
	if err != nil {
		f.names = append(f.names, who.String())
		f.cause = cmp.Or(f.cause, err)
	}
}

func (f *shortfall) error(topic string) error {
	if f.names == nil {
		return nil
	}
	return &PartialError{Topic: topic, Missed: f.names, Err: f.cause}
}
