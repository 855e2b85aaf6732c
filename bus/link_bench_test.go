package bus_test

import (
	"context"
	"testing"

	"zmqbus/bus"
	"zmqbus/socket"
)

// linkTick is what BenchmarkEndToEnd publishes as JSON.
type linkTick struct {
	Symbol   string
	Bid, Ask float64
}

// BenchmarkEndToEnd publishes in one bus and receives in another, over tcp on the loopback interface. The publisher is
// at most a window ahead, so that nothing is lost; each event is counted and checked.
func BenchmarkEndToEnd(b *testing.B) {
	b.Run("tcp/json", func(b *testing.B) {
		linkEndToEnd(b, linkTick{"EURUSD", 1.0841, 1.0843}, func(v linkTick) bool { return v.Symbol == "EURUSD" && v.Ask == 1.0843 })
	})
	b.Run("tcp/bytes", func(b *testing.B) {
		linkEndToEnd(b, make([]byte, 64), func(v []byte) bool { return len(v) == 64 })
	})
}

func linkEndToEnd[T any](b *testing.B, v T, sound func(T) bool) {
	const window, credit = 8192, 1024 // the reader gives credit back in pieces
	g := linkReal(b)
	from, to := g.bus(socket.Config{SendHWM: 2 * window}), g.bus(socket.Config{})
	ctx := context.Background()
	s, err := linkTopic[T](g, to).Subscribe(ctx, bus.WithPolicy(bus.Block))
	g.must(err)
	out := g.export(from, "@tcp://127.0.0.1:*")
	g.imports(to, out.Endpoint())
	g.wait(from, "md.quote.EURUSD", 1)
	topic := linkTopic[T](g, from)
	credits := make(chan struct{}, window/credit)
	for range cap(credits) {
		credits <- struct{}{}
	}
	b.ReportAllocs()
	b.ResetTimer()
	go func() { // ends with the loop: the reader below takes all
		for i := range b.N {
			if i%credit == 0 {
				<-credits
			}
			if err := topic.Publish(ctx, "md.quote.EURUSD", v); err != nil {
				b.Error(err)
			}
		}
	}()
	for i := range b.N {
		if e := linkNextFast(g, s); e.Lost != 0 || !sound(e.Value) {
			b.Fatalf("event %d: %+v", i, e)
		}
		if (i+1)%credit == 0 {
			credits <- struct{}{}
		}
	}
	b.StopTimer()
	g.must(s.Close()) // its counters are final then
	st := out.Stats().Socket
	if st.Out.Dropped != 0 || st.Out.Accepted != uint64(b.N) || s.Stats().Delivered != uint64(b.N) {
		b.Fatalf("of %d: %+v, %+v", b.N, st.Out, s.Stats())
	}
}

// linkNextFast is linkNext without the timer, which would cost more than what is measured.
func linkNextFast[T any](g *linkRig, s *bus.Subscription[T]) bus.Event[T] {
	e, ok := <-s.C()
	if !ok {
		g.Fatalf("%s ended: %v", s, s.Err())
	}
	return e
}
