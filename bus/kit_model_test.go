package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"zmqbus/bus"
)

// refKind is one of the two types of values: numbers are int, texts are string. Both have the same payloads, as far as
// their codecs take them.
type refKind int

const (
	number refKind = iota
	text
)

var (
	errEncode = errors.New("refused by Encode")
	errDecode = errors.New("refused by Decode")
)

func (k refKind) encodable(value string) bool { return !strings.HasPrefix(value, "-") }

func (k refKind) decodable(value string) bool {
	if k == text {
		return !strings.HasSuffix(value, "0")
	}
	_, err := strconv.Atoi(value)
	return err == nil
}

// modelCodec counts. What it refuses depends on the value alone.
type modelCodec[T any] struct {
	kind             refKind
	parse            func(string) T
	encodes, decodes *atomic.Int64
}

func (c modelCodec[T]) Encode(v T) ([]byte, error) {
	c.encodes.Add(1)
	if value := fmt.Sprint(v); c.kind.encodable(value) {
		return []byte(value), nil
	}
	return nil, errEncode
}

func (c modelCodec[T]) Decode(p []byte) (v T, err error) {
	c.decodes.Add(1)
	if !c.kind.decodable(string(p)) {
		return v, errDecode
	}
	return c.parse(string(p)), nil
}

// modelTopic and modelSub are a Topic and a Subscription of either type.
type modelTopic interface {
	key() bus.TopicStats
	publish(ctx context.Context, suffix, value string) error
	subscribe(ctx context.Context, opts ...bus.SubscribeOption) (modelSub, error)
}

type modelSub interface {
	// receive returns the next event if there is one. With wait, it blocks until there is, or C is closed.
	receive(wait bool) (ev refEvent, outcome modelReceive)
	Close() error
	Done() <-chan struct{}
	Err() error
	Stats() bus.SubscriptionStats
	String() string
}

type modelReceive int

const (
	received modelReceive = iota
	nothing
	closed
)

type typedTopic[T any] struct {
	*bus.Topic[T]
	c modelCodec[T]
}

// newModelTopics returns a Topic of the type for each prefix, which share a codec.
func newModelTopics[T any](b *bus.Bus, kind refKind, parse func(string) T, prefixes ...string) (
	topics []modelTopic, encodes, decodes *atomic.Int64,
) {
	c := modelCodec[T]{kind, parse, new(atomic.Int64), new(atomic.Int64)}
	for _, prefix := range prefixes {
		t, err := bus.NewTopic(b, prefix, bus.Codec[T](c))
		if err != nil {
			panic(err)
		}
		topics = append(topics, typedTopic[T]{t, c})
	}
	return topics, c.encodes, c.decodes
}

func parseNumber(value string) int {
	n, err := strconv.Atoi(value)
	if err != nil {
		panic(err)
	}
	return n
}

func parseText(value string) string { return value }

func (t typedTopic[T]) key() bus.TopicStats {
	return bus.TopicStats{Prefix: t.Prefix(), Type: fmt.Sprintf("%T", *new(T))}
}

func (t typedTopic[T]) publish(ctx context.Context, suffix, value string) error {
	return t.Publish(ctx, suffix, t.c.parse(value))
}

func (t typedTopic[T]) subscribe(ctx context.Context, opts ...bus.SubscribeOption) (modelSub, error) {
	s, err := t.Subscribe(ctx, opts...)
	return typedSub[T]{s}, err
}

type typedSub[T any] struct{ *bus.Subscription[T] }

func (s typedSub[T]) receive(wait bool) (refEvent, modelReceive) {
	var ev bus.Event[T]
	open := true
	if wait {
		ev, open = <-s.C()
	} else {
		select {
		case ev, open = <-s.C():
		default:
			return refEvent{}, nothing
		}
	}
	if !open {
		return refEvent{}, closed
	}
	if !ev.Source.Local() {
		panic("an event of this bus from " + ev.Source.String())
	}
	return refEvent{topic: ev.Topic, value: fmt.Sprint(ev.Value), at: ev.Time, lost: ev.Lost}, received
}

// modelHook collects what OnDecodeError is told.
type modelHook struct {
	mu       sync.Mutex
	payloads []string
}

func (h *modelHook) add(e *bus.DecodeError) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !errors.Is(e, errDecode) {
		panic(e)
	}
	h.payloads = append(h.payloads, string(e.Payload))
}

func (e refEvent) String() string {
	return fmt.Sprintf("%s=%s lost %d at %s", e.topic, e.value, e.lost, e.at.Format(".000"))
}
