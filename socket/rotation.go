package socket

// The two rotations that a pipe can be in.
const (
	inbound  = 0 // pipes that hold messages for the user: fair queueing
	outbound = 1 // pipes with room below the high-water mark: load balancing
)

// rotation serves pipes in turn: pipes[:active] are eligible, the rest wait to become so. It is libzmq's fair queue
// and load balancer in one. Every operation is O(1).
type rotation struct {
	direction int
	pipes     []*pipe
	active    int
	next      int
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
	last := len(r.pipes) - 1
	r.swap(p.slot[r.direction], last)
	r.pipes[last] = nil
	r.pipes = r.pipes[:last]
}

func (r *rotation) activate(p *pipe) {
	if r.has(p) && p.slot[r.direction] >= r.active {
		r.swap(p.slot[r.direction], r.active)
		r.active++
	}
}

func (r *rotation) deactivate(p *pipe) {
	i := p.slot[r.direction]
	if !r.has(p) || i >= r.active {
		return
	}
	r.active--
	r.swap(i, r.active)
	if r.next >= r.active {
		r.next = 0
	}
}

// current is the pipe whose turn it is, nil when none is eligible.
func (r *rotation) current() *pipe {
	if r.active == 0 {
		return nil
	}
	return r.pipes[r.next]
}

// advance gives the turn to the pipe after current.
func (r *rotation) advance() {
	r.next++
	if r.next >= r.active {
		r.next = 0
	}
}

func (r *rotation) swap(i, j int) {
	a, b := r.pipes[i], r.pipes[j]
	r.pipes[i], r.pipes[j] = b, a
	a.slot[r.direction], b.slot[r.direction] = j, i
}
