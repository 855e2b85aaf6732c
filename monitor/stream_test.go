package monitor

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

func TestBuffer(t *testing.T) {
	for _, c := range []struct {
		opts []Option
		want int
	}{
		{nil, 2000},
		{[]Option{Buffer(0)}, 2000},
		{[]Option{Buffer(-1)}, 2000},
		{[]Option{Buffer(1)}, 1},
		{[]Option{Buffer(5), Buffer(3)}, 3},
		{[]Option{Buffer(3000)}, 3000},
	} {
		var h Hub
		s := h.Subscribe(0, c.opts...)
		for range c.want + 1 {
			h.Record(Event{Type: Closed})
			if len(s.C()) > c.want {
				t.Fatalf("want %d: %d events wait", c.want, len(s.C()))
			}
		}
		h.Stop()
		if n := len(drain(s)); n != c.want+1 || s.Lost() != 1 {
			t.Errorf("want %d: %d events with MONITOR_STOPPED, %d lost", c.want, n, s.Lost())
		}
	}
	var o options
	if Buffer(1 << 62)(&o); o.buffer != MaxBuffer {
		t.Errorf("huge buffer is %d", o.buffer)
	}
}

// A loss is seen by C as a step in Seq and by Next as Lost, at the same place.
func TestLossAtItsPlace(t *testing.T) {
	var h Hub
	c, next := h.Subscribe(0, Buffer(2)), h.Subscribe(0, Buffer(2))
	record := func(n int) {
		for range n {
			h.Record(Event{Type: ConnectRetried})
		}
	}
	var seqs, steps, lost []uint64
	read := func() {
		e := <-c.C()
		seqs = append(seqs, e.Seq)
		n, err := next.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		steps, lost = append(steps, n.Seq), append(lost, n.Lost)
	}
	record(2)
	read()    // 1
	record(1) // 2 3
	read()    // 2
	record(4) // 6 7; 3, 4 and 5 are lost
	read()    // 6
	read()    // 7
	record(1) // 8
	h.Stop()
	read()
	read()
	want := []uint64{1, 2, 6, 7, 8, 9}
	if !cmp.Equal(want, seqs) || !cmp.Equal(want, steps) || !cmp.Equal([]uint64{0, 0, 3, 0, 0, 0}, lost) {
		t.Errorf("C %v, Next %v, Lost %v; want %v", seqs, steps, lost, want)
	}
	if c.Lost() != 3 || next.Lost() != 3 {
		t.Errorf("Lost() %d and %d, want 3", c.Lost(), next.Lost())
	}
}

func TestNextErrors(t *testing.T) {
	var h Hub
	s := h.Subscribe(0)
	h.Record(Event{Type: Connected, Endpoint: "tcp://a:1"})
	var none context.Context
	if _, err := s.Next(none); !errors.Is(err, errNilContext) {
		t.Errorf("nil context: %v", err)
	}
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	for range 20 { // every time: an ended context wins over an event that waits
		if e, err := s.Next(ctx); err != reason {
			t.Fatalf("ended context: %v, %v", e, err)
		}
	}
	for range s.All(ctx) {
		t.Error("All gives events after its context ended")
	}
	h.Stop()
	for _, want := range []Type{Connected, MonitorStopped} {
		if e, err := s.Next(t.Context()); err != nil || e.Type != want {
			t.Errorf("%v, %v; want %v", e, err, want)
		}
	}
	for range 2 {
		if _, err := s.Next(t.Context()); !errors.Is(err, ErrClosed) || !errors.Is(err, net.ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	}
}

// Whether a call waits for an event or for its turn, its context ends it.
func TestNextBlocksUntilContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h Hub
		s := h.Subscribe(0)
		ctx, cancel := context.WithCancel(t.Context())
		var calls sync.WaitGroup
		for range 3 {
			calls.Go(func() { // owned by this test; ends when ctx does
				if _, err := s.Next(ctx); err != context.Canceled {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // all three blocked
		cancel()
		calls.Wait()

		calls.Go(func() { // owned by this test; ends with the event below
			if e, err := s.Next(t.Context()); err != nil || e.Type != Closed || e.Lost != 0 {
				t.Errorf("%v, %v", e, err)
			}
		})
		synctest.Wait()
		h.Record(Event{Type: Closed})
		calls.Wait()
	})
}

// Readers that share a stream get each event once, and the losses sum up.
func TestNextTakesTurns(t *testing.T) {
	const total, readers = 3000, 4
	var h Hub
	s := h.Subscribe(ConnectRetried, Buffer(16))
	var mu sync.Mutex // guards seen and lost
	seen, lost := map[uint64]bool{}, uint64(0)
	var work sync.WaitGroup
	for range readers {
		work.Go(func() { // owned by this test; ends with the stream
			for e := range s.All(t.Context()) {
				mu.Lock()
				if seen[e.Seq] {
					t.Errorf("event %d came twice", e.Seq)
				}
				seen[e.Seq], lost = true, lost+e.Lost
				mu.Unlock()
			}
		})
	}
	for range total {
		h.Record(Event{Type: ConnectRetried})
	}
	h.Stop()
	work.Wait()
	if uint64(len(seen))+lost != total || lost != s.Lost() {
		t.Errorf("%d seen, %d lost in events, Lost() %d; want %d in all", len(seen), lost, s.Lost(), total)
	}
}

func TestAllCanBeTakenUpAgain(t *testing.T) {
	var h Hub
	s := h.Subscribe(0)
	h.Record(Event{Type: Connected, Conn: 1})
	h.Record(Event{Type: Disconnected, Conn: 1})
	var got []Event
	for e := range s.All(t.Context()) {
		got = append(got, e)
		break
	}
	s.Stop()
	for e := range s.All(t.Context()) {
		got = append(got, e)
	}
	if diff := cmp.Diff([]string{"CONNECTED 1", "DISCONNECTED 1", "MONITOR_STOPPED"}, names(got)); diff != "" {
		t.Error(diff)
	}
}

// Stopping one stream ends it alone, with what it had still readable.
func TestStreamStop(t *testing.T) {
	var h Hub
	a, b, bare := h.Subscribe(0, Buffer(1)), h.Subscribe(0), h.Subscribe(Connected|Disconnected)
	h.Record(Event{Type: Connected, Conn: 1})
	for range 2 {
		a.Stop()
		bare.Stop()
	}
	h.Record(Event{Type: Disconnected, Conn: 1})
	h.Stop()
	a.Stop()
	for name, c := range map[string]struct {
		s    *Stream
		want []string
	}{
		"stopped":                 {a, []string{"CONNECTED 1", "MONITOR_STOPPED"}},
		"other":                   {b, []string{"CONNECTED 1", "DISCONNECTED 1", "MONITOR_STOPPED"}},
		"without MONITOR_STOPPED": {bare, []string{"CONNECTED 1"}},
	} {
		if diff := cmp.Diff(c.want, names(drain(c.s))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Streams come and go while others record and stop the hub: every one ends, once, with MONITOR_STOPPED.
func TestConcurrentStops(t *testing.T) {
	var h Hub
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() { // owned by this test; ends after its rounds
			for range 100 {
				s := h.Subscribe(0, Buffer(2), WithSnapshot())
				h.Record(Event{Type: ConnectRetried})
				s.Stop()
				events := drain(s)
				if n := len(events); n == 0 || events[n-1].Type != MonitorStopped || typesOf(events[:n-1])&MonitorStopped != 0 {
					t.Errorf("stream ended with %v", names(events))
				}
			}
		})
	}
	work.Go(h.Stop) // owned by this test; ends at once
	work.Wait()
}
