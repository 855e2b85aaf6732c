package bus_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/bus"
	"zmqbus/socket"
)

// linkFeed is a plain PUB and the import that reads it.
type linkFeed struct {
	pub *socket.Socket
	in  *bus.Link
}

// linkFeeds makes n imports of b, whose publishers keep all that is not read. b has its subscriptions already.
func linkFeeds(g *linkRig, b *bus.Bus, n int) []linkFeed {
	g.Helper()
	var feeds []linkFeed
	for i := range n {
		pub, at := g.bound(zmq4.Pub, fmt.Sprint("tcp://127.0.0.1:", i+1), socket.Config{SendHWM: socket.None})
		feeds = append(feeds, linkFeed{pub, g.imports(b, at, bus.WithSocket(g.config(socket.Config{RecvHWM: 10})))})
		g.subscribed(pub, 1)
	}
	return feeds
}

// sendUp sends "0" up to n on a topic.
func (f linkFeed) sendUp(g *linkRig, topic string, n int) {
	g.Helper()
	for i := range n {
		g.send(f.pub, topic, fmt.Sprint(i))
	}
	g.rest()
}

func linkNumbers(topic string, n int) (events []string) {
	for i := range n {
		events = append(events, fmt.Sprint(topic, "=", i))
	}
	return events
}

// TestBlockStopsItsImportOnly: a full Block subscription stops the reading of the import that has an event for it, not
// of another one; nothing is lost, and the order stays.
func TestBlockStopsItsImportOnly(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		g.net.Buffer(4096)
		b := g.bus(socket.Config{})
		s, other := g.sub(b, "a", bus.WithPolicy(bus.Block), bus.Buffer(4)), g.sub(b, "b")
		feeds := linkFeeds(g, b, 2)
		const n = 2000
		feeds[0].sendUp(g, "a", n)
		st := feeds[0].in.Stats()
		if !st.Paused || st.Received > 20 || s.Stats().Waiting != 1 {
			g.Fatalf("stats of the import %+v, of the subscription %+v", st, s.Stats())
		}
		if queued := feeds[0].pub.Stats().Out.Queued; queued == 0 {
			g.Fatal("the publisher does not see that nobody reads")
		}
		for i := range 50 {
			feeds[1].sendUp(g, "b", 1)
			g.wants(other, "b=0")
			if feeds[1].in.Stats().Paused {
				g.Fatalf("the other import stands still after %d", i)
			}
		}
		g.publish(b, "b", "local")
		g.wants(other, "b=local")
		g.wants(s, linkNumbers("a", n)...)
		g.rest()
		if st := feeds[0].in.Stats(); st.Paused || st.Received != n || st.Socket.In.Dropped != 0 {
			g.Fatalf("stats %+v", st)
		}
		if st := s.Stats(); st.Accepted != n || st.Delivered != n || st.Waiting != 0 {
			g.Fatalf("stats %+v", st)
		}
	})
}

// TestBlockTwoImportsWait: both that have events for a full subscription stand still, and both go on.
func TestBlockTwoImportsWait(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b := g.bus(socket.Config{})
		s := g.sub(b, "", bus.WithPolicy(bus.Block), bus.Buffer(1))
		feeds := linkFeeds(g, b, 2)
		feeds[0].sendUp(g, "0", 100)
		feeds[1].sendUp(g, "1", 100)
		if !feeds[0].in.Stats().Paused || !feeds[1].in.Stats().Paused || s.Stats().Waiting != 2 {
			g.Fatalf("stats %+v", b.Stats())
		}
		var next [2]int
		for range 200 {
			e := linkNext(g, s)
			i := int(e.Topic[0] - '0')
			g.same(e.Value, fmt.Sprint(next[i]))
			next[i]++
		}
	})
}

// TestBlockTwoSubscriptions of one import: each gets everything in order, though they are read one after the other;
// those that do not block get it first.
func TestBlockTwoSubscriptions(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b := g.bus(socket.Config{})
		one := g.sub(b, "", bus.WithPolicy(bus.Block), bus.Buffer(1))
		two := g.sub(b, "a", bus.WithPolicy(bus.Block), bus.Buffer(2))
		direct := g.sub(b, "")
		feed := linkFeeds(g, b, 1)[0]
		feed.sendUp(g, "a", 100)
		ahead := int(feed.in.Stats().Received)
		g.wants(direct, linkNumbers("a", ahead)...) // also what the others have no room for
		g.silent(direct)
		took := 0
		for took < 100 {
			select {
			case e := <-one.C():
				g.same(e.Value, fmt.Sprint(took))
				took++
				g.rest()
				continue
			default:
			}
			break
		}
		if took == 100 || took < 2 || !feed.in.Stats().Paused {
			g.Fatalf("the first went on to %d though the second is full", took)
		}
		done := make(chan struct{})
		go func() { // ends when one has all
			defer close(done)
			for i := took; i < 100; i++ {
				if e := <-one.C(); e.Value != fmt.Sprint(i) {
					g.Errorf("got %v, want %d", e, i)
				}
			}
		}()
		g.wants(two, linkNumbers("a", 100)...)
		<-done
		g.wants(direct, linkNumbers("a", 100)[ahead:]...)
		g.rest()
		if feed.in.Stats().Paused {
			g.Fatal("the import still stands")
		}
	})
}

// TestBlockEndsWithItsSubscription: when the full one ends, by Close or its context, its import goes on, for the others.
func TestBlockEndsWithItsSubscription(t *testing.T) {
	for _, how := range []string{"close", "cancel"} {
		t.Run(how, func(t *testing.T) {
			linkBubble(t, func(g *linkRig) {
				b := g.bus(socket.Config{})
				ctx, cancel := context.WithCancel(g.Context())
				full, err := linkTopic[string](g, b).Subscribe(ctx, bus.WithPolicy(bus.Block), bus.Buffer(1))
				g.must(err)
				after := g.sub(b, "", bus.WithPolicy(bus.Block))
				feed := linkFeeds(g, b, 1)[0]
				feed.sendUp(g, "a", 100)
				if !feed.in.Stats().Paused {
					g.Fatal("the import goes on")
				}
				if how == "close" {
					g.must(full.Close())
				}
				cancel()
				g.wants(after, linkNumbers("a", 100)...)
			})
		})
	}
}

// TestBlockWarns names the subscription and the link that is not read, once, after Config.Slow.
func TestBlockWarns(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b := g.busOf(context.Background(), socket.Config{}, bus.Config{Name: "desk", Slow: 3 * time.Second})
		g.sub(b, "a", bus.WithPolicy(bus.Block), bus.Buffer(1), bus.Name("screen"))
		feed := linkFeeds(g, b, 1)[0]
		feed.sendUp(g, "a", 100)
		g.pass(2 * time.Second)
		g.same(len(g.log.lines("")), 0)
		g.pass(time.Hour)
		lines := g.log.lines("slow subscription")
		g.same(len(lines), 1)
		for _, part := range []string{"level=WARN", "bus=desk", "subscription=screen", "prefix=a", feed.in.Endpoint()} {
			if !strings.Contains(lines[0], part) {
				g.Errorf("%s does not tell %s", lines[0], part)
			}
		}
	})
}

// TestBlockAndLinkClose: an import that stands still is closed at once; the event that waited is still delivered, and
// what was not read is not.
func TestBlockAndLinkClose(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b := g.bus(socket.Config{})
		s := g.sub(b, "a", bus.WithPolicy(bus.Block), bus.Buffer(1))
		feed := linkFeeds(g, b, 1)[0]
		feed.sendUp(g, "a", 100)
		begin := time.Now()
		g.must(feed.in.Close(g.Context()))
		g.must(feed.in.Close(g.Context()))
		g.same(time.Since(begin), time.Duration(0))
		g.same(len(b.Stats().Links), 0)
		given := int(feed.in.Stats().Received)
		g.wants(s, linkNumbers("a", given)...)
		g.silent(s)
		g.must(b.Close(g.Context()))
	})
}

// linkPaused returns a bus with an import that is not read, since s is full, and has heartbeats.
func linkPaused(g *linkRig) (*bus.Bus, *bus.Subscription[string]) {
	g.Helper()
	beat := socket.Config{SendHWM: socket.None, RecvHWM: 10, HeartbeatInterval: time.Second}
	b := g.bus(beat)
	s := g.sub(b, "a", bus.WithPolicy(bus.Block), bus.Buffer(1))
	pub, at := g.bound(zmq4.Pub, "tcp://"+linkAt, beat)
	in := g.imports(b, at)
	g.subscribed(pub, 1)
	linkFeed{pub, in}.sendUp(g, "a", 300)
	if !in.Stats().Paused {
		g.Fatal("the import is read")
	}
	return b, s
}
