package bus

import (
	"context"
	"sync"
)

// sink is a subscription as those see it who do not know its type: the table, links, and publishers of another type.
type sink interface {
	order() uint64 // ascends from subscription to subscription
	policy() Policy
	prefix() string
	String() string
	Stats() SubscriptionStats
	Done() <-chan struct{}
	// offerRaw gives it an event that it decodes itself. With outcome waits, w is told when it was taken; without a w,
	// nothing was given.
	offerRaw(m raw, w *waiter) outcome
	// withdraw takes back an event that waits, and reports whether it still did.
	withdraw(w *waiter) bool
	// drain ends it when what it holds is delivered, stop at once. Neither waits.
	drain()
	stop(cause error)
	// undelivered is what it held when the bus ended it, or why did: what it held that ended by itself is nobody's loss.
	undelivered(why error) int
}

// outcome is what became of an event that was offered.
type outcome int

const (
	taken outcome = iota // or lost, by policy
	waits                // the subscription blocks, and has no room
	gone                 // the subscription has ended
)

// waiter is who waits for room in a subscription: a publisher, which waits for ready, or a link, whose resume is
// called instead, under the subscription's lock.
type waiter struct {
	ready  chan struct{} // has room for the one token
	resume func(outcome)
	out    outcome
	link   string // for the warning: who waits; empty: a publisher
}

// newWaiters returns a pool of publishers' waiters. Each bus has its own: a channel that was made in a synctest bubble
// must not be used outside it.
func newWaiters() *sync.Pool {
	return &sync.Pool{New: func() any { return &waiter{ready: make(chan struct{}, 1)} }}
}

// tell ends the wait. The subscription's lock is held.
func (w *waiter) tell(out outcome) {
	if w.resume != nil {
		w.resume(out)
		return
	}
	w.out = out
	w.ready <- struct{}{}
}

// wait blocks until s has taken the event of w, or ended, or ctx has.
func (w *waiter) wait(ctx context.Context, s sink) (outcome, error) {
	select {
	case <-w.ready:
		return w.out, nil
	case <-ctx.Done():
	}
	if s.withdraw(w) {
		return waits, context.Cause(ctx)
	}
	<-w.ready // it is there: who took w out of the line has told it
	return w.out, nil
}
