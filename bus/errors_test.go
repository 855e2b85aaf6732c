package bus_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"zmqbus/bus"
)

// Bad input is an error that names it, and changes nothing.
func TestBadInput(t *testing.T) {
	ctx := context.Background()
	var noCtx context.Context
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		topic := localTopic[int](t, b, "t.", nil)
		subscribe := func(ctx context.Context, opts ...bus.SubscribeOption) func() error {
			return func() error {
				sub, err := topic.Subscribe(ctx, opts...)
				if sub != nil {
					t.Error("Subscribe returned a subscription")
				}
				return err
			}
		}
		create := func(ctx context.Context, cfg *bus.Config) func() error {
			return func() error {
				b, err := bus.New(ctx, cfg)
				if b != nil {
					t.Error("New returned a bus")
				}
				return err
			}
		}
		for _, tc := range []struct {
			name string
			call func() error
			is   error // nil: the text is all there is
			want string
		}{
			{"New without ctx", create(noCtx, nil), nil, `bus: new: nil context`},
			{"negative Config.Buffer", create(ctx, &bus.Config{Name: "x", Buffer: -1}), bus.ErrConfig,
				`bus: new "x": zmqbus: bad config: Buffer -1, must not be negative`},
			{"NewTopic without a bus", func() error { _, err := bus.NewTopic[int](nil, "p.", nil); return err }, bus.ErrBus,
				`bus: new topic "p.": zmqbus: nil bus`},
			{"Publish without ctx", func() error { return topic.Publish(noCtx, "a", 1) }, nil, `bus: publish "t.a": nil context`},
			{"Subscribe without ctx", subscribe(noCtx, bus.Prefix("a")), nil, `bus: subscribe "t.a": nil context`},
			{"Subscribe with a ctx that has ended", subscribe(localOver("over")), nil, `bus: subscribe "t.": over`},
			{"Buffer 0", subscribe(ctx, bus.Buffer(0)), bus.ErrConfig, `bus: subscribe "t.": zmqbus: bad config: Buffer 0, must be 1 or more`},
			{"negative Buffer", subscribe(ctx, bus.Prefix("a"), bus.Buffer(-7)), bus.ErrConfig,
				`bus: subscribe "t.a": zmqbus: bad config: Buffer -7, must be 1 or more`},
			{"negative Policy", subscribe(ctx, bus.WithPolicy(-1)), bus.ErrConfig, `bus: subscribe "t.": zmqbus: bad config: policy -1`},
			{"unknown Policy", subscribe(ctx, bus.WithPolicy(4)), bus.ErrConfig, `bus: subscribe "t.": zmqbus: bad config: policy 4`},
			{"WaitSubscribers without ctx", func() error { return b.WaitSubscribers(noCtx, "t", 1) }, nil, `bus: wait "t": nil context`},
			{"Close without ctx", func() error { return b.Close(noCtx) }, nil, `bus: close: nil context`},
		} {
			err := tc.call()
			var op *bus.OpError
			if err == nil || err.Error() != tc.want || !errors.As(err, &op) || tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("%s: %v\nwant %s", tc.name, err, tc.want)
			}
		}
		sub := localSub(t, topic, nil, bus.Prefix("a"), nil) // options that are nil say nothing
		localPublish(t, topic, "a", 1)
		localWant(t, "the bus goes on", localAll(sub), "t.a=1")
		if n := len(b.Stats().Subscriptions); n != 1 {
			t.Errorf("%d subscriptions", n)
		}
	})
}

// The zero Config is the default, and New keeps none of the caller's.
func TestConfigIsCopied(t *testing.T) {
	cfg := &bus.Config{Buffer: 5}
	localBubble(t, cfg, func(t *testing.T, b *bus.Bus) {
		*cfg = bus.Config{Buffer: 9, Name: "late"}
		localWant(t, "name", b.String(), "bus")
		if st := localSub(t, localTopic[int](t, b, "", nil)).Stats(); st.Buffer != 5 {
			t.Errorf("Buffer %d, want that of New", st.Buffer)
		}
	})
	localBubble(t, &bus.Config{}, func(t *testing.T, b *bus.Bus) {
		if st := localSub(t, localTopic[int](t, b, "", nil)).Stats(); st.Buffer != 1000 {
			t.Errorf("Buffer %d, want 1000", st.Buffer)
		}
	})
}

func TestErrorTexts(t *testing.T) {
	cause := errors.New("why")
	for _, tc := range []struct {
		err  error
		want string
	}{
		{&bus.OpError{Op: "publish", Name: "a\n", Err: cause}, `bus: publish "a\n": why`},
		{&bus.OpError{Op: "new", Err: cause}, `bus: new: why`},
		{&bus.PartialError{Topic: "t", Missed: []string{"a", "b c"}, Err: cause}, `bus: publish "t": not given to "a", "b c": why`},
		{&bus.UndeliveredError{Events: 3, Subscriptions: []string{"a"}, Err: cause}, `bus: not delivered: 3 events in "a": why`},
		{&bus.UndeliveredError{Messages: 2, Links: []string{"tcp://x:1"}, Err: cause}, `bus: not delivered: 2 messages in "tcp://x:1": why`},
		{&bus.UndeliveredError{Events: 3, Subscriptions: []string{"a", "b"}, Messages: 2, Links: []string{"x"}, Err: cause},
			`bus: not delivered: 3 events in "a", "b", 2 messages in "x": why`},
		{&bus.DecodeError{Subscription: "s", Topic: "t\x00", Payload: []byte("abc"), Err: cause},
			`bus: decode "t\x00" (3 bytes) for "s", from local: why`},
	} {
		if got := tc.err.Error(); got != tc.want || strings.Contains(got, "\n") {
			t.Errorf("got %s, want %s", got, tc.want)
		}
		if !errors.Is(tc.err, cause) {
			t.Errorf("%v hides its cause", tc.err)
		}
	}
	left := &bus.UndeliveredError{Messages: 1, Links: []string{"x"}}
	if left.Error() != `bus: not delivered: 1 messages in "x"` || left.Unwrap() != nil {
		t.Errorf("without a cause: %v", left)
	}
}
