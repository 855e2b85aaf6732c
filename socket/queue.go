package socket

import "sync"

// A queue keeps at most keepCap places of its own when it is empty; a bigger ring is borrowed while it is needed.
const (
	keepCap   = 8
	pooledCap = 1024
)

// queue is a growing ring. It holds no lock: its owner's lock guards it.
type queue[T any] struct {
	buf  []T // len(buf) is a power of two
	own  []T // the small ring, while buf is a borrowed one
	head int
	n    int
	pool *sync.Pool // of *[]T with pooledCap places; nil: none
	lent *[]T       // what buf was borrowed as
}

func (q *queue[T]) len() int { return q.n }

func (q *queue[T]) push(v T) {
	if q.n == len(q.buf) {
		q.grow()
	}
	q.buf[(q.head+q.n)&(len(q.buf)-1)] = v
	q.n++
}

func (q *queue[T]) pop() (v T) {
	q.popTo(&v)
	return v
}

// popTo is pop for elements that are too big to be returned through several calls.
func (q *queue[T]) popTo(to *T) {
	var zero T
	*to = q.buf[q.head]
	q.buf[q.head] = zero
	q.head = (q.head + 1) & (len(q.buf) - 1)
	q.n--
	if q.n == 0 && len(q.buf) > keepCap {
		q.shrink()
	}
}

func (q *queue[T]) grow() {
	size := max(4, 2*len(q.buf))
	var next []T
	var lent *[]T
	if q.pool != nil && size > keepCap && size <= pooledCap {
		lent = q.pool.Get().(*[]T)
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
func (q *queue[T]) shrink() {
	q.giveBack()
	q.buf, q.head, q.own = q.own, 0, nil
}

func (q *queue[T]) giveBack() {
	if q.lent != nil {
		q.pool.Put(q.lent)
		q.lent = nil
	}
}

// ringPool returns a pool for queues of T.
func ringPool[T any]() *sync.Pool {
	return &sync.Pool{New: func() any {
		ring := make([]T, pooledCap)
		return &ring
	}}
}
