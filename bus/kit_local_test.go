package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"zmqbus/bus"
)

// localBubble runs f in a bubble, with a bus that ends with it. What waits there is settled whenever synctest.Wait
// returns.
func localBubble(t *testing.T, cfg *bus.Config, f func(t *testing.T, b *bus.Bus)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b, err := bus.New(context.Background(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = b.Close(localOver("the test is over")) }() // what a test leaves unread is its own affair
		f(t, b)
	})
}

// localOver returns a context that has ended, with a cause of that text.
func localOver(text string) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New(text))
	return ctx
}

func localTopic[T any](t testing.TB, b *bus.Bus, prefix string, codec bus.Codec[T]) *bus.Topic[T] {
	t.Helper()
	topic, err := bus.NewTopic(b, prefix, codec)
	if err != nil {
		t.Fatal(err)
	}
	return topic
}

func localSub[T any](t testing.TB, topic *bus.Topic[T], opts ...bus.SubscribeOption) *bus.Subscription[T] {
	t.Helper()
	sub, err := topic.Subscribe(context.Background(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// localPublish publishes and lets everything settle.
func localPublish[T any](t testing.TB, topic *bus.Topic[T], suffix string, values ...T) {
	t.Helper()
	for _, v := range values {
		if err := topic.Publish(context.Background(), suffix, v); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
	}
}

func localText[T any](ev bus.Event[T]) string {
	text := fmt.Sprintf("%s=%v", ev.Topic, ev.Value)
	if ev.Lost > 0 {
		text += fmt.Sprintf("(lost %d)", ev.Lost)
	}
	return text
}

// localRead reads up to n events that are there, and writes them as "topic=value topic=value(lost 2)".
func localRead[T any](sub *bus.Subscription[T], n int) string {
	var parts []string
	for range n {
		synctest.Wait()
		select {
		case ev, ok := <-sub.C():
			if !ok {
				return strings.Join(append(parts, "end"), " ")
			}
			parts = append(parts, localText(ev))
		default:
			return strings.Join(parts, " ")
		}
	}
	return strings.Join(parts, " ")
}

// localAll reads what is there, and "end" if the channel is closed.
func localAll[T any](sub *bus.Subscription[T]) string { return localRead(sub, 1<<20) }

func localWant(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// localCodec counts its calls.
type localCodec[T any] struct {
	bus.Codec[T]
	encoded, decoded atomic.Int64
}

func (c *localCodec[T]) Encode(v T) ([]byte, error) {
	c.encoded.Add(1)
	return c.Codec.Encode(v)
}

func (c *localCodec[T]) Decode(p []byte) (T, error) {
	c.decoded.Add(1)
	return c.Codec.Decode(p)
}

// localCall runs f on a goroutine, which ends with f, and returns how it stands.
func localCall(f func() error) *localResult {
	r := &localResult{done: make(chan struct{})}
	go func() { // owned by the test, which waits for it in a bubble; ends with f
		defer close(r.done)
		r.err = f()
	}()
	return r
}

type localResult struct {
	done chan struct{}
	err  error // read after done
}

// settled reports whether the call has returned when nothing more happens.
func (r *localResult) settled() bool {
	synctest.Wait()
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// wait returns the call's error.
func (r *localResult) wait() error {
	<-r.done
	return r.err
}

// localNotes collects lines from several goroutines.
type localNotes struct {
	mu    sync.Mutex
	lines []string
}

func (n *localNotes) add(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, line)
}

func (n *localNotes) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	lines := n.lines
	n.lines = nil
	return lines
}
