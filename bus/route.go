package bus

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Bounds of one routeCache. Topics can come from a remote peer, and a popular topic's route lists every subscription,
// so that entries alone are no bound for memory.
const (
	maxRoutes     = 4096
	maxRouteTopic = 1 << 10 // bytes; a longer topic is matched each time
	maxRouteBytes = 8 << 20
)

// route is what a publication on one topic needs to know. It never changes.
type route struct {
	topic  string
	frame  []byte // topic as a message's first frame: shared by all messages, read only
	table  *table // what it was made from
	direct []sink // not Block, in subscription order
	block  []sink // Block, in subscription order
}

func newRoute(t *table, prefix, suffix string) *route {
	frame := append(append(make([]byte, 0, len(prefix)+len(suffix)), prefix...), suffix...)
	// topic is a copy, even of an empty prefix and a suffix: a suffix may be a small part of a big string.
	r := &route{topic: string(frame), frame: frame, table: t}
	for _, s := range t.match(frame, nil) {
		if s.policy() == Block {
			r.block = append(r.block, s)
		} else {
			r.direct = append(r.direct, s)
		}
	}
	return r
}

// size returns about how many bytes r keeps in a cache.
func (r *route) size() int {
	const fixed, perSink = 160, 16 // the struct and its place in the map; an interface
	return fixed + 2*len(r.topic) + perSink*(cap(r.direct)+cap(r.block))
}

// routeCache keeps the routes of the topics that begin with prefix. The zero value is ready, and safe for use by several
// goroutines. A hit takes no lock: it reads a map that never changes. New routes gather in a copy of that map, which
// takes its place when it has been asked as often as it has entries, so that copying costs a fixed share of each miss.
type routeCache struct {
	prefix string
	read   atomic.Pointer[routeSet] // nil: nothing

	mu     sync.Mutex        // guards what follows
	table  *table            // what all were made from
	all    map[string]*route // by suffix; a superset of read's
	shared bool              // all is read's map: copy it before a change
	missed int               // times that all was asked since it was copied
	bytes  int               // of all
}

// routeSet never changes.
type routeSet struct {
	table  *table
	routes map[string]*route
}

// get returns the route of prefix+suffix in t. It does not allocate when it has one.
func (c *routeCache) get(t *table, suffix string) *route {
	if s := c.read.Load(); s != nil && s.table == t {
		if r := s.routes[suffix]; r != nil {
			return r
		}
	}
	return c.miss(t, suffix)
}

// getBytes is get for a suffix that was received. It does not keep the bytes.
func (c *routeCache) getBytes(t *table, suffix []byte) *route {
	if s := c.read.Load(); s != nil && s.table == t {
		if r := s.routes[string(suffix)]; r != nil {
			return r
		}
	}
	return c.miss(t, string(suffix))
}

func (c *routeCache) miss(t *table, suffix string) *route {
	if len(c.prefix)+len(suffix) > maxRouteTopic {
		return newRoute(t, c.prefix, suffix)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.table != t {
		c.clear()
		c.table = t
	}
	r := c.all[suffix]
	if r == nil {
		r = newRoute(t, c.prefix, suffix)
		if !c.add(r) {
			return r
		}
	}
	c.missed++
	if !c.shared && c.missed >= len(c.all) {
		c.read.Store(&routeSet{t, c.all})
		c.shared = true
	}
	return r
}

// add keeps r, if need be in the place of all others. It reports whether it could. The caller holds mu.
func (c *routeCache) add(r *route) bool {
	size := r.size()
	if size > maxRouteBytes {
		return false
	}
	if len(c.all) == maxRoutes || c.bytes+size > maxRouteBytes {
		c.clear()
	}
	switch {
	case c.all == nil:
		c.all = map[string]*route{}
	case c.shared:
		c.all, c.shared, c.missed = maps.Clone(c.all), false, 0
	}
	c.all[r.topic[len(c.prefix):]] = r
	c.bytes += size
	return true
}

// clear forgets all routes. The caller holds mu.
func (c *routeCache) clear() {
	c.read.Store(nil)
	c.all, c.shared, c.missed, c.bytes = nil, false, 0, 0
}
