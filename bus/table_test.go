package bus

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// tableSink is a sink of which only the routing is used; any other method panics.
type tableSink struct {
	sink
	seq uint64
	pfx string
	pol Policy
}

func (s *tableSink) order() uint64  { return s.seq }
func (s *tableSink) policy() Policy { return s.pol }
func (s *tableSink) prefix() string { return s.pfx }

// tableSinks makes a sink of each prefix, in subscription order.
func tableSinks(prefixes ...string) []sink {
	var sinks []sink
	for i, p := range prefixes {
		sinks = append(sinks, &tableSink{seq: uint64(i + 1), pfx: p})
	}
	return sinks
}

func tableOf(sinks ...sink) *table {
	t := new(table)
	for _, s := range sinks {
		t = t.with(s.prefix(), s)
	}
	return t
}

func tablePrefixes(sinks []sink) string {
	var names []string
	for _, s := range sinks {
		names = append(names, fmt.Sprintf("%d:%s", s.order(), s.prefix()))
	}
	return strings.Join(names, " ")
}

func TestTableMatch(t *testing.T) {
	all := tableOf(tableSinks("md.", "md.quote.EUR", "", "md.", "md.quote.", "sys", "md.quote.EURUSD", "m\x00", "\xff")...)
	for _, c := range []struct {
		table       *table
		topic, want string
	}{
		{all, "md.quote.EURUSD", "1:md. 2:md.quote.EUR 3: 4:md. 5:md.quote. 7:md.quote.EURUSD"},
		{all, "md.quote.EURUS", "1:md. 2:md.quote.EUR 3: 4:md. 5:md.quote."},
		{all, "md.trade", "1:md. 3: 4:md."},
		{all, "md", "3:"},
		{all, "", "3:"},
		{all, "sys", "3: 6:sys"},
		{all, "SYS", "3:"},
		{all, "m\x00\x01", "3: 8:m\x00"},
		{all, "\xff\xff", "3: 9:\xff"},
		{all, "é", "3:"},
		{tableOf(tableSinks("a.")...), "b", ""},
		{tableOf(tableSinks("a.")...), "", ""},
		{new(table), "a", ""},
	} {
		if got := tablePrefixes(c.table.match([]byte(c.topic), nil)); got != c.want {
			t.Errorf("%q matches %q, want %q", c.topic, got, c.want)
		}
	}
}

func TestTableMatchAppends(t *testing.T) {
	sinks := tableSinks("a", "", "z")
	got := tableOf(sinks...).match([]byte("ab"), sinks[2:])
	if want := "3:z 1:a 2:"; tablePrefixes(got) != want {
		t.Errorf("got %q, want %q: what was there stays in front", tablePrefixes(got), want)
	}
}

// The address of a table stands for what is in it, so a change of nothing keeps it.
func TestTableChangeOfNothing(t *testing.T) {
	sinks := tableSinks("a", "a", "b")
	full := tableOf(sinks[0])
	for name, same := range map[string]*table{
		"the same sink again":      full.with("a", sinks[0]),
		"remove an unknown sink":   full.without("a", sinks[1]),
		"remove an unknown prefix": full.without("b", sinks[2]),
	} {
		if same != full {
			t.Errorf("%s: a new table", name)
		}
	}
	if empty := new(table); empty.without("a", sinks[0]) != empty {
		t.Error("remove from an empty table: a new table")
	}
}

// TestTableModel compares each table that ever was with a linear scan over what was put into it. A change starts from
// any of them, so it also shows that changes leave other tables alone.
func TestTableModel(t *testing.T) {
	text := rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.SampledFrom([]byte{'a', 'b', '.', 0, 0xff}), 0, 4).Draw(t, "text"))
	})
	type version struct {
		table *table
		sinks []sink // in subscription order
	}
	rapid.Check(t, func(t *rapid.T) {
		versions := []version{{new(table), nil}}
		used := map[uint64]bool{}
		from := func() version { return rapid.SampledFrom(versions).Draw(t, "from") }
		t.Repeat(map[string]func(*rapid.T){
			"subscribe": func(t *rapid.T) { // not in subscription order: goroutines that subscribe overtake each other
				s := &tableSink{seq: rapid.Uint64Range(1, 1000).Draw(t, "order"), pfx: text.Draw(t, "prefix")}
				if used[s.seq] {
					t.Skip("no two sinks have the same order")
				}
				used[s.seq] = true
				v := from()
				sinks := append(slices.Clone(v.sinks), s)
				slices.SortFunc(sinks, func(a, b sink) int { return cmp.Compare(a.order(), b.order()) })
				versions = append(versions, version{v.table.with(s.pfx, s), sinks})
			},
			"unsubscribe": func(t *rapid.T) {
				v := from()
				if len(v.sinks) == 0 {
					t.Skip("nothing to remove")
				}
				i := rapid.IntRange(0, len(v.sinks)-1).Draw(t, "which")
				s := v.sinks[i]
				versions = append(versions, version{
					v.table.without(s.prefix(), s), slices.Delete(slices.Clone(v.sinks), i, i+1),
				})
			},
			"": func(t *rapid.T) {
				topic := text.Draw(t, "topic")
				for i, v := range versions {
					tableCheck(t, fmt.Sprintf("version %d of %d", i, len(versions)), v.table, v.sinks, topic)
				}
			},
		})
	})
}

// tableCheck wants from tab what a linear scan over all sinks finds, and no prefix without a sink.
func tableCheck(t *rapid.T, name string, tab *table, all []sink, topic string) {
	var want []sink
	prefixes := map[string]bool{}
	for _, s := range all {
		prefixes[s.prefix()] = true
		if strings.HasPrefix(topic, s.prefix()) {
			want = append(want, s)
		}
	}
	if got := tab.match([]byte(topic), nil); !slices.Equal(got, want) {
		t.Fatalf("%s: %q matches %q, want %q", name, topic, tablePrefixes(got), tablePrefixes(want))
	}
	if tab.tree != nil && tab.tree.Len() != len(prefixes) {
		t.Fatalf("%s: it keeps %d prefixes of %d", name, tab.tree.Len(), len(prefixes))
	}
}
