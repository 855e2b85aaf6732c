package bus

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

// benchTable is a table of n random dotted prefixes with one sink each, topics to look for, and what they match.
type benchTable struct {
	table      *table
	sink       sink
	hits, miss [][]byte
	want       []int    // how many sinks each of hits matches
	fresh      []string // prefixes that it does not have
	perPrefix  float64  // bytes of heap
}

const benchTopics = 1024

func benchPrefix(r *rand.Rand) string {
	letters := func(least, most int) string {
		b := make([]byte, least+r.IntN(most-least+1))
		for i := range b {
			b[i] = byte('A' + r.IntN(26))
		}
		return string(b)
	}
	kinds := []string{"quote", "trade", "book", "status", "order", "fill", "news", "metric"}
	p := fmt.Sprintf("md.%s.X%02d.%s", kinds[r.IntN(len(kinds))], r.IntN(50), letters(3, 6))
	switch r.IntN(4) {
	case 0:
		return p
	case 1:
		return p + "." + letters(2, 4) + "."
	}
	return p + "."
}

func benchHeap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

func newBenchTable(n int) *benchTable {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	known := make(map[string]bool, n)
	prefixes := make([]string, 0, n)
	for len(prefixes) < n {
		if p := benchPrefix(r); !known[p] {
			known[p] = true
			prefixes = append(prefixes, p)
		}
	}
	bt := &benchTable{table: new(table), sink: &tableSink{seq: 1}}
	before := benchHeap()
	for _, p := range prefixes {
		bt.table = bt.table.with(p, bt.sink)
	}
	bt.perPrefix = (benchHeap() - before) / float64(n)

	count := func(topic string) (n int) { // by another way than the table's
		for i := range len(topic) + 1 {
			if known[topic[:i]] {
				n++
			}
		}
		return n
	}
	for len(bt.hits) < benchTopics {
		topic := prefixes[r.IntN(n)] + "bid"
		bt.hits, bt.want = append(bt.hits, []byte(topic)), append(bt.want, count(topic))
	}
	for len(bt.miss) < benchTopics {
		if p := benchPrefix(r); count(p) == 0 {
			bt.miss, bt.fresh = append(bt.miss, []byte(p+"bid")), append(bt.fresh, p)
		}
	}
	return bt
}

// BenchmarkMatch finds the sinks of topics that match one or two prefixes (hit) or none (miss), and puts in and takes
// out one prefix (update).
func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{10, 10_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			bt := newBenchTable(n)
			to := make([]sink, 0, 16)
			b.Run("hit", func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if to = bt.table.match(bt.hits[i%benchTopics], to[:0]); len(to) != bt.want[i%benchTopics] {
						b.Fatalf("%q matches %d, want %d", bt.hits[i%benchTopics], len(to), bt.want[i%benchTopics])
					}
				}
				b.ReportMetric(bt.perPrefix, "B/prefix")
			})
			b.Run("miss", func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if to = bt.table.match(bt.miss[i%benchTopics], to[:0]); len(to) != 0 {
						b.Fatalf("%q matches %d", bt.miss[i%benchTopics], len(to))
					}
				}
			})
			b.Run("update", func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					p := bt.fresh[i%benchTopics]
					with := bt.table.with(p, bt.sink)
					if with == bt.table || with.without(p, bt.sink) == with {
						b.Fatalf("%q changed nothing", p)
					}
				}
			})
		})
	}
}

// BenchmarkRoute is what a publication pays for matching when its topic was published before.
func BenchmarkRoute(b *testing.B) {
	for _, topics := range []int{1, 1000} {
		tab := tableOf(tableSinks("md.", "md.quote.")...)
		suffixes, raw := routeSuffixes(topics)
		c := routeCache{prefix: "md."}
		for range 2 {
			for _, s := range suffixes {
				c.get(tab, s)
			}
		}
		run := func(name string, get func(i int) *route) {
			b.Run(fmt.Sprintf("%s/%d", name, topics), func(b *testing.B) {
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					if r := get(i); len(r.topic) != len("md.")+len(suffixes[i]) {
						b.Fatalf("got %q for %q", r.topic, suffixes[i])
					}
					if i++; i == topics {
						i = 0
					}
				}
			})
		}
		run("string", func(i int) *route { return c.get(tab, suffixes[i]) })
		run("bytes", func(i int) *route { return c.getBytes(tab, raw[i]) })
	}
	b.Run("parallel/1000", func(b *testing.B) {
		tab := tableOf(tableSinks("md.", "md.quote.")...)
		suffixes, _ := routeSuffixes(1000)
		c := routeCache{prefix: "md."}
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				if r := c.get(tab, suffixes[i%1000]); r.table != tab {
					b.Error("a route of another table")
				}
			}
		})
	})
}

// BenchmarkRouteMiss is a topic that was never published before, each time.
func BenchmarkRouteMiss(b *testing.B) {
	tab := tableOf(tableSinks("", "md.quote.")...)
	var c routeCache
	buf := []byte("md.quote.0000000000000000")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		for at, n := len(buf)-1, i; n > 0; at, n = at-1, n/10 {
			buf[at] = '0' + byte(n%10)
		}
		if r := c.getBytes(tab, buf); len(r.direct) != 2 {
			b.Fatalf("%d sinks", len(r.direct))
		}
	}
}
