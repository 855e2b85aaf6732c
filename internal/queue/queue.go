// Package queue holds the ring that inbound pipes and subscriptions keep their messages in.
package queue

import "sync"

// A queue keeps at most keepCap places of its own when it is empty; a bigger ring is borrowed while it is needed.
const (
	keepCap   = 8
	pooledCap = 1024
)

// Queue is a growing ring, whose zero value is empty. It holds no lock: its owner's lock guards it.
type Queue[T any] struct {
	buf  []T // len(buf) is a power of two
	own  []T // the small ring, while buf is a borrowed one
	head int
	n    int
	Pool *sync.Pool // what Rings made, shared with other queues; nil: none
	lent *[]T       // what buf was borrowed as
}

// Len returns how many elements there are.
func (q *Queue[T]) Len() int { return q.n }

// Push adds v behind the others.
func (q *Queue[T]) Push(v T) {
	if q.n == len(q.buf) {
		q.grow()
	}
	q.buf[(q.head+q.n)&(len(q.buf)-1)] = v
	q.n++
}

// Pop takes the oldest element; there must be one.
func (q *Queue[T]) Pop() (v T) {
	q.PopTo(&v)
	return v
}

// PopTo is Pop for elements that are too big to be returned through several calls.
func (q *Queue[T]) PopTo(to *T) {
	var zero T
	*to = q.buf[q.head]
	q.buf[q.head] = zero
	q.head = (q.head + 1) & (len(q.buf) - 1)
	q.n--
	if q.n == 0 && len(q.buf) > keepCap {
		q.shrink()
	}
}

// At returns the element i places behind the oldest, in place: it is valid until the next Push or Pop.
func (q *Queue[T]) At(i int) *T { return &q.buf[(q.head+i)&(len(q.buf)-1)] }

func (q *Queue[T]) grow() {
	size := max(4, 2*len(q.buf))
	var next []T
	var lent *[]T
	if q.Pool != nil && size > keepCap && size <= pooledCap {
		lent = q.Pool.Get().(*[]T)
		next = *lent
		q.own = q.buf
	} else {
		next = make([]T, size)
	}
	k := copy(next, q.buf[q.head:])
	copy(next[k:], q.buf[:q.head])
	clear(q.buf) // it may be kept, or lent to another queue
	q.giveBack()
	q.buf, q.head, q.lent = next, 0, lent
}

// shrink returns to the small ring. The big one is empty: pop has cleared each place.
func (q *Queue[T]) shrink() {
	q.giveBack()
	q.buf, q.head, q.own = q.own, 0, nil
}

func (q *Queue[T]) giveBack() {
	if q.lent != nil {
		q.Pool.Put(q.lent)
		q.lent = nil
	}
}

// Rings returns a pool for queues of T.
func Rings[T any]() *sync.Pool {
	return &sync.Pool{New: func() any {
		ring := make([]T, pooledCap)
		return &ring
	}}
}
