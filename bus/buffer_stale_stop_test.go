package bus

import (
	"context"
	"testing"
	"testing/synctest"
)

// TestStopWithAStaleOffer: the counters balance when a subscription ends after its offer went stale and before its
// goroutine has seen that.
func TestStopWithAStaleOffer(t *testing.T) {
	for _, c := range []struct {
		policy Policy
		topic  string // of the second event
		want   counts
	}{
		{DropOldest, "a", counts{accepted: 2, dropped: 1, discarded: 1}},
		{Latest, "a", counts{accepted: 2, conflated: 1, discarded: 1}},
		{Latest, "b", counts{accepted: 2, dropped: 1, discarded: 1}},
	} {
		t.Run(c.policy.String()+" "+c.topic, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, err := New(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer b.Close(context.Background())
				topic, err := NewTopic[int](b, "", nil)
				if err != nil {
					t.Fatal(err)
				}
				s, err := topic.Subscribe(t.Context(), WithPolicy(c.policy), Buffer(1))
				if err != nil {
					t.Fatal(err)
				}
				if err := topic.Publish(t.Context(), "a", 1); err != nil {
					t.Fatal(err)
				}
				synctest.Wait() // the first is offered
				s.mu.Lock()
				stale := s.buf.put(&item[int]{ev: Event[int]{Topic: c.topic, Value: 2}}) // and no poke: stop comes first
				s.mu.Unlock()
				if !stale {
					t.Fatal("the offer is not stale")
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				st := s.Stats()
				if got := s.buf.n; got != c.want || st.Depth != 0 {
					t.Errorf("counts %+v, depth %d, want %+v", got, st.Depth, c.want)
				}
			})
		})
	}
}
