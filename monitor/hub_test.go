package monitor

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMaskSelectsAndNumbers(t *testing.T) {
	var h Hub
	all, zero := h.Subscribe(All), h.Subscribe(0)
	some := h.Subscribe(Connected | Dropped)
	for _, typ := range []Type{Connected, Dropped, Disconnected, Dropped, PipesStats, Closed} {
		h.Record(Event{Type: typ, Seq: 77, Lost: 77, Snapshot: true})
	}
	h.Stop()
	for name, c := range map[string]struct {
		s    *Stream
		want []string
	}{
		"all":       {all, []string{"CONNECTED", "DISCONNECTED", "CLOSED", "MONITOR_STOPPED"}},
		"zero mask": {zero, []string{"CONNECTED", "DISCONNECTED", "CLOSED", "MONITOR_STOPPED"}},
		"some":      {some, []string{"CONNECTED", "DROPPED", "DROPPED"}},
	} {
		events := drain(c.s)
		if diff := cmp.Diff(c.want, names(events)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		for i, e := range events {
			if e.Seq != uint64(i+1) || e.Lost != 0 || e.Snapshot {
				t.Errorf("%s: event %d is %+v", name, i, e)
			}
		}
	}
}

func TestWants(t *testing.T) {
	var h Hub
	check := func(when string, wanted, not Type) {
		t.Helper()
		for _, n := range typeNames {
			if n.t&wanted != 0 && !h.Wants(n.t) {
				t.Errorf("%s: %s is not wanted", when, n.name)
			}
			if n.t&not != 0 && h.Wants(n.t) {
				t.Errorf("%s: %s is wanted", when, n.name)
			}
		}
	}
	check("no stream", standingTypes, ^standingTypes)
	a := h.Subscribe(Dropped | ConnectRetried)
	b := h.Subscribe(ConnectRetried | Full)
	check("two streams", standingTypes|Dropped|ConnectRetried|Full, Relieved|PipesStats|ConnectDelayed)
	a.Stop()
	check("one stopped", standingTypes|ConnectRetried|Full, Dropped)
	b.Stop()
	check("both stopped", standingTypes, ^standingTypes)
	h.Subscribe(Full)
	h.Stop()
	check("hub stopped", 0, Full)
}

func TestRecordStampsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h Hub
		s := h.Subscribe(0)
		start := time.Now()
		h.Record(Event{Type: Connected})
		time.Sleep(time.Second)
		h.Record(Event{Type: Disconnected})
		given := start.Add(-time.Hour)
		h.Record(Event{Type: Closed, Time: given})
		h.Stop()
		want := []time.Time{start, start.Add(time.Second), given, start.Add(time.Second)}
		for i, e := range drain(s) {
			if !e.Time.Equal(want[i]) {
				t.Errorf("%v at %v, want %v", e.Type, e.Time, want[i])
			}
		}
	})
}

func TestSnapshot(t *testing.T) {
	life := []Event{
		{Type: Listening, Conn: 1, Endpoint: "tcp://a:1"},
		{Type: Connected, Conn: 2},
		{Type: Listening, Conn: 3},
		{Type: Accepted, Conn: 4},
		{Type: HandshakeSucceeded, Conn: 2, Peer: Peer{Identity: "x"}},
		{Type: ConnectDelayed, Conn: 5},
		{Type: Closed, Conn: 5},
		{Type: Connected}, // no id, nothing to end it
	}
	for _, c := range []struct {
		name string
		mask Type
		then func(h *Hub)
		want []string
	}{
		{"all", 0, func(*Hub) {}, []string{"LISTENING 1*", "CONNECTED 2*", "LISTENING 3*", "ACCEPTED 4*", "HANDSHAKE_SUCCEEDED 2*"}},
		{"mask", HandshakeSucceeded | Accepted, func(*Hub) {}, []string{"ACCEPTED 4*", "HANDSHAKE_SUCCEEDED 2*"}},
		{"disconnected", 0, func(h *Hub) { h.Record(Event{Type: Disconnected, Conn: 2}) },
			[]string{"LISTENING 1*", "LISTENING 3*", "ACCEPTED 4*"}},
		{"forgotten", 0, func(h *Hub) { h.Forget(2); h.Forget(4); h.Forget(99) },
			[]string{"LISTENING 1*", "LISTENING 3*"}},
		{"late handshake of a forgotten connection", 0, func(h *Hub) {
			h.Forget(4)
			h.Record(Event{Type: HandshakeSucceeded, Conn: 4})
		}, []string{"LISTENING 1*", "CONNECTED 2*", "LISTENING 3*", "HANDSHAKE_SUCCEEDED 2*"}},
		{"closed", 0, func(h *Hub) {
			h.Record(Event{Type: Closed, Conn: 1})
			h.Record(Event{Type: CloseFailed, Conn: 3})
		}, []string{"CONNECTED 2*", "ACCEPTED 4*", "HANDSHAKE_SUCCEEDED 2*"}},
		{"failed handshake changes nothing", Accepted, func(h *Hub) {
			h.Record(Event{Type: HandshakeFailedProtocol, Conn: 4})
		}, []string{"ACCEPTED 4*"}},
		{"second handshake replaces the first", HandshakeSucceeded, func(h *Hub) {
			h.Record(Event{Type: HandshakeSucceeded, Conn: 2})
		}, []string{"HANDSHAKE_SUCCEEDED 2*"}},
		{"reopened", Connected | HandshakeSucceeded, func(h *Hub) {
			h.Record(Event{Type: Connected, Conn: 2})
		}, []string{"CONNECTED 2*"}},
		{"stopped", Listening, (*Hub).Stop, nil},
	} {
		var h Hub
		for _, e := range life {
			h.Record(e)
		}
		c.then(&h)
		s := h.Subscribe(c.mask, WithSnapshot())
		plain := h.Subscribe(Listening)
		events := buffered(s)
		if diff := cmp.Diff(c.want, names(events)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		for i, e := range events {
			if e.Seq != uint64(i+1) || e.Time.IsZero() {
				t.Errorf("%s: event %d is %+v", c.name, i, e)
			}
		}
		if got := buffered(plain); len(got) > 0 {
			t.Errorf("%s: replayed without being asked: %v", c.name, got)
		}
		h.Stop()
	}
}

// The first and the newest events of the snapshot carry what was recorded, and the stream's buffer is not used up by
// the snapshot.
func TestSnapshotRoom(t *testing.T) {
	var h Hub
	for id := range ConnID(100) {
		h.Record(Event{Type: Accepted, Conn: id + 1, Value: int64(id)})
	}
	s := h.Subscribe(0, WithSnapshot(), Buffer(3))
	for range 3 {
		h.Record(Event{Type: ConnectRetried})
	}
	h.Stop()
	events := drain(s)
	if len(events) != 104 || s.Lost() != 0 {
		t.Fatalf("%d events, %d lost; want 100 + 3 + 1 and none", len(events), s.Lost())
	}
	for i, e := range events[:100] {
		if e.Value != int64(i) || !e.Snapshot {
			t.Errorf("event %d is %+v", i, e)
		}
	}
}

func TestStop(t *testing.T) {
	var h Hub
	with, without := h.Subscribe(0), h.Subscribe(Connected)
	h.Record(Event{Type: MonitorStopped}) // only the hub sends it
	h.Record(Event{Type: Connected, Conn: 1, Endpoint: "tcp://a:1"})
	for range 2 {
		h.Stop()
	}
	h.Record(Event{Type: Connected, Conn: 2})
	h.Forget(1)
	with.Stop()
	if diff := cmp.Diff([]string{"CONNECTED 1", "MONITOR_STOPPED"}, names(drain(with))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"CONNECTED 1"}, names(drain(without))); diff != "" {
		t.Error(diff)
	}
	late := drain(h.Subscribe(0, WithSnapshot(), nil))
	if len(late) != 1 || late[0].Type != MonitorStopped || late[0].Seq != 1 || late[0].Endpoint != "" {
		t.Errorf("subscribed after Stop: %v", late)
	}
	if late := drain(h.Subscribe(Connected)); len(late) != 0 {
		t.Errorf("subscribed after Stop without MONITOR_STOPPED: %v", late)
	}
}

// Several goroutines record while several streams read: nobody blocks, all streams see one order, gaps are counted,
// and the end comes once.
func TestConcurrentOrder(t *testing.T) {
	const recorders, each = 4, 500
	var h Hub
	// One stream with room for all is the reference; the small ones lose.
	streams := []*Stream{h.Subscribe(0, Buffer(recorders*each)), h.Subscribe(0, Buffer(1)), h.Subscribe(0, Buffer(7))}
	got := make([][]Event, len(streams))
	var readers, writers sync.WaitGroup
	for i, s := range streams {
		// Owned by this test; ends when the hub's Stop ends the stream.
		readers.Go(func() {
			for e := range s.All(t.Context()) {
				got[i] = append(got[i], e)
			}
		})
	}
	for r := range recorders {
		// Owned by this test; ends after its events.
		writers.Go(func() {
			for n := range each {
				h.Record(Event{Type: ConnectRetried, Conn: ConnID(r + 1), Value: int64(n)})
			}
		})
	}
	writers.Wait()
	h.Stop()
	readers.Wait()

	if len(got[0]) != recorders*each+1 || streams[0].Lost() != 0 {
		t.Fatalf("reference has %d events, lost %d", len(got[0]), streams[0].Lost())
	}
	for i, events := range got {
		var last, lost uint64
		for _, e := range events {
			if e.Seq != last+1+e.Lost {
				t.Fatalf("stream %d: seq %d after %d with %d lost", i, e.Seq, last, e.Lost)
			}
			last, lost = e.Seq, lost+e.Lost
			if ref := got[0][e.Seq-1]; ref.Conn != e.Conn || ref.Value != e.Value || ref.Type != e.Type {
				t.Fatalf("stream %d: %v where the reference has %v", i, e, ref)
			}
		}
		if lost != streams[i].Lost() || last != recorders*each+1 || events[len(events)-1].Type != MonitorStopped {
			t.Errorf("stream %d: gaps %d, Lost %d, last seq %d %v", i, lost, streams[i].Lost(), last, events[len(events)-1])
		}
	}
}

// Streams that start in the middle reach the same state as one that saw it all.
func TestConcurrentSnapshotIsTruth(t *testing.T) {
	const recorders, rounds, late = 3, 300, 20
	var h Hub
	var work sync.WaitGroup
	for r := range recorders {
		// Owned by this test; ends after its rounds. Each recorder has its own connections and leaves every third.
		work.Go(func() {
			for n := range rounds {
				id := ConnID(r*rounds + n + 1)
				h.Record(Event{Type: Accepted, Conn: id})
				h.Record(Event{Type: HandshakeSucceeded, Conn: id})
				if n%3 != 0 {
					h.Record(Event{Type: Disconnected, Conn: id})
				}
			}
		})
	}
	streams := make([]*Stream, late)
	for i := range streams {
		streams[i] = h.Subscribe(0, WithSnapshot(), Buffer(3*recorders*rounds))
	}
	work.Wait()
	h.Stop()

	want := map[ConnID]Type{}
	for r := range recorders {
		for n := 0; n < rounds; n += 3 {
			want[ConnID(r*rounds+n+1)] = Accepted | HandshakeSucceeded
		}
	}
	for i, s := range streams {
		got, err := state(drain(s))
		if err != nil || !cmp.Equal(want, got) {
			t.Errorf("stream %d: %v %s", i, err, cmp.Diff(want, got))
		}
	}
}

// state replays events and complains about those that were told twice or out of order.
func state(events []Event) (map[ConnID]Type, error) {
	now := map[ConnID]Type{}
	for _, e := range events {
		switch before := now[e.Conn]; {
		case e.Type == MonitorStopped:
		case e.Type == Accepted && before == 0, e.Type == HandshakeSucceeded && before == Accepted:
			now[e.Conn] |= e.Type
		case e.Type == Disconnected && before == Accepted|HandshakeSucceeded:
			delete(now, e.Conn)
		default:
			return nil, fmt.Errorf("%v of %d in state %v", e.Type, e.Conn, before)
		}
	}
	return now, nil
}

func BenchmarkRecord(b *testing.B) {
	for _, n := range []int{0, 1, 3} {
		b.Run(fmt.Sprintf("streams=%d", n), func(b *testing.B) {
			var h Hub
			for range n {
				h.Subscribe(0, Buffer(64))
			}
			e := Event{Type: ConnectRetried, Value: 100, Endpoint: "tcp://127.0.0.1:5555"}
			b.ReportAllocs()
			for b.Loop() {
				h.Record(e)
			}
			h.Stop()
		})
	}
}
