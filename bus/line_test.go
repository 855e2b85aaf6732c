package bus

import (
	"fmt"
	"strings"
	"testing"

	"zmqbus/internal/queue"
)

// lineRig is a subscription with policy Block and no goroutine: the test delivers.
type lineRig struct {
	*testing.T
	s    *Subscription[int]
	hand queue.Queue[item[int]]
	wait map[int]*waiter // of the values whose publishers wait
}

func newLineRig(t *testing.T, size int) *lineRig {
	t.Helper()
	b, err := New(t.Context(), &Config{Slow: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(t.Context()) })
	s := &Subscription[int]{bus: b, wake: make(chan struct{}, 1), buf: buffer[int]{policy: Block, size: size, limit: 1 << 20}}
	return &lineRig{T: t, s: s, wait: map[int]*waiter{}}
}

// offer lets a publisher of its own give each value, and wants those to wait that are said to.
func (r *lineRig) offer(want outcome, values ...int) {
	r.Helper()
	for _, v := range values {
		w := &waiter{ready: make(chan struct{}, 1)}
		it := item[int]{ev: Event[int]{Topic: "a", Value: v}}
		if got := r.s.offer(&it, nil); (got == waits) != (want == waits) {
			r.Fatalf("%d: offered without a waiter: %v, want %v", v, got, want)
		} else if got == waits {
			got = r.s.offer(&it, w)
			if r.wait[v] = w; got != waits {
				r.Fatalf("%d: %v, want it to wait", v, got)
			}
		}
	}
}

// deliver is what the pump does when n events have been read, before it takes the lock again.
func (r *lineRig) deliver(n int) {
	r.s.held.Add(-int64(n))
	for range n {
		r.hand.Pop()
	}
}

// take is the pump's turn: who waits gets in, as far as there is room, and what waits goes to the pump.
func (r *lineRig) take() {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.s.sync()
	r.s.letIn()
	if r.hand.Len() == 0 {
		r.s.buf.take(&r.hand)
		r.s.held.Store(int64(r.hand.Len()))
	}
}

// wants tells where the events are, in order: with the pump, in the ring, and in line; and that who is not in line any
// more has been told, once.
func (r *lineRig) wants(pump, ring, line string) {
	r.Helper()
	values := func(q *queue.Queue[item[int]]) string {
		var parts []string
		for i := range q.Len() {
			parts = append(parts, fmt.Sprint(q.At(i).ev.Value))
		}
		return strings.Join(parts, " ")
	}
	var inLine []string
	waiting := map[*waiter]bool{}
	for _, b := range r.s.line {
		inLine = append(inLine, fmt.Sprint(b.it.ev.Value))
		waiting[b.w] = true
	}
	if a, b, c := values(&r.hand), values(&r.s.buf.ring), strings.Join(inLine, " "); a != pump || b != ring || c != line {
		r.Errorf("the pump has %q, the ring %q, in line are %q; want %q, %q, %q", a, b, c, pump, ring, line)
	}
	for v, w := range r.wait {
		if told := len(w.ready) == 1; told == waiting[w] || told && w.out != taken {
			r.Errorf("%d: told %v (%v), in line %v", v, told, w.out, waiting[w])
		}
	}
}

// TestLineIsNotOvertaken: who waits comes in in the order of coming, and before who comes when room has appeared.
func TestLineIsNotOvertaken(t *testing.T) {
	r := newLineRig(t, 2)
	r.offer(taken, 1, 2)
	r.take()
	r.wants("1 2", "", "")
	r.offer(waits, 3, 4, 5)
	r.wants("1 2", "", "3 4 5")
	r.deliver(1)
	r.offer(waits, 6) // there is room, but not for him
	r.wants("2", "", "3 4 5 6")
	r.take()
	r.wants("2", "3", "4 5 6")
	r.deliver(1)
	r.take()
	r.wants("3 4", "", "5 6")
	r.deliver(2)
	r.offer(waits, 7)
	r.take()
	r.wants("5 6", "", "7")
	r.deliver(2)
	r.take()
	r.wants("7", "", "")
	r.offer(taken, 8) // nobody is before him
	r.offer(waits, 9)
	r.wants("7", "8", "9")
}

// TestLineClosesUp: when one in the middle gives up, the others keep their order.
func TestLineClosesUp(t *testing.T) {
	r := newLineRig(t, 1)
	r.offer(taken, 1)
	r.take()
	r.offer(waits, 2, 3, 4)
	if !r.s.withdraw(r.wait[3]) {
		t.Fatal("3 does not wait")
	}
	delete(r.wait, 3)
	r.wants("1", "", "2 4")
	for _, next := range []string{"2", "4"} {
		r.deliver(1)
		r.take()
		r.wants(next, "", strings.TrimSpace(strings.TrimPrefix("4", next)))
	}
}
