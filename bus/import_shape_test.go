package bus_test

import (
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
	"zmqbus/socket"
)

// TestMalformedIsDropped: what has not two frames is counted and told, with its connection, and the import goes on.
func TestMalformedIsDropped(t *testing.T) {
	for name, frames := range map[string][]string{
		"one frame": {"a"}, "an empty frame": {""}, "three frames": {"a", "b", "c"}, "many frames": make([]string, 1000),
	} {
		t.Run(name, func(t *testing.T) {
			linkBubble(t, func(g *linkRig) {
				pub, at := g.bound(zmq4.Pub, "tcp://"+linkAt, socket.Config{})
				b := g.bus(socket.Config{})
				st := b.Lifecycle(monitor.Dropped)
				s, in := g.sub(b, ""), g.imports(b, at)
				g.subscribed(pub, 1)
				for range 3 {
					g.send(pub, frames...)
				}
				g.send(pub, "a", "good")
				g.wants(s, "a=good")
				if st := in.Stats(); st.Malformed != 3 || st.Received != 1 {
					g.Fatalf("stats %+v", st)
				}
				told := 0
				for told < 3 {
					e := g.event(st, monitor.Dropped)
					told += int(e.Count)
					if e.Endpoint != in.Endpoint() || told > 3 || e.Reason != socket.DropMalformed || e.Conn != b.Peers()[0].Conn {
						g.Fatalf("told %+v", e)
					}
				}
			})
		})
	}
}

// TestEmptyFramesAreSound: an empty topic and an empty payload are an event like another.
func TestEmptyFramesAreSound(t *testing.T) {
	for _, at := range []string{"tcp://" + linkAt, "inproc://a"} {
		linkBubble(t, func(g *linkRig) {
			pub, at := g.bound(zmq4.Pub, at, socket.Config{})
			b := g.bus(socket.Config{})
			raw, err := linkTopic[[]byte](g, b).Subscribe(g.Context())
			g.must(err)
			s, in := g.sub(b, ""), g.imports(b, at)
			numbers, err := linkTopic[int](g, b).Subscribe(g.Context())
			g.must(err)
			g.subscribed(pub, 1)
			g.must(pub.Send(zmq4.NewMsgFrom(nil, nil)))
			g.must(pub.Send(zmq4.NewMsgFrom([]byte{}, []byte{})))
			g.wants(s, "=", "=")
			for range 2 {
				if e := linkNext(g, raw); e.Topic != "" || len(e.Value) != 0 {
					g.Fatalf("got %+v", e)
				}
			}
			g.same(in.Stats().Received, uint64(2))
			g.rest()
			g.same(numbers.Stats().Undecodable, uint64(2)) // an empty payload is no number, and not skipped
		})
	}
}
