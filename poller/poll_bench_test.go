package poller

import (
	"context"
	"fmt"
	"testing"

	"github.com/go-zeromq/zmq4"
)

// BenchmarkPoll is Poll with as many sockets as the name says, one of which holds a message, and its TryRecv. Its time
// grows with the number, as zmq_poll's does.
func BenchmarkPoll(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("sockets=%d", n), func(b *testing.B) {
			push, pull := benchSockets(b, n)
			items := make([]Item, n)
			for i, s := range pull {
				items[i] = Item{Socket: s, Events: In}
			}
			one, m := n/2, zmq4.NewMsg(make([]byte, 8))
			b.ReportAllocs()
			for b.Loop() {
				if err := push[one].Send(m); err != nil {
					b.Fatal(err)
				}
				if ready, err := Poll(context.Background(), items, -1); ready != 1 || err != nil || items[one].Revents != In {
					b.Fatal(ready, err)
				}
				if _, err := pull[one].TryRecv(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPollAsleep has as many sources as the name says, one of which becomes ready when Poll has registered with all:
// it has to sleep, and to leave them again.
func BenchmarkPollAsleep(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("sources=%d", n), func(b *testing.B) { pollBenchAsleep(b, n) })
	}
}

func pollBenchAsleep(b *testing.B, n int, more ...Item) {
	asked, ended := make(chan struct{}, 1), make(chan struct{})
	last := &lateTokens{asked: asked}
	var items []Item
	for range n - 1 {
		items = append(items, Item{Socket: &tokens{}, Events: In})
	}
	items = append(items, more...)
	items = append(items, Item{Socket: last, Events: In})
	go func() { // owner: the benchmark, which waits for it; ends when asked is closed
		defer close(ended)
		for range asked {
			last.put()
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		if ready, err := Poll(context.Background(), items, -1); ready != 1 || err != nil || !last.take() {
			b.Fatal(ready, err)
		}
	}
	close(asked)
	<-ended
}

// lateTokens asks for a token when somebody begins to wait.
type lateTokens struct {
	tokens
	asked chan<- struct{}
}

func (k *lateTokens) Notify(w *Waiter) {
	k.tokens.Notify(w)
	k.asked <- struct{}{}
}
