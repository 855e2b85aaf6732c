package bus

import (
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

// TestTableModel compares each table that ever was with a linear scan over what was in it, so it also shows that later
// changes leave a table alone.
func TestTableModel(t *testing.T) {
	text := rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.SampledFrom([]byte{'a', 'b', '.', 0, 0xff}), 0, 5).Draw(t, "text"))
	})
	type version struct {
		table *table
		sinks []sink // in subscription order
	}
	rapid.Check(t, func(t *rapid.T) {
		versions := []version{{new(table), nil}}
		seq := uint64(0)
		last := func() version { return versions[len(versions)-1] }
		t.Repeat(map[string]func(*rapid.T){
			"subscribe": func(t *rapid.T) {
				seq++
				s := &tableSink{seq: seq, pfx: text.Draw(t, "prefix")}
				versions = append(versions, version{last().table.with(s.pfx, s), append(slices.Clone(last().sinks), s)})
			},
			// A table is changed in the order of the bus's lock, which may differ from subscription order.
			"subscribe an older one": func(t *rapid.T) {
				seq += 2
				older, newer := &tableSink{seq: seq - 1, pfx: text.Draw(t, "older")}, &tableSink{seq: seq, pfx: text.Draw(t, "newer")}
				versions = append(versions, version{
					last().table.with(newer.pfx, newer).with(older.pfx, older), append(slices.Clone(last().sinks), older, newer),
				})
			},
			"unsubscribe": func(t *rapid.T) {
				if len(last().sinks) == 0 {
					t.Skip("nothing to remove")
				}
				i := rapid.IntRange(0, len(last().sinks)-1).Draw(t, "which")
				s := last().sinks[i]
				versions = append(versions, version{
					last().table.without(s.prefix(), s), slices.Delete(slices.Clone(last().sinks), i, i+1),
				})
			},
			"": func(t *rapid.T) {
				topic := text.Draw(t, "topic")
				for i, v := range versions {
					var want []sink
					for _, s := range v.sinks {
						if strings.HasPrefix(topic, s.prefix()) {
							want = append(want, s)
						}
					}
					if got := v.table.match([]byte(topic), nil); !slices.Equal(got, want) {
						t.Fatalf("version %d of %d: %q matches %q, want %q", i, len(versions), topic, tablePrefixes(got), tablePrefixes(want))
					}
				}
			},
		})
	})
}
