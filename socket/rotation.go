package socket

// The two rotations that a pipe can be in.
const (
	inbound  = 0 // pipes that hold messages for the user: fair queueing
	outbound = 1 // pipes with room below the high-water mark: load balancing
)

// rotation serves the eligible ones of its pipes in turn: they stand in a line, and whoever was served goes to its end,
// as does whoever becomes eligible. So no pipe waits for more turns than there are others. Every operation is O(1).
// (libzmq's fair queue swaps places in an array instead, which can pass a pipe over again and again.)
type rotation struct {
	direction  int
	pipes      []*pipe // all members
	head, tail *pipe   // the line
	active     int     // its length
}

// turn is a pipe's place in a rotation's line.
type turn struct {
	prev, next *pipe
	active     bool
}

func (r *rotation) add(p *pipe) {
	p.slot[r.direction] = len(r.pipes)
	r.pipes = append(r.pipes, p)
}

func (r *rotation) has(p *pipe) bool {
	i := p.slot[r.direction]
	return i < len(r.pipes) && r.pipes[i] == p
}

func (r *rotation) remove(p *pipe) {
	if !r.has(p) {
		return
	}
	r.deactivate(p)
	i, last := p.slot[r.direction], len(r.pipes)-1
	r.pipes[i] = r.pipes[last]
	r.pipes[i].slot[r.direction] = i
	r.pipes[last] = nil
	r.pipes = r.pipes[:last]
}

func (r *rotation) activate(p *pipe) {
	t := &p.turn[r.direction]
	if t.active || !r.has(p) {
		return
	}
	*t = turn{prev: r.tail, active: true}
	if r.tail == nil {
		r.head = p
	} else {
		r.tail.turn[r.direction].next = p
	}
	r.tail = p
	r.active++
}

func (r *rotation) deactivate(p *pipe) {
	t := &p.turn[r.direction]
	if !t.active {
		return
	}
	if t.prev == nil {
		r.head = t.next
	} else {
		t.prev.turn[r.direction].next = t.next
	}
	if t.next == nil {
		r.tail = t.prev
	} else {
		t.next.turn[r.direction].prev = t.prev
	}
	*t = turn{}
	r.active--
}

// current is the pipe whose turn it is, nil when none is eligible.
func (r *rotation) current() *pipe { return r.head }

// advance sends current to the end of the line.
func (r *rotation) advance() {
	if p := r.head; p != r.tail {
		r.deactivate(p)
		r.activate(p)
	}
}
