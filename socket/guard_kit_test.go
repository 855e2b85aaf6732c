package socket

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// traffic is a socket that talks to good peers while it is attacked.
type traffic struct {
	t      testing.TB
	s      *Socket
	ep     string
	events *monitor.Stream
	good   []*Socket
	lives  []*monitor.Stream
	stop   chan struct{}
	ended  chan error
	fates  map[string][]monitor.Event // events that fate has read, by the far end
	base   usage
	mu     sync.Mutex
	seen   uint64                    // messages that check has looked at
	others map[monitor.ConnID]uint64 // messages that were no good peer's
}

const goodPeers = 2

// pullTraffic runs two PUSHes that send numbered messages to a PULL at ep all the time. done checks what came.
func pullTraffic(t testing.TB, cfg *Config) *traffic {
	t.Helper()
	w := startTraffic(t, zmq4.Pull, zmq4.Push, cfg)
	for i, p := range w.good {
		go func() { w.ended <- w.feed(p, fmt.Sprint(i)) }() // joined by done
	}
	go func() { w.ended <- w.check(w.s, goodPeers) }() // joined by done
	return w
}

// pubTraffic runs a PUB that sends numbered messages to two SUBs all the time.
func pubTraffic(t testing.TB, cfg *Config) *traffic {
	t.Helper()
	w := startTraffic(t, zmq4.Pub, zmq4.Sub, cfg)
	go func() { w.ended <- w.feed(w.s, "good") }() // joined by done
	for _, p := range w.good {
		go func() { w.ended <- w.check(p, 1) }() // joined by done
	}
	return w
}

func startTraffic(t testing.TB, typ, peerType zmq4.SocketType, cfg *Config) *traffic {
	t.Helper()
	w := &traffic{t: t, stop: make(chan struct{}), others: map[monitor.ConnID]uint64{}, fates: map[string][]monitor.Event{}, ended: make(chan error, 3)}
	w.s = open(t, typ, cfg)
	w.ep = bind(t, w.s, "tcp://127.0.0.1:0")
	for range goodPeers {
		p := open(t, peerType, nil)
		if peerType == zmq4.Sub {
			if err := p.Subscribe("good"); err != nil {
				t.Fatal(err)
			}
		}
		w.lives = append(w.lives, p.Lifecycle(monitor.Disconnected))
		dial(t, p, w.ep)
		w.good = append(w.good, p)
	}
	waitPeers(t, w.s, goodPeers)
	w.events = w.s.Lifecycle(monitor.All, monitor.Buffer(1<<16)) // 16 MiB at once, hence before the measurement
	w.base = measure()
	return w
}

// feed sends numbered messages, eight each millisecond, until stop, and then the number "end".
func (w *traffic) feed(p *Socket, name string) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-w.stop:
			return w.put(p, name, "end", fmt.Sprint(n))
		default:
		}
		if err := w.put(p, name, fmt.Sprint(n), ""); err != nil {
			return err
		}
		if n%8 == 7 {
			<-tick.C
		}
	}
}

func (w *traffic) put(p *Socket, frames ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.SendContext(ctx, zmq4.NewMsgFromString(frames))
}

// check receives what feed sent until each of the senders has ended: every number of each, in order.
func (w *traffic) check(p *Socket, senders int) error {
	next := map[string]int{}
	for senders > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		m, id, err := p.RecvFrom(ctx)
		cancel()
		if err != nil {
			return fmt.Errorf("good peer's message after %v: %w", next, err)
		}
		f := frames(m)
		if w.count(id, len(f) == 3) {
			continue // an attacker's
		}
		n := fmt.Sprint(next[f[0]])
		switch {
		case f[1] == "end" && f[2] == n:
			senders--
		case f[1] == n:
			next[f[0]]++
		default:
			return fmt.Errorf("good peer %s: got %q, want %s", f[0], f[1:], n)
		}
	}
	return nil
}

func (w *traffic) count(id monitor.ConnID, good bool) (other bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen++
	if !good {
		w.others[id]++
	}
	return !good
}

// from waits until all that has arrived at the PULL was received, and returns how much of it a connection brought.
func (w *traffic) from(id monitor.ConnID) uint64 {
	for goal := w.s.Stats().In.Received; ; yield() {
		w.mu.Lock()
		seen, n := w.seen, w.others[id]
		w.mu.Unlock()
		if seen >= goal {
			return n
		}
	}
}

// fate waits for the attacker's DISCONNECTED and returns all its events, without their common start ACCEPTED.
func (w *traffic) fate(a *attacker) []monitor.Event {
	w.t.Helper()
	for {
		own := w.fates[a.name()]
		if n := len(own); n > 0 && own[n-1].Type == monitor.Disconnected {
			if first := own[0]; first.Type != monitor.Accepted || first.Value != own[n-1].Value {
				w.t.Errorf("%v: want ACCEPTED and DISCONNECTED of one fd", own)
			}
			delete(w.fates, a.name())
			return own[1:]
		}
		e := next(w.t, w.events, monitor.All)
		w.fates[e.Remote] = append(w.fates[e.Remote], e)
	}
}

// done ends the traffic and checks that nobody good noticed anything, and that goroutines and memory are back.
func (w *traffic) done() {
	w.t.Helper()
	close(w.stop)
	for range goodPeers + 1 {
		if err := <-w.ended; err != nil {
			w.t.Error(err)
		}
	}
	for i, l := range w.lives {
		l.Stop()
		for e := range l.All(context.Background()) {
			w.t.Errorf("good peer %d noticed: %v", i, e)
		}
	}
	w.base.settled(w.t, 0)
}

// usage is what a process takes.
type usage struct {
	goroutines int
	heap, sys  uint64
}

func measure() usage {
	runtime.GC()
	runtime.GC() // a second one empties what sync.Pools held back
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{runtime.NumGoroutine(), m.HeapAlloc, m.Sys}
}

// slack is how much memory may differ between two measurements of a process that does the same: pools and queues fill.
const slack = 8 << 20

// flat fails when the process has grown by more than extra bytes since u.
func (u usage) flat(t testing.TB, extra uint64) {
	t.Helper()
	now := measure()
	if now.heap > u.heap+slack+extra {
		t.Errorf("heap grew by %d KiB", (now.heap-u.heap)>>10)
	}
	if now.sys > u.sys+8*(slack+extra) {
		t.Errorf("memory taken from the system grew by %d KiB", (now.sys-u.sys)>>10)
	}
}

// settled waits until no more goroutines run than at u, and then checks the memory.
func (u usage) settled(t testing.TB, extra uint64) {
	t.Helper()
	for end := time.Now().Add(patience); runtime.NumGoroutine() > u.goroutines; yield() {
		if time.Now().After(end) {
			t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), u.goroutines)
			break
		}
	}
	u.flat(t, extra)
}
