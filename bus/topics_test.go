package bus_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"zmqbus/bus"
)

type localQuote struct {
	Bid float64 `json:"bid"`
}

func TestTopicsArePrefixes(t *testing.T) {
	for _, tc := range []struct{ prefix, want string }{
		{"", "md.quote.EUR=0 md.quote.EURUSD=1 md.quote.USD=2 md.trade.EUR=3 MD.QUOTE.EUR=4 =5 \xff\x00=6"},
		{"md.quote.EUR", "md.quote.EUR=0 md.quote.EURUSD=1"},
		{"md.quote.EURUSD", "md.quote.EURUSD=1"},
		{"md.quote.EURUSDX", ""},
		{"md.", "md.quote.EUR=0 md.quote.EURUSD=1 md.quote.USD=2 md.trade.EUR=3"},
		{"quote", ""},
		{"md.*", ""},
		{"\xff", "\xff\x00=6"},
	} {
		t.Run(fmt.Sprintf("%q", tc.prefix), func(t *testing.T) {
			localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
				all := localTopic[int](t, b, "", nil)
				sub := localSub(t, all, bus.Prefix(tc.prefix))
				for i, topic := range []string{
					"md.quote.EUR", "md.quote.EURUSD", "md.quote.USD", "md.trade.EUR", "MD.QUOTE.EUR", "", "\xff\x00",
				} {
					localPublish(t, all, topic, i)
				}
				localWant(t, "received", localAll(sub), tc.want)
			})
		})
	}
}

func TestTopicsAnEventThatMatchesSeveralPrefixesComesOnce(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		all, quotes := localTopic[int](t, b, "", nil), localTopic[int](t, b, "md.quote.", nil)
		subs := []*bus.Subscription[int]{
			localSub(t, all), localSub(t, all), localSub(t, all, bus.Prefix("md.")), localSub(t, quotes),
			localSub(t, quotes, bus.Prefix("EUR")), localSub(t, quotes, bus.Prefix("EURUSD"), bus.WithPolicy(bus.Block)),
		}
		localPublish(t, quotes, "EURUSD", 7)
		for _, s := range subs {
			localWant(t, s.String(), localAll(s), "md.quote.EURUSD=7")
		}
	})
}

func TestTopicsSubscriptionsComeAndGo(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		topic := localTopic[int](t, b, "t.", nil)
		localPublish(t, topic, "a", 1)
		first := localSub(t, topic)
		localPublish(t, topic, "a", 2)
		second := localSub(t, topic)
		localPublish(t, topic, "a", 3)
		localWant(t, "the first", localAll(first), "t.a=2 t.a=3")
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		localPublish(t, topic, "a", 4)
		localWant(t, "the first after Close", localAll(first), "end")
		localWant(t, "the second", localAll(second), "t.a=3 t.a=4")
	})
}

func TestTopicsOneTypeIsNotEncoded(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		codec := &localCodec[*localQuote]{Codec: bus.JSON[*localQuote]()}
		published := localTopic(t, b, "md.", codec)
		subscribed := localTopic(t, b, "md.quote.", codec) // another Topic, of the same type
		sub := localSub(t, subscribed)
		value := &localQuote{1.5}
		localPublish(t, published, "quote.EUR", value)
		if ev := <-sub.C(); ev.Value != value {
			t.Errorf("received %p, want the value itself, %p", ev.Value, value)
		}
		if n := codec.encoded.Load() + codec.decoded.Load(); n != 0 {
			t.Errorf("%d calls of the codec", n)
		}
		if st := b.Stats().Topics[0]; st.Published != 1 || st.Encoded != 0 {
			t.Errorf("stats: %+v", st)
		}
	})
}

func TestTopicsTypesMeetThroughTheirCodecs(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		out, in := &localCodec[localQuote]{Codec: bus.JSON[localQuote]()}, &localCodec[map[string]any]{Codec: bus.JSON[map[string]any]()}
		quotes := localTopic(t, b, "md.quote.", out)
		same := localSub(t, quotes)
		maps := localSub(t, localTopic(t, b, "md.", in))
		raw := localSub(t, localTopic[[]byte](t, b, "", nil), bus.WithPolicy(bus.Block))
		text := localSub(t, localTopic[string](t, b, "md.quote.E", nil), bus.WithPolicy(bus.Latest))
		localPublish(t, quotes, "EUR", localQuote{1.5})
		localWant(t, "the same type", localAll(same), "md.quote.EUR={1.5}")
		localWant(t, "a map", localAll(maps), "md.quote.EUR=map[bid:1.5]")
		localWant(t, "bytes", localAll(raw), fmt.Sprintf("md.quote.EUR=%v", []byte(`{"bid":1.5}`)))
		localWant(t, "a string", localAll(text), `md.quote.EUR={"bid":1.5}`)
		if out.encoded.Load() != 1 || out.decoded.Load() != 0 || in.encoded.Load() != 0 || in.decoded.Load() != 1 {
			t.Errorf("encoded %d and %d, decoded %d and %d times; want once, by the publisher's and the subscriber's",
				out.encoded.Load(), in.encoded.Load(), out.decoded.Load(), in.decoded.Load())
		}
	})
}

// What a codec makes of no value may be nil; it is a payload of no bytes all the same.
func TestTopicsAnEmptyPayloadIsDelivered(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		raw := localTopic[[]byte](t, b, "", nil)
		sub, numbers := localSub(t, localTopic[string](t, b, "", nil)), localSub(t, localTopic[int](t, b, "", nil))
		localPublish(t, raw, "a", nil, []byte{}, []byte("x"))
		localWant(t, "received", localAll(sub), "a= a= a=x")
		localWant(t, "where no bytes are no value", localAll(numbers), "")
	})
}

func TestTopicsDefaultCodecs(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		raw := localSub(t, localTopic[json.RawMessage](t, b, "", localRaw{}))
		localPublish(t, localTopic[[]byte](t, b, "", nil), "bytes", []byte("\x00\xff"))
		localPublish(t, localTopic[string](t, b, "", nil), "string", "no quotes")
		localPublish(t, localTopic[localQuote](t, b, "", nil), "struct", localQuote{2})
		localPublish(t, localTopic[int](t, b, "", nil), "int", 3)
		for _, want := range []string{"bytes \x00\xff", "string no quotes", `struct {"bid":2}`, "int 3"} {
			ev := <-raw.C()
			localWant(t, "on the wire", ev.Topic+" "+string(ev.Value), want)
		}
	})
}

// localRaw shows payloads as they are.
type localRaw struct{}

func (localRaw) Encode(v json.RawMessage) ([]byte, error) { return v, nil }
func (localRaw) Decode(p []byte) (json.RawMessage, error) { return p, nil }

func TestTopicsEvent(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		topic := localTopic[int](t, b, "t.", nil)
		same, other := localSub(t, topic), localSub(t, localTopic[string](t, b, "t.", nil))
		time.Sleep(time.Minute) // of the bubble
		published := time.Now()
		localPublish(t, topic, "a", 1)
		time.Sleep(time.Second)
		e, o := <-same.C(), <-other.C()
		if !e.Time.Equal(published) || !o.Time.Equal(published) {
			t.Errorf("times %v and %v, want when it was published: %v", e.Time, o.Time, published)
		}
		if !e.Source.Local() || o.Source != (bus.Source{}) || e.Source.String() != "local" {
			t.Errorf("sources %v and %v, want this bus", e.Source, o.Source)
		}
	})
}

func TestValuesAreShared(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		raw := localTopic[[]byte](t, b, "", nil)
		subs := []*bus.Subscription[[]byte]{localSub(t, raw), localSub(t, raw)}
		// From another type the publisher's encoding is shared, by all that do not decode it.
		text := localTopic[string](t, b, "text.", nil)
		value := []byte("abc")
		localPublish(t, raw, "a", value)
		localPublish(t, text, "b", "def")
		first, second := <-subs[0].C(), <-subs[1].C()
		if &first.Value[0] != &value[0] || &second.Value[0] != &value[0] {
			t.Error("a subscription got a copy of what was published")
		}
		first, second = <-subs[0].C(), <-subs[1].C()
		if string(first.Value) != "def" || &first.Value[0] != &second.Value[0] {
			t.Errorf("received %q and %q, want one payload that both share", first.Value, second.Value)
		}
	})
}

func TestDecodeErrors(t *testing.T) {
	for _, policy := range []bus.Policy{bus.DropNewest, bus.DropOldest, bus.Block, bus.Latest} {
		t.Run(policy.String(), func(t *testing.T) {
			localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
				text := localTopic[string](t, b, "", nil)
				var got []*bus.DecodeError
				hooked := localSub(t, localTopic[int](t, b, "", nil), bus.WithPolicy(policy),
					bus.OnDecodeError(func(e *bus.DecodeError) { got = append(got, e) }))
				quiet := localSub(t, localTopic[int](t, b, "", nil), bus.WithPolicy(policy))
				other := localSub(t, localTopic[[]byte](t, b, "", nil))
				for _, event := range []string{"a x", "b 1", "c 2.5", "d y", "e 2"} {
					localPublish(t, text, event[:1], event[2:])
				}
				localWant(t, "with a hook", localAll(hooked), "b=1 e=2")
				localWant(t, "without a hook", localAll(quiet), "b=1 e=2")
				if st := other.Stats(); st.Delivered != 5 {
					t.Errorf("a subscription that can decode got %d of 5", st.Delivered)
				}
				for _, s := range []*bus.Subscription[int]{hooked, quiet} {
					if st := s.Stats(); st.Undecodable != 3 || st.Delivered != 2 || st.Accepted != 5 || st.Depth != 0 {
						t.Errorf("%s: %+v, want 3 undecodable, 2 delivered", s, st)
					}
				}
				if len(got) != 3 {
					t.Fatalf("the hook was called %d times, want 3", len(got))
				}
				var syntax *json.SyntaxError
				if e := got[0]; e.Topic != "a" || string(e.Payload) != "x" || !e.Source.Local() || !errors.As(e, &syntax) {
					t.Errorf("the hook got %+v", e)
				}
			})
		})
	}
}

// What was lost before a payload that cannot be decoded is told at the event behind it.
func TestDecodeErrorsHideNoLoss(t *testing.T) {
	for policy, want := range map[bus.Policy]string{
		bus.DropNewest: "a=1 a=2 b=6(lost 2)", // 3 and 4 find no room, x cannot be decoded
		bus.DropOldest: "b=6(lost 4)",
		bus.Latest:     "b=6(lost 4)",
	} {
		t.Run(policy.String(), func(t *testing.T) {
			localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
				text := localTopic[string](t, b, "", nil)
				sub := localSub(t, localTopic[int](t, b, "", nil), bus.WithPolicy(policy), bus.Buffer(1))
				localPublish(t, text, "a", "1", "2", "3", "4")
				var got string
				if policy == bus.DropNewest {
					got = localRead(sub, 2) + " "
				}
				localPublish(t, text, "a", "x")
				localPublish(t, text, "b", "6")
				localWant(t, "received", got+localAll(sub), want)
			})
		})
	}
}

// A codec that takes its time holds up its own subscription only.
func TestDecodeRunsOnTheSubscriptionsGoroutine(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		text := localTopic[string](t, b, "", nil)
		release := make(chan struct{})
		stuck := localSub(t, localTopic[int](t, b, "", nil), bus.WithPolicy(bus.DropOldest), bus.Buffer(1),
			bus.OnDecodeError(func(*bus.DecodeError) { <-release }))
		other := localSub(t, text)
		localPublish(t, text, "a", "x", "2", "3")
		localWant(t, "the other", localAll(other), "a=x a=2 a=3")
		localWant(t, "the stuck one", localAll(stuck), "")
		close(release)
		synctest.Wait()
		localWant(t, "the one that was stuck", localAll(stuck), "a=3(lost 1)")
	})
}
