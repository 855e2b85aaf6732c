package socket

// shrinkAbove is the capacity above which an empty queue gives its memory back.
const shrinkAbove = 64

// queue is a growing ring. It holds no lock: its owner's lock guards it.
type queue[T any] struct {
	buf  []T // len(buf) is a power of two
	head int
	n    int
}

func (q *queue[T]) len() int { return q.n }

func (q *queue[T]) push(v T) {
	if q.n == len(q.buf) {
		q.grow()
	}
	q.buf[(q.head+q.n)&(len(q.buf)-1)] = v
	q.n++
}

func (q *queue[T]) pop() T {
	var zero T
	v := q.buf[q.head]
	q.buf[q.head] = zero
	q.head = (q.head + 1) & (len(q.buf) - 1)
	q.n--
	if q.n == 0 && len(q.buf) > shrinkAbove {
		q.buf, q.head = nil, 0
	}
	return v
}

func (q *queue[T]) front() T { return q.buf[q.head] }

func (q *queue[T]) grow() {
	next := make([]T, max(4, 2*len(q.buf)))
	k := copy(next, q.buf[q.head:])
	copy(next[k:], q.buf[:q.head])
	q.buf, q.head = next, 0
}
