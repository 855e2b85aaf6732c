package readiness

import "sync"

// Line is the ready list of one who waits for many sources: each stands in it at most once, first come first served,
// and whoever joins pokes C. Its methods may be called from any goroutine, also under a producer's locks: none blocks.
// Every operation is O(1) and allocates nothing.
type Line[T any] struct {
	c chan struct{}

	mu         sync.Mutex // guards what follows, and the links of all places
	head, tail *Place[T]
	n          int
}

// Place is one source's place in a Line.
type Place[T any] struct {
	Of         T // whose place it is; not changed after NewPlace
	line       *Line[T]
	prev, next *Place[T]
	standing   bool
}

// NewLine returns an empty line.
func NewLine[T any]() *Line[T] { return &Line[T]{c: make(chan struct{}, 1)} }

// NewPlace returns a place that does not stand in the line yet.
func (l *Line[T]) NewPlace(of T) *Place[T] { return &Place[T]{Of: of, line: l} }

// C holds a token when somebody has joined since the last one was taken; who takes it looks at the line.
func (l *Line[T]) C() <-chan struct{} { return l.c }

// Poke puts a token into C, if there is none.
func (l *Line[T]) Poke() {
	select {
	case l.c <- struct{}{}:
	default:
	}
}

// Join puts p at the end of its line and pokes, unless p stands there already. It is what a Waiter's wake function
// calls.
func (p *Place[T]) Join() {
	if p.Return() {
		p.line.Poke()
	}
}

// Return is Join without the poke, for the one who reads the line. It reports whether p was not standing there yet.
func (p *Place[T]) Return() bool {
	l := p.line
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.standing {
		return false
	}
	p.standing, p.prev, p.next = true, l.tail, nil
	if l.tail == nil {
		l.head = p
	} else {
		l.tail.next = p
	}
	l.tail = p
	l.n++
	return true
}

// Leave takes p out of its line, wherever it stands.
func (p *Place[T]) Leave() {
	p.line.mu.Lock()
	defer p.line.mu.Unlock()
	p.line.unlink(p)
}

// Next takes the first out of the line; ok is false when nobody stands in it.
func (l *Line[T]) Next() (of T, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.head
	if p == nil {
		return of, false
	}
	l.unlink(p)
	return p.Of, true
}

// Len returns how many stand in the line.
func (l *Line[T]) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

func (l *Line[T]) unlink(p *Place[T]) {
	if !p.standing {
		return
	}
	if p.prev == nil {
		l.head = p.next
	} else {
		p.prev.next = p.next
	}
	if p.next == nil {
		l.tail = p.prev
	} else {
		p.next.prev = p.prev
	}
	p.prev, p.next, p.standing = nil, nil, false
	l.n--
}
