package bus

import (
	"testing"

	"zmqbus/internal/queue"
)

// TestBufferDropsForBytes: a long payload may need the room of several short ones, or of all.
func TestBufferDropsForBytes(t *testing.T) {
	for _, policy := range []Policy{DropOldest, Latest} {
		b := buffer[int]{policy: policy, size: 100, limit: 200}
		for i, length := range []int{10, 10, 10, 300, 1} {
			b.put(&item[int]{ev: Event[int]{Topic: string(rune('a' + i))}, payload: make([]byte, length)})
		}
		if b.depth() != 1 || b.ring.At(0).ev.Topic != "e" || b.ring.At(0).ev.Lost != 4 || b.bytes != 1 || b.n.dropped != 4 {
			t.Errorf("%v: depth %d, %d bytes, counts %+v", policy, b.depth(), b.bytes, b.n)
		}
	}
}

// TestBufferBoundsReplacements: a topic's newer value may be longer than the one whose place it takes, so places alone do
// not bound what Latest keeps.
func TestBufferBoundsReplacements(t *testing.T) {
	b := buffer[int]{policy: Latest, size: 100, limit: 200}
	const topics, length = 10, 150
	for round, payload := range []int{1, length} {
		for i := range topics {
			b.put(&item[int]{ev: Event[int]{Topic: string(rune('a' + i))}, payload: make([]byte, payload)})
			if b.bytes >= b.limit+length {
				t.Fatalf("round %d, topic %d: %d bytes", round, i, b.bytes)
			}
		}
	}
	if last := b.ring.At(b.ring.Len() - 1).ev.Topic; last != "j" || b.depth() != len(b.at) {
		t.Errorf("the last is %q, of %d with %d places", last, b.depth(), len(b.at))
	}
	if n := b.n; n.accepted != 2*topics || n.dropped+n.conflated+uint64(b.depth()) != n.accepted {
		t.Errorf("depth %d, counts %+v", b.depth(), n)
	}
}

// TestBufferCountsBytes: what is taken, replaced and popped is not counted any more.
func TestBufferCountsBytes(t *testing.T) {
	b := buffer[int]{policy: Latest, size: 100, limit: 1 << 20}
	put := func(topic string, length int) {
		b.put(&item[int]{ev: Event[int]{Topic: topic}, payload: make([]byte, length)})
	}
	put("a", 100)
	put("b", 10)
	put("a", 1)
	if b.bytes != 11 {
		t.Errorf("%d bytes after a replacement, want 11", b.bytes)
	}
	b.pop()
	if b.bytes != 10 {
		t.Errorf("%d bytes after a pop, want 10", b.bytes)
	}
	var hand queue.Queue[item[int]]
	b.take(&hand)
	if b.bytes != 0 || b.inHand != 10 {
		t.Errorf("%d and %d bytes after take, want 0 and 10", b.bytes, b.inHand)
	}
	b.delivered(0)
	if b.inHand != 0 {
		t.Errorf("%d bytes in hand when all is delivered", b.inHand)
	}
}
