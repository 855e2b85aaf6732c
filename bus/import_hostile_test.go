package bus_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/bus"
	"zmqbus/monitor"
	"zmqbus/socket"
)

// linkHeap returns the bytes in use after a collection.
func linkHeap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools keep is gone after the second
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// linkFlood has a plain PUB send n messages to a bus whose subscriptions read everything, and returns how much the
// heap has grown at the end, with the bus still there.
func linkFlood(g *linkRig, b *bus.Bus, n int, topic func(i int) string, payload string) (*bus.Link, int64) {
	g.Helper()
	s, err := linkTopic[[]byte](g, b).Subscribe(g.Context(), bus.WithPolicy(bus.Block), bus.Buffer(16))
	g.must(err)
	// The publisher lives in this process too, and its writer keeps the batch that it has just written until it runs
	// again, which on a busy machine may be after all has been read: so its batches are short.
	pub, at := g.bound(zmq4.XPub, "tcp://127.0.0.1:*", socket.Config{NoDrop: true, SendHWM: 4})
	in := g.imports(b, at)
	g.subscribed(pub, 1)
	before := linkHeap()
	go func() { // ends with the loop, which the reader below awaits
		for i := range n {
			_ = pub.Send(zmq4.NewMsgFromString([]string{topic(i), payload}))
		}
	}()
	for i := range n {
		if e := linkNext(g, s); e.Topic != topic(i) || string(e.Value) != payload {
			g.Fatalf("event %d is on %.50s", i, e.Topic)
		}
	}
	g.must(s.Close())
	grown := int64(linkHeap()) - int64(before)
	if st := in.Stats(); st.Received != uint64(n) || st.Malformed != 0 {
		g.Fatalf("stats %+v", st)
	}
	return in, grown
}

// TestHostileTopics: a peer that never uses a topic twice, or uses long ones, costs no memory that grows with them.
func TestHostileTopics(t *testing.T) {
	for name, c := range map[string]struct {
		n     int
		topic func(i int) string
	}{
		"distinct":        {30_000, func(i int) string { return fmt.Sprintf("topic-%d", i) }},
		"distinct, 1 KiB": {10_000, func(i int) string { return fmt.Sprintf("%01024d", i) }},
		"long":            {100, func(i int) string { return strings.Repeat(string(rune('a'+i%26)), 1<<20) }},
	} {
		t.Run(name, func(t *testing.T) {
			g := linkReal(t)
			b := g.bus(socket.Config{})
			if _, grown := linkFlood(g, b, c.n, c.topic, "x"); grown > 24<<20 {
				t.Errorf("the heap has grown by %d KiB", grown>>10)
			}
			g.must(b.Close(t.Context()))
		})
	}
}

// TestHostilePayloads: garbage for a JSON subscription is counted and given to its hook; it ends nothing, and what is
// sound arrives.
func TestHostilePayloads(t *testing.T) {
	type quote struct{ Bid float64 }
	g := linkReal(t)
	b := g.bus(socket.Config{})
	var refused atomic.Int64
	quotes, err := linkTopic[quote](g, b).Subscribe(t.Context(), bus.WithPolicy(bus.Block), bus.Buffer(8),
		bus.OnDecodeError(func(*bus.DecodeError) { refused.Add(1) }))
	g.must(err)
	const n = 5000
	linkFlood(g, b, n, func(int) string { return "a" }, `{"Bid":1e999}`)
	linkFlood(g, b, n, func(int) string { return "b" }, strings.Repeat("[", 1000))
	pub, at := g.bound(zmq4.Pub, "tcp://127.0.0.1:*", socket.Config{})
	g.imports(b, at)
	g.subscribed(pub, 1)
	g.send(pub, "c", `{"Bid":2}`)
	if e := linkNext(g, quotes); e.Topic != "c" || e.Value.Bid != 2 {
		t.Fatalf("got %+v", e)
	}
	g.must(quotes.Close())
	if st := quotes.Stats(); st.Undecodable != 2*n || refused.Load() != 2*n || st.Accepted != 2*n+1 {
		t.Fatalf("%d refused, stats %+v", refused.Load(), st)
	}
}

// TestHostileShapes: a flood of malformed messages costs counts, and few events, which tell of them all.
func TestHostileShapes(t *testing.T) {
	g := linkReal(t)
	b := g.bus(socket.Config{})
	st := b.Lifecycle(monitor.Dropped)
	s := g.sub(b, "")
	pub, at := g.bound(zmq4.XPub, "tcp://127.0.0.1:*", socket.Config{NoDrop: true})
	in := g.imports(b, at)
	g.subscribed(pub, 1)
	const n = 10_000
	for i := range n {
		g.send(pub, make([]string, 1+2*(i%2))...)
	}
	g.send(pub, "a", "1")
	g.wants(s, "a=1")
	if stats := in.Stats(); stats.Malformed != n || stats.Received != 1 {
		t.Fatalf("stats %+v", stats)
	}
	told, events := 0, 0
	for told < n {
		e, err := st.Next(g.Context())
		g.must(err)
		told += int(e.Count)
		events++
	}
	if told != n || events > n/10 {
		t.Fatalf("told of %d in %d events", told, events)
	}
}

// TestHostileSubscriptions: a peer of an export that subscribes to no end is held to its limits, and others do not notice.
func TestHostileSubscriptions(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b := g.bus(socket.Config{MaxSubscriptions: 100})
		out := g.export(b, "tcp://"+linkAt)
		sound := g.subscriber(out.Endpoint(), socket.Config{}, "a")
		g.wait(b, "a", 1)
		greedy := g.subscriber(out.Endpoint(), socket.Config{})
		for i := range 3000 {
			g.must(greedy.Subscribe(fmt.Sprintf("%d.", i)))
		}
		g.rest()
		total := 0
		for _, p := range b.Peers() {
			total += p.Subscriptions
		}
		if total != 101 || out.Stats().Socket.Dropped[socket.DropSubscription] != 2900 {
			g.Fatalf("%d subscriptions, stats %+v", total, out.Stats())
		}
		g.publish(b, "a", "1")
		g.recv(sound, "a", "1")
	})
}
