package socket

import (
	"slices"
	"strings"
	"testing"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
	"pgregory.net/rapid"

	"zmqbus/internal/zmtp"
)

var someTopic = rapid.StringOfN(rapid.SampledFrom([]rune{'a', 'b', 0, 0xff}), 0, 4, -1)

// TestSubscriptionTableMatchesAsPrefixes compares the table with a plain list of subscriptions.
func TestSubscriptionTableMatchesAsPrefixes(t *testing.T) {
	type subscription struct {
		p     *pipe
		topic string
	}
	rapid.Check(t, func(t *rapid.T) {
		table := subscriptionTable{tree: iradix.New[map[*pipe]struct{}]()}
		pipes := []*pipe{{}, {}, {}}
		model := map[subscription]bool{}
		count := func(topic string) (n int) {
			for s := range model {
				if s.topic == topic {
					n++
				}
			}
			return n
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				s := subscription{rapid.SampledFrom(pipes).Draw(t, "pipe"), someTopic.Draw(t, "topic")}
				if first := table.add(s.topic, s.p); first != (count(s.topic) == 0) {
					t.Fatalf("add %q: first %v", s.topic, first)
				}
				model[s] = true
			},
			"remove": func(t *rapid.T) {
				s := subscription{rapid.SampledFrom(pipes).Draw(t, "pipe"), someTopic.Draw(t, "topic")}
				known := count(s.topic) > 0
				delete(model, s)
				if last := table.remove(s.topic, s.p); last != (known && count(s.topic) == 0) {
					t.Fatalf("remove %q: last %v", s.topic, last)
				}
			},
			"match": func(t *rapid.T) {
				msg := someTopic.Draw(t, "message")
				got, want := map[*pipe]int{}, map[*pipe]int{}
				table.match([]byte(msg), func(p *pipe) { got[p]++ })
				for s := range model {
					if strings.HasPrefix(msg, s.topic) {
						want[s.p]++
					}
				}
				for _, p := range pipes {
					if got[p] != want[p] {
						t.Fatalf("%q: visited %d times, want %d", msg, got[p], want[p])
					}
				}
			},
		})
	})
}

// TestSubscriptionDeltaModel: what a connection is told, whenever it is told, adds up to the present state; nothing is
// told that it knows already, and the memory is bounded by the topics.
func TestSubscriptionDeltaModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var d subscriptionDelta
		state, told := map[string]bool{}, map[string]bool{}
		tell := func(t *rapid.T, topic string, on bool) {
			if told[topic] == on {
				t.Fatalf("%q: told %v again", topic, on)
			}
			told[topic] = on
		}
		t.Repeat(map[string]func(*rapid.T){
			"toggle": func(t *rapid.T) {
				for range rapid.IntRange(1, 300).Draw(t, "times") {
					topic := someTopic.Draw(t, "topic")
					state[topic] = !state[topic]
					d.toggle(topic, state[topic])
				}
			},
			"tell one": func(t *rapid.T) {
				if topic, on, ok := d.next(); ok {
					tell(t, topic, on)
				}
			},
			"tell a buffer": func(t *rapid.T) {
				for rest := d.appendTo(nil, 20); len(rest) > 0; {
					if rest[0] != 0 || int(rest[1]) > len(rest)-2 {
						t.Fatalf("not a short frame: %q", rest)
					}
					body := rest[2 : 2+rest[1]]
					rest = rest[2+rest[1]:]
					tell(t, string(body[1:]), body[0] == 1)
				}
			},
			"": func(t *rapid.T) {
				pending := 0
				for topic := range state {
					if state[topic] != told[topic] {
						pending++
					}
				}
				if len(d.change) != pending || d.empty() != (pending == 0) {
					t.Fatalf("%d changes, want %d", len(d.change), pending)
				}
				if len(d.order) > 64+2*len(state) {
					t.Fatalf("%d places for %d topics", len(d.order), len(state))
				}
			},
		})
		for topic, on, ok := d.next(); ok; topic, on, ok = d.next() {
			tell(t, topic, on)
		}
		for topic := range state {
			if state[topic] != told[topic] {
				t.Fatalf("%q: told %v, is %v", topic, told[topic], state[topic])
			}
		}
	})
}

func TestSubscriptionDeltaKeepsTheOrder(t *testing.T) {
	var d subscriptionDelta
	topics := []string{"c", "a", "b", ""}
	for _, topic := range topics {
		d.toggle(topic, true)
	}
	d.toggle("a", false)
	var got []byte
	for range 10 {
		got = d.appendTo(got, 1<<10)
	}
	var want []byte
	for _, topic := range []string{"c", "b", ""} {
		want = zmtp.AppendFrame(want, 0, append([]byte{1}, topic...))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}
