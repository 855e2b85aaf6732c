package bus

import (
	"cmp"
	"slices"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

// table finds the subscriptions whose prefix a topic starts with, byte by byte as libzmq compares; the prefix "" is
// every topic. A table never changes, so it is read without a lock and its address stands for what is in it. The zero
// table is empty.
type table struct {
	tree *iradix.Tree[[]sink] // prefix -> its sinks in subscription order, at least one
}

// with returns a table that also has s under prefix, or t itself if it has that already.
func (t *table) with(prefix string, s sink) *table {
	tree := t.tree
	if tree == nil {
		tree = iradix.New[[]sink]()
	}
	key := []byte(prefix) // the tree keeps it
	sinks, _ := tree.Get(key)
	at, found := find(sinks, s)
	if found {
		return t
	}
	more := make([]sink, 0, len(sinks)+1)
	more = append(append(append(more, sinks[:at]...), s), sinks[at:]...)
	tree, _, _ = tree.Insert(key, more)
	return &table{tree}
}

// without returns a table that has s under prefix no more, or t itself if it had not.
func (t *table) without(prefix string, s sink) *table {
	if t.tree == nil {
		return t
	}
	key := []byte(prefix)
	sinks, _ := t.tree.Get(key)
	at, found := find(sinks, s)
	if !found {
		return t
	}
	tree := t.tree
	if len(sinks) == 1 {
		tree, _, _ = tree.Delete(key)
	} else {
		tree, _, _ = tree.Insert(key, slices.Concat(sinks[:at], sinks[at+1:]))
	}
	return &table{tree}
}

// match appends to `to` every sink whose prefix topic starts with, in subscription order.
func (t *table) match(topic []byte, to []sink) []sink {
	if t.tree == nil {
		return to
	}
	first, prefixes := len(to), 0
	t.tree.Root().WalkPath(topic, func(_ []byte, sinks []sink) bool {
		to = append(to, sinks...)
		prefixes++
		return false
	})
	if prefixes > 1 { // the sinks of one prefix are in order already
		slices.SortFunc(to[first:], func(a, b sink) int { return cmp.Compare(a.order(), b.order()) })
	}
	return to
}

// find tells where s is, or belongs, in sinks. No two sinks have the same order.
func find(sinks []sink, s sink) (int, bool) {
	return slices.BinarySearchFunc(sinks, s.order(), func(a sink, order uint64) int { return cmp.Compare(a.order(), order) })
}
