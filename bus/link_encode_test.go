package bus_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"zmqbus/bus"
	"zmqbus/socket"
)

// linkCodec is a codec of strings that counts, and fails when it is told to.
type linkCodec struct {
	encoded, decoded atomic.Int64
	err              error
}

func (c *linkCodec) Encode(v string) ([]byte, error) {
	c.encoded.Add(1)
	return []byte(v), c.err
}

func (c *linkCodec) Decode(p []byte) (string, error) {
	c.decoded.Add(1)
	return string(p), nil
}

// TestExportEncodesOnlyForPeers: while no peer is subscribed to the topic nothing is encoded; else once, for however many
// peers and exports.
func TestExportEncodesOnlyForPeers(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b, codec := g.bus(socket.Config{}), &linkCodec{}
		topic, err := bus.NewTopic[string](b, "", codec)
		g.must(err)
		local, err := topic.Subscribe(g.Context())
		g.must(err)
		publish := func(encodings int64) {
			g.Helper()
			g.rest()
			before := codec.encoded.Load()
			g.must(topic.Publish(g.Context(), "a", "1"))
			g.wants(local, "a=1")
			g.same(codec.encoded.Load()-before, encodings)
			g.same(uint64(codec.encoded.Load()), b.Stats().Topics[0].Encoded)
		}
		publish(0)
		one, two := g.export(b, "tcp://127.0.0.1:1"), g.export(b, "tcp://127.0.0.1:2")
		publish(0)
		sub := g.subscriber(one.Endpoint(), socket.Config{}, "b", "aa")
		publish(0)
		g.must(sub.Subscribe("a"))
		publish(1)
		for _, l := range []*bus.Link{one, two} {
			g.subscriber(l.Endpoint(), socket.Config{}, "", "a")
		}
		publish(1)
		g.must(one.Close(g.Context()))
		publish(1)
		g.must(two.Close(g.Context()))
		publish(0)
		g.same(codec.decoded.Load(), int64(0))
	})
}

// TestExportOfWhatCannotBeEncoded gives it to nobody, here or there.
func TestExportOfWhatCannotBeEncoded(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		why := errors.New("no")
		b, codec := g.bus(socket.Config{}), &linkCodec{}
		topic, err := bus.NewTopic[string](b, "", codec)
		g.must(err)
		local := g.sub(b, "")
		sub := g.subscriber(g.export(b, "tcp://"+linkAt).Endpoint(), socket.Config{}, "")
		g.wait(b, "a", 2)
		codec.err = why
		err = topic.Publish(g.Context(), "a", "1")
		linkIs(g, err, why)
		if !strings.Contains(err.Error(), `"a"`) {
			g.Errorf("%v does not name the topic", err)
		}
		codec.err = nil
		g.must(topic.Publish(g.Context(), "a", "2"))
		g.recv(sub, "a", "2")
		g.wants(local, "a=2")
	})
}

// TestImportDecodesInEachSubscription: types may differ on both sides; who cannot decode tells its hook, with the source,
// and goes on, and others are not concerned.
func TestImportDecodesInEachSubscription(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		from, to := g.bus(socket.Config{}), g.bus(socket.Config{})
		in := g.imports(to, g.export(from, "tcp://"+linkAt).Endpoint())
		refused := make(chan *bus.DecodeError, 100)
		numbers, err := linkTopic[int](g, to).Subscribe(g.Context(), bus.OnDecodeError(func(e *bus.DecodeError) { refused <- e }))
		g.must(err)
		text := g.sub(to, "")
		g.wait(from, "a", 1)
		for _, v := range []string{"1", "x", "", "2 3", "4"} {
			g.publish(from, "a", v)
		}
		for _, want := range []int{1, 4} {
			g.same(linkNext(g, numbers).Value, want)
		}
		g.wants(text, "a=1", "a=x", "a=", "a=2 3", "a=4")
		for _, payload := range []string{"x", "", "2 3"} {
			e := <-refused
			g.same([]string{e.Topic, string(e.Payload), e.Source.Link}, []string{"a", payload, in.Endpoint()})
			if e.Source.Conn != to.Peers()[0].Conn || e.Err == nil {
				g.Errorf("%+v", e)
			}
		}
		g.rest()
		if st := numbers.Stats(); st.Undecodable != 3 || st.Delivered != 2 || st.Accepted != 5 {
			g.Fatalf("stats %+v", st)
		}
	})
}

// TestExportBlocksForNobody: a peer that does not read delays neither Publish nor another peer.
func TestExportBlocksForNobody(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		b, l, _ := linkStuck(g, socket.Config{SendHWM: 2}, 0)
		reads := g.subscriber(l.Endpoint(), socket.Config{}, "a")
		g.wait(b, "a", 2)
		for range 100 {
			ctx, cancel := context.WithCancel(g.Context())
			g.must(linkTopic[string](g, b).Publish(ctx, "a", strings.Repeat("x", 300)))
			cancel()
			g.recv(reads, "a", strings.Repeat("x", 300))
		}
		if st := l.Stats().Socket; st.Out.Dropped == 0 || st.Out.Accepted != 200 {
			g.Fatalf("stats %+v", st)
		}
	})
}
