package bus_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/go-zeromq/zmq4"
	"github.com/google/go-cmp/cmp"

	"zmqbus/bus"
	"zmqbus/socket"
)

func TestStatsTree(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		if diff := cmp.Diff(bus.Stats{}, b.Stats()); diff != "" {
			t.Errorf("a new bus has\n%s", diff)
		}
		quotes, again := localTopic[localQuote](t, b, "md.quote.", nil), localTopic[localQuote](t, b, "md.quote.", nil)
		text, trades := localTopic[string](t, b, "md.quote.", nil), localTopic[int](t, b, "md.", nil)
		block := localSub(t, quotes, bus.WithPolicy(bus.Block), bus.Buffer(1), bus.Name("block"))
		bytes := localSub(t, text, bus.Prefix("E"), bus.Buffer(2), bus.Name("text"))
		localPublish(t, quotes, "EUR", localQuote{1})
		localPublish(t, again, "USD", localQuote{2})
		waiting := localCall(func() error { return quotes.Publish(context.Background(), "EUR", localQuote{3}) })
		synctest.Wait()
		localPublish(t, trades, "other", 1)
		want := bus.Stats{
			Topics: []bus.TopicStats{
				{Prefix: "md.", Type: "int", Published: 1},
				{Prefix: "md.quote.", Type: "bus_test.localQuote", Published: 3, Encoded: 2},
				{Prefix: "md.quote.", Type: "string"},
			},
			Subscriptions: []bus.SubscriptionStats{
				{Name: "block", Prefix: "md.quote.", Policy: "block", Buffer: 1, Accepted: 2, Delivered: 1, Depth: 1, InChannel: 1, Waiting: 1},
				{Name: "text", Prefix: "md.quote.E", Policy: "drop newest", Buffer: 2, Accepted: 2, Delivered: 2, InChannel: 2},
			},
		}
		st := b.Stats()
		if diff := cmp.Diff(want, st); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(want.Subscriptions, []bus.SubscriptionStats{block.Stats(), bytes.Stats()}); diff != "" {
			t.Error(diff)
		}
		statsTrip(t, st)
		localAll(block)
		if err := waiting.wait(); err != nil {
			t.Error(err)
		}
	})
}

// statsTrip wants a tree to be the same when it has been written as JSON and read again.
func statsTrip(t *testing.T, st bus.Stats) {
	t.Helper()
	text, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	var back bus.Stats
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(st, back); diff != "" {
		t.Errorf("from JSON %s:\n%s", text, diff)
	}
}

// With links, their sockets and peers too.
func TestStatsTreeOfLinks(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		from, to := g.bus(socket.Config{}), g.bus(socket.Config{RoutingID: "desk"})
		out := g.export(from, "tcp://"+linkAt)
		s := g.sub(to, "a", bus.Name("screen"))
		in := g.imports(to, out.Endpoint())
		g.wait(from, "a", 1)
		g.publish(from, "a", "1")
		g.wants(s, "a=1")
		g.rest()
		sent, got := from.Stats(), to.Stats()
		statsTrip(t, sent)
		statsTrip(t, got)
		if len(sent.Links) != 1 || len(sent.Links[0].Socket.Peers) != 1 || len(got.Links) != 1 || len(got.Links[0].Socket.Peers) != 1 {
			t.Fatalf("no links with peers: %+v, %+v", sent, got)
		}
		there, here := sent.Links[0], got.Links[0]
		if there.Endpoint != out.Endpoint() || there.Import || there.Socket.Out.Written != 1 || there.Socket.Peers[0].Subscriptions != 1 {
			t.Errorf("the export: %+v", there)
		}
		if there.Socket.Peers[0].Peer.Type != zmq4.Sub || there.Socket.Peers[0].Peer.Identity != "desk" {
			t.Errorf("the export's peer: %+v", there.Socket.Peers[0])
		}
		if here.Endpoint != in.Endpoint() || !here.Import || here.Received != 1 || here.Socket.In.Delivered != 1 || here.Socket.Peers[0].Peer.Type != zmq4.Pub {
			t.Errorf("the import: %+v", here)
		}
		g.must(out.Close(g.Context()))
		paused, _ := linkPaused(g)
		statsTrip(t, paused.Stats())
	})
}

// At every quiet moment each event that was accepted has one place.
func TestStatsBalance(t *testing.T) {
	for _, policy := range []bus.Policy{bus.DropNewest, bus.DropOldest, bus.Block, bus.Latest} {
		for _, buffer := range []int{1, 2, 7} {
			t.Run(fmt.Sprintf("%v/%d", policy, buffer), func(t *testing.T) {
				localBubble(t, nil, func(t *testing.T, b *bus.Bus) { statsBalance(t, b, policy, buffer) })
			})
		}
	}
}

func statsBalance(t *testing.T, b *bus.Bus, policy bus.Policy, buffer int) {
	topic := localTopic[string](t, b, "", nil)
	same := localSub(t, topic, bus.WithPolicy(policy), bus.Buffer(buffer), bus.Name("same"))
	other := localSub(t, localTopic[int](t, b, "", nil), bus.WithPolicy(policy), bus.Buffer(buffer), bus.Name("other"))
	var calls []*localResult
	check := func(step int, name string, st bus.SubscriptionStats, accepted int) {
		t.Helper()
		sum := st.Delivered + st.Dropped + st.Conflated + st.Undecodable + st.Discarded + uint64(st.Depth)
		if st.Accepted != sum || st.Accepted+uint64(st.Waiting) > uint64(accepted) || st.Depth > buffer {
			t.Fatalf("step %d, %s: %+v does not balance, of %d published", step, name, st, accepted)
		}
	}
	for i := range 60 {
		value := fmt.Sprint(i)
		if i%5 == 0 {
			value = "not a number"
		}
		calls = append(calls, localCall(func() error {
			return topic.Publish(context.Background(), string(rune('a'+i%3)), value)
		}))
		synctest.Wait()
		check(i, "same", same.Stats(), i+1)
		check(i, "other", other.Stats(), i+1)
		if i%4 == 0 {
			localRead(same, i%7)
			localRead(other, i%5)
			check(i, "same, read", same.Stats(), i+1)
			check(i, "other, read", other.Stats(), i+1)
		}
	}
	_ = other.Close()
	check(60, "other, closed", other.Stats(), 60)
	if st := other.Stats(); st.Depth != 0 || st.Waiting != 0 {
		t.Errorf("a subscription that has ended still holds some: %+v", st)
	}
	localAll(same)
	for _, c := range calls {
		if err := c.wait(); err != nil {
			t.Error(err)
		}
	}
	localAll(same)
	st := same.Stats()
	check(61, "same, all read", st, 60)
	if st.Accepted != 60 || st.Depth != 0 || policy == bus.Block && st.Delivered != 60 {
		t.Errorf("when all was read: %+v", st)
	}
}

func TestBusString(t *testing.T) {
	for want, cfg := range map[string]*bus.Config{"bus": nil, "prices": {Name: "prices"}} {
		localBubble(t, cfg, func(t *testing.T, b *bus.Bus) { localWant(t, "name", b.String(), want) })
	}
}

// WaitSubscribers counts this bus's own subscriptions too.
func TestWaitSubscribersHere(t *testing.T) {
	localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
		topic := localTopic[int](t, b, "md.", nil)
		wait := localCall(func() error { return b.WaitSubscribers(context.Background(), "md.quote", 2) })
		first := localSub(t, topic)
		localSub(t, topic, bus.Prefix("trade"))
		if wait.settled() {
			t.Fatal("it returned, though one of two matches")
		}
		_ = first.Close()
		localSub(t, topic, bus.Prefix("quote"))
		if wait.settled() {
			t.Fatal("it counts one that has ended")
		}
		localSub(t, localTopic[string](t, b, "", nil))
		if err := wait.wait(); err != nil {
			t.Error(err)
		}
		if err := b.WaitSubscribers(localOver("enough"), "md.quote", 3); err == nil || err.Error() != `bus: wait "md.quote": 2 of 3 subscribers: enough` {
			t.Errorf("with a ctx that has ended: %v", err)
		}
	})
}
