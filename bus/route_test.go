package bus

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

func TestRoute(t *testing.T) {
	var sinks []sink
	for i, p := range []Policy{Block, DropNewest, Latest, Block, DropOldest} {
		sinks = append(sinks, &tableSink{seq: uint64(i + 1), pfx: []string{"md.q", ""}[i%2], pol: p})
	}
	tab := tableOf(sinks...)
	c := routeCache{prefix: "md."}
	for _, get := range map[string]func(string) *route{
		"get":      func(s string) *route { return c.get(tab, s) },
		"getBytes": func(s string) *route { return c.getBytes(tab, []byte(s)) },
	} {
		r := get("quote")
		if r.topic != "md.quote" || string(r.frame) != "md.quote" || r.table != tab {
			t.Errorf("route of %q, frame %q, table %p, want md.quote in %p", r.topic, r.frame, r.table, tab)
		}
		if cap(r.frame) != len(r.frame) {
			t.Error("append to the frame would write into memory that messages share")
		}
		if want := []sink{sinks[1], sinks[2], sinks[4]}; !slices.Equal(r.direct, want) {
			t.Errorf("direct: %q", tablePrefixes(r.direct))
		}
		if want := []sink{sinks[0], sinks[3]}; !slices.Equal(r.block, want) {
			t.Errorf("block: %q", tablePrefixes(r.block))
		}
	}
}

func TestRouteIsKeptUntilTheTableChanges(t *testing.T) {
	sinks := tableSinks("a", "b")
	tab := tableOf(sinks[0])
	var c routeCache
	first := c.get(tab, "ab")
	for range 10 {
		if c.get(tab, "ab") != first || c.getBytes(tab, []byte("ab")) != first {
			t.Fatal("a route was made anew for the same table")
		}
	}
	c.get(tab, "b")
	more := tab.with("b", sinks[1])
	for range 3 {
		if r := c.get(more, "b"); r.table != more || !slices.Equal(r.direct, sinks[1:]) {
			t.Fatalf("a route of another table: %q", tablePrefixes(r.direct))
		}
		if r := c.getBytes(more, []byte("b")); r.table != more {
			t.Fatalf("a route of another table: %q", tablePrefixes(r.direct))
		}
		// Publishers that loaded the table earlier come later.
		if r := c.getBytes(tab, []byte("b")); r.table != tab || len(r.direct) != 0 {
			t.Fatalf("a route of another table: %q", tablePrefixes(r.direct))
		}
		if r := c.get(tab, "b"); r.table != tab {
			t.Fatalf("a route of another table: %q", tablePrefixes(r.direct))
		}
	}
}

// A hit reads a map that never changes: it neither allocates nor takes the lock.
func TestRouteHit(t *testing.T) {
	tab := tableOf(tableSinks("md.", "md.quote.")...)
	c := routeCache{prefix: "md."}
	suffixes, raw := routeSuffixes(1000)
	for range 2 {
		for _, s := range suffixes {
			c.get(tab, s)
		}
	}
	before, i := c.missed, 0
	allocs := testing.AllocsPerRun(2000, func() {
		r, b := c.get(tab, suffixes[i%1000]), c.getBytes(tab, raw[i%1000])
		if r != b || r.topic[3:] != suffixes[i%1000] {
			t.Fatalf("got %q for %q", r.topic, suffixes[i%1000])
		}
		i++
	})
	if allocs != 0 {
		t.Errorf("%v allocations per hit", allocs)
	}
	if c.missed != before {
		t.Errorf("%d calls took the lock", c.missed-before)
	}
}

func TestRouteCacheIsBounded(t *testing.T) {
	thousand := tableSinks(make([]string, 1000)...) // each of the prefix ""
	for _, c := range []struct {
		name   string
		table  *table
		length int
		topics int
	}{
		{"many short topics", tableOf(tableSinks("")...), 10, 2*maxRoutes + 10},
		{"many long topics", tableOf(tableSinks("")...), maxRouteTopic, 2*maxRoutes + 10},
		{"many subscriptions", tableOf(thousand...), 10, 2 * maxRouteBytes / (16 * 1000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			var cache routeCache
			most := 0
			for i := range c.topics {
				topic := fmt.Sprintf("%0*d", c.length, i)
				for range 3 { // again, so that it is put where hits are read
					if r := cache.get(c.table, topic); r.topic != topic {
						t.Fatalf("got %q for %q", r.topic, topic)
					}
				}
				if i%97 == 0 {
					most = max(most, routeCheckBounds(t, &cache))
				}
			}
			if most < 100 {
				t.Errorf("kept %d routes at most", most)
			}
		})
	}
}

// routeCheckBounds counts what c keeps, and returns how many routes that is.
func routeCheckBounds(t *testing.T, c *routeCache) int {
	t.Helper()
	size := 0
	for _, r := range c.all {
		size += r.size()
	}
	if len(c.all) > maxRoutes || size > maxRouteBytes || size != c.bytes {
		t.Fatalf("%d routes of %d bytes (counted as %d)", len(c.all), size, c.bytes)
	}
	if s := c.read.Load(); s != nil && len(s.routes) > len(c.all) {
		t.Fatalf("%d routes are read, %d known", len(s.routes), len(c.all))
	}
	return len(c.all)
}

func TestRouteNotKept(t *testing.T) {
	// As with so many subscriptions, which would take long to put in one by one.
	huge, _, _ := iradix.New[[]sink]().Insert(nil, slices.Repeat(tableSinks(""), maxRouteBytes/16))
	one := tableOf(tableSinks("")...)
	for name, c := range map[string]struct {
		table *table
		topic string
		keeps int // of the route to "y", which is asked for first
	}{
		"a very long topic":      {one, strings.Repeat("x", maxRouteTopic+1), 1},
		"too long by its prefix": {one, strings.Repeat("x", maxRouteTopic-1), 1},
		"a route that is huge":   {&table{huge}, "x", 0},
	} {
		cache := routeCache{prefix: "ab"}
		cache.get(new(table), "of a table that was")
		first := cache.get(c.table, "y")
		for range 3 {
			if r := cache.getBytes(c.table, []byte(c.topic)); r.topic != "ab"+c.topic || len(r.direct) == 0 {
				t.Fatalf("%s: wrong route", name)
			}
		}
		if n := routeCheckBounds(t, &cache); n != c.keeps {
			t.Errorf("%s: %d routes are kept, want %d", name, n, c.keeps)
		}
		if c.keeps > 0 && cache.get(c.table, "y") != first {
			t.Errorf("%s: it drove out another", name)
		}
	}
}

// A suffix may be a few bytes of a string of megabytes, which a kept route must not keep too.
func TestRouteKeepsNoStringOfOthers(t *testing.T) {
	suffix := strings.Repeat("x", 100)
	for _, prefix := range []string{"", "a."} {
		c := routeCache{prefix: prefix}
		r := c.get(new(table), suffix)
		if unsafe.StringData(r.topic[len(prefix):]) == unsafe.StringData(suffix) {
			t.Errorf("prefix %q: the topic is the caller's", prefix)
		}
		for key := range c.all {
			if unsafe.StringData(key) == unsafe.StringData(suffix) {
				t.Errorf("prefix %q: the key is the caller's", prefix)
			}
		}
	}
}

func TestRouteConcurrent(t *testing.T) {
	const readers, rounds = 4, 5000
	sinks := tableSinks("", "1", "12", "3", "31", "")
	suffixes, raw := routeSuffixes(50)
	var current atomic.Pointer[table]
	current.Store(tableOf(sinks[0]))
	var c routeCache
	var wg sync.WaitGroup
	for range readers { // they end by themselves; Wait below
		wg.Go(func() {
			for i := range rounds {
				tab := current.Load()
				r := c.get(tab, suffixes[i%50])
				if i%2 == 0 {
					r = c.getBytes(tab, raw[i%50])
				}
				if r.table != tab || r.topic != suffixes[i%50] || !slices.Equal(r.direct, tab.match(raw[i%50], nil)) {
					t.Errorf("wrong route for %q: %q of %p, want one of %p", suffixes[i%50], r.topic, r.table, tab)
					return
				}
			}
		})
	}
	for i := range rounds {
		s := sinks[1+i%5]
		if tab := current.Load(); i/5%2 == 0 {
			current.Store(tab.with(s.prefix(), s))
		} else {
			current.Store(tab.without(s.prefix(), s))
		}
	}
	wg.Wait()
}

func routeSuffixes(n int) (texts []string, raw [][]byte) {
	for i := range n {
		s := fmt.Sprintf("%dquote.EURUSD", i)
		texts, raw = append(texts, s), append(raw, []byte(s))
	}
	return texts, raw
}
