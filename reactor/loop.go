package reactor

import (
	"cmp"
	"context"
	"maps"
	"slices"
)

// loop is the reactor's goroutine.
func (r *Reactor) loop() {
	for r.step() {
	}
	r.finish()
}

// step runs what was posted, gives one source its turn, or waits when there is nothing to do. It returns false when
// the end has begun.
func (r *Reactor) step() bool {
	r.mu.Lock()
	r.runPosts()
	if r.over() {
		r.mu.Unlock()
		return false
	}
	if len(r.timers.waiting) > 0 {
		select {
		case <-r.timers.timer.C:
			r.timers.expire(r.core.ready)
		default:
		}
	}
	// The hand before the line: whoever becomes ready too late for this look at the line waits for one more turn, but
	// not for a hand that was emptied meanwhile as well.
	room := r.emptyHand()
	for f, ok := r.line.Next(); ok; f, ok = r.line.Next() {
		r.core.ready(f.id)
	}
	if f, quota := r.turn(room); f == nil {
		r.rest()
	} else if f.entry.handler != nil {
		r.watch.turn()
		r.serveHandler(f, quota)
		r.watch.rest()
	} else {
		r.serveEvents(f, quota)
	}
	return true
}

// over reports whether the end has begun, and begins it when the context has ended. The caller holds mu.
func (r *Reactor) over() bool {
	select {
	case <-r.ctx.Done():
		if !r.ending {
			r.ending, r.err = true, context.Cause(r.ctx)
		}
	default:
	}
	return r.ending
}

var posted = "posted function" // in warnings

// runPosts runs what has been posted by now; what those post is for the next step. The caller holds mu, which is
// released meanwhile.
func (r *Reactor) runPosts() {
	if len(r.posts) == 0 {
		return
	}
	posts := r.posts
	r.posts = nil
	r.mu.Unlock()
	r.watch.turn()
	for _, f := range posts {
		r.watch.begin(&posted)
		f()
		r.watch.end()
	}
	r.watch.rest()
	r.mu.Lock()
}

// turn returns the feed whose turn it is, if there is one. While the hand is full those that need room wait; while
// there is no room and the hand is empty, one of them may fill it.
func (r *Reactor) turn(room int) (*feed, int) {
	id, quota, ok := r.core.next(room)
	if !ok && room == 0 && r.hand == nil {
		id, quota, ok = r.core.next(1)
	}
	if !ok {
		return nil, 0
	}
	return r.feeds[id], quota
}

// emptyHand puts what is in the hand into the channel, if there is room, and returns the room that is left: none while
// the hand is full. The caller holds mu.
func (r *Reactor) emptyHand() (room int) {
	room = cap(r.events) - len(r.events)
	if room > 0 && r.hand != nil {
		r.events <- r.hand // does not block: nobody else sends
		r.hand, r.handOf = nil, nil
		room--
	}
	return room
}

// serveEvents moves up to quota events of f into the channel, or one into the hand. The caller holds mu, which is
// released.
func (r *Reactor) serveEvents(f *feed, quota int) {
	defer r.mu.Unlock()
	to := r.taking[:quota]
	n, s := r.take(f, to)
	for _, e := range to[:n] {
		select {
		case r.events <- e:
		default: // quota was 1: it is for the hand
			r.hand, r.handOf = e, f.entry
		}
	}
	clear(to[:n])
	if n > 0 && f.fd != nil {
		r.pause(f.entry)
	}
	r.core.served(f.id, s == more)
}

// serveHandler calls f's handler for up to quota events. Each is taken when it is its turn, so that nothing is left in
// between when the handler removes or pauses its source, or ends the reactor. The caller holds mu, which is released,
// and not by defer: the panic of a handler must come out as it is.
func (r *Reactor) serveHandler(f *feed, quota int) {
	e := f.entry
	again := true
	for range quota {
		n, s := r.take(f, r.taking[:1])
		again = s == more
		if n == 0 {
			break
		}
		event := r.taking[0]
		r.taking[0] = nil
		r.mu.Unlock()
		r.watch.begin(&e.name)
		err := e.handler(event)
		r.watch.end()
		if err != nil {
			r.end(err)
		}
		r.mu.Lock()
		if r.over() || e.gone || e.paused {
			break
		}
		if f.fd != nil {
			f.fd.rearm()
		}
		if !again {
			break
		}
	}
	r.core.served(f.id, again)
	r.mu.Unlock()
}

// rest waits until something happens. The caller holds mu, which is released.
func (r *Reactor) rest() {
	var events chan Event
	hand := r.hand
	if hand != nil {
		events, r.offering = r.events, true
	}
	r.mu.Unlock()
	sent, due := false, false
	select {
	case events <- hand:
		sent = true
	case <-r.line.C():
	case <-r.timers.timer.C:
		due = true
	case <-r.ctx.Done():
	}
	if hand == nil && !due {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if due {
		r.timers.expire(r.core.ready)
	}
	if hand != nil {
		r.settle(sent)
	}
}

// settle ends the offer of the hand: it was sent, or a Remove that waits gets it, or it stays.
func (r *Reactor) settle(sent bool) {
	r.offering = false
	if sent || r.handOf.removed {
		if !sent {
			r.handOf.recalled = r.hand
		}
		r.hand, r.handOf = nil, nil
	}
	r.settled.Broadcast()
}

// finish ends everything, once the end has begun.
func (r *Reactor) finish() {
	r.mu.Lock()
	r.runPosts() // those that were accepted; there will be no others
	entries := slices.SortedFunc(maps.Values(r.sources), func(a, b *entry) int { return cmp.Compare(a.id, b.id) })
	for _, e := range entries {
		r.detach(e)
	}
	var events []Event
	_ = r.emptyHand()
	if r.hand != nil {
		events = append(events, r.hand)
		r.hand, r.handOf = nil, nil
	}
	r.timers.timer.Stop()
	r.result = r.err
	r.mu.Unlock()
	if r.fds != nil { // nobody changes it any more
		r.fds.close()
	}
	for _, e := range entries {
		events = append(events, e.rest()...)
	}
	r.group.Wait()
	if len(events) > 0 {
		r.result = &UndeliveredError{events, r.result}
	}
	close(r.events)
	close(r.done)
}
