package reactor

import "sync"

// chanFeed takes what its forwarder, a goroutine per channel, holds: one value at a time.
type chanFeed struct {
	receive func(*chanFeed) // forward, with the channel
	feed    *feed
	taken   chan struct{} // has a token when the slot was emptied
	stop    chan struct{} // closed by release
	ended   chan struct{} // closed when the forwarder has ended

	mu     sync.Mutex // guards what follows
	value  any
	full   bool // value is one
	closed bool // the channel is
}

func (c *chanFeed) start(r *Reactor, f *feed) error {
	c.feed = f
	c.taken, c.stop, c.ended = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	r.group.Go(func() { // owner: the reactor, whose end waits for it; release stops it, or the end of its channel
		defer close(c.ended)
		c.receive(c)
	})
	return nil
}

// forward moves values from in to the slot.
func forward[T any](c *chanFeed, in <-chan T) {
	for {
		select {
		case v, ok := <-in:
			c.put(v, ok)
			if !ok {
				return
			}
		case <-c.stop:
			return
		}
		select {
		case <-c.taken:
		case <-c.stop:
			return
		}
	}
}

// put fills the slot, or says that the channel is closed.
func (c *chanFeed) put(v any, ok bool) {
	c.mu.Lock()
	if ok {
		c.value, c.full = v, true
	} else {
		c.closed = true
	}
	c.mu.Unlock()
	c.feed.place.Join()
}

func (c *chanFeed) take(to []Event) (int, state, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.full:
		to[0] = Value{c.feed.entry.id, c.value}
		c.value, c.full = nil, false
		c.taken <- struct{}{} // has room: the forwarder waits for it before it fills the slot again
		return 1, idle, nil
	case c.closed:
		return 0, over, nil
	}
	return 0, idle, nil
}

func (c *chanFeed) release() { close(c.stop) }

// rest waits for the forwarder, which may just be receiving.
func (c *chanFeed) rest() []Event {
	<-c.ended
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.full {
		return nil
	}
	c.full = false
	return []Event{Value{c.feed.entry.id, c.value}}
}
