package bus

import (
	"zmqbus/internal/queue"
)

// buffer is where events wait for their subscription's channel, and where the policy loses them. It holds no lock and
// no goroutine: the subscription's lock guards it, and its pump takes from it.
//
// DropNewest and Block give the pump everything at once (take), since what waits is delivered in any case. DropOldest
// and Latest let it offer the front, which stays here and may be lost meanwhile (show, endOffer).
type buffer[T any] struct {
	policy Policy
	size   int
	ring   queue.Queue[item[T]]
	held   int               // by the pump, taken and not yet delivered
	limit  int64             // of bytes
	bytes  int64             // of payloads, in the ring; what is held counts until all of it is delivered
	inHand int64             // of these bytes
	gap    uint64            // events lost since the last one that was put into the ring
	at     map[string]uint64 // Latest: where in the sequence of all that was put a topic waits
	popped uint64            // from the ring's front: the front's place in that sequence

	offered   bool   // the pump offers a copy of the front
	replaced  bool   // the front that is offered is not the front any more
	conflated bool   // why: a newer event of its topic; else there was no room
	copyLost  uint64 // Lost of what is offered

	n counts
}

// counts are what SubscriptionStats tells.
type counts struct {
	accepted, delivered, dropped, conflated, undecodable, discarded uint64
}

func (b *buffer[T]) depth() int { return b.ring.Len() + b.held }

// full reports whether the next event needs room. Payloads are counted because a remote peer chooses how long they are;
// the one that goes beyond the limit is still taken.
func (b *buffer[T]) full() bool {
	return b.depth() >= b.size || b.bytes+b.inHand >= b.limit && b.depth() > 0
}

// delivered notes that the pump holds only n events any more.
func (b *buffer[T]) delivered(n int) {
	b.n.delivered += uint64(b.held - n)
	b.held = n
	if n == 0 {
		b.inHand = 0
	}
}

// put takes a copy of it, which others get too, and loses by policy what does not fit; with Block there must be room.
// It reports whether the pump's offer went stale.
func (b *buffer[T]) put(it *item[T]) (stale bool) {
	b.n.accepted++
	if b.policy == Latest {
		for b.bytes >= b.limit { // also for a topic that has a place: its newer value may be longer
			stale = b.dropOldest() || stale
		}
		if place, ok := b.at[it.ev.Topic]; ok {
			return b.conflate(it, place) || stale
		}
	}
	if b.full() {
		if b.policy == DropNewest {
			b.n.dropped++
			b.gap++
			return false
		}
		for b.full() { // several, if they are shorter than it
			stale = b.dropOldest() || stale
		}
	}
	if b.policy == Latest {
		if b.at == nil {
			b.at = map[string]uint64{}
		}
		b.at[it.ev.Topic] = b.popped + uint64(b.ring.Len())
	}
	b.ring.Push(*it)
	b.bytes += int64(len(it.payload))
	if b.gap > 0 {
		b.ring.At(b.ring.Len()-1).ev.Lost, b.gap = b.gap, 0
	}
	return stale
}

// conflate puts it in the place of the older event of its topic.
func (b *buffer[T]) conflate(it *item[T], place uint64) (stale bool) {
	old := b.ring.At(int(place - b.popped))
	lost := uint64(0)
	if place == b.popped && b.offered && !b.replaced {
		b.replaced, b.conflated = true, true
		stale = true
	} else {
		lost = old.ev.Lost + 1
		b.n.conflated++
	}
	b.bytes += int64(len(it.payload) - len(old.payload))
	*old = *it
	old.ev.Lost = lost
	return stale
}

// dropOldest loses the front.
func (b *buffer[T]) dropOldest() (stale bool) {
	lost := b.pop().ev.Lost + 1
	if b.offered && !b.replaced {
		b.replaced, b.conflated = true, false // endOffer counts it, if it is not delivered after all
		return true
	}
	b.n.dropped++
	b.owe(lost)
	return false
}

// owe puts a loss where it is to be told: at the event that follows.
func (b *buffer[T]) owe(lost uint64) {
	if b.ring.Len() > 0 {
		b.ring.At(0).ev.Lost += lost
	} else {
		b.gap += lost
	}
}

func (b *buffer[T]) pop() item[T] {
	it := b.ring.Pop()
	b.bytes -= int64(len(it.payload))
	b.popped++
	if b.policy == Latest {
		delete(b.at, it.ev.Topic)
	}
	return it
}

// take moves all that waits into to, which is empty.
func (b *buffer[T]) take(to *queue.Queue[item[T]]) {
	b.ring, *to = *to, b.ring
	b.held = to.Len()
	b.bytes, b.inHand = 0, b.bytes
}

// show copies the front, which stays, for the pump to offer.
func (b *buffer[T]) show(to *item[T]) {
	*to = *b.ring.At(0)
	b.offered, b.replaced, b.copyLost = true, false, to.ev.Lost
}

// endOffer ends an offer: the copy was delivered (or could not be decoded), or it was withdrawn.
func (b *buffer[T]) endOffer(done bool) {
	b.offered = false
	switch {
	case done && !b.replaced:
		b.pop()
	case !done && b.replaced:
		if b.conflated {
			b.n.conflated++
		} else {
			b.n.dropped++
		}
		b.owe(b.copyLost + 1)
	}
}

// lost returns how many events the policy has lost so far.
func (b *buffer[T]) lost() uint64 { return b.n.dropped + b.n.conflated }
