package reactor

// core decides whose turn it is. It is plain data without goroutine, clock or lock, so that tests drive it with scripts;
// the driver calls it under its own lock. Every operation is O(1), and only add and remove touch the allocator. Unknown
// ids are ignored: a source may be removed while a wake-up of it is on its way.
//
// Sources stand in line once each, first come first served, and go to the end after a turn of at most budget events. So
// one that becomes ready is served after at most budget x (other sources) taken events, not counting what sources with a
// handler take while there is no room for an event of this one.
//
// The line is kept as two, of the sources that need room and of those that do not, each in order of arrival: whoever has
// come first of the two heads is next, and while there is no room nobody has to be passed over one by one.
type core struct {
	budget  int
	sources map[ID]*coreSource
	lines   [2]coreLine // by coreSource.kind
	tickets uint64      // of the last to join a line; 64 bits last longer than the process
}

// coreSource is what the core knows of one source.
type coreSource struct {
	id   ID
	kind int // needsRoom or hasHandler

	standing bool // in its line
	turn     bool // between next and served
	paused   bool
	more     bool // has something to take, and does not stand in line for it because it is paused or has its turn

	ticket     uint64 // its number in the order of arrival, while it stands in line
	prev, next *coreSource
}

// The kinds of sources, by where their events go; indices of core.lines.
const (
	needsRoom  = iota // there, on Events()
	hasHandler        // called at once
)

func newCore(budget int) *core {
	return &core{budget: budget, sources: make(map[ID]*coreSource)}
}

// add makes id known. It is not in line before it is ready.
func (c *core) add(id ID, direct bool) {
	if c.sources[id] != nil {
		return
	}
	t := &coreSource{id: id}
	if direct {
		t.kind = hasHandler
	}
	c.sources[id] = t
}

// remove forgets id, wherever it stands; its turn, if it has it, is nobody's then.
func (c *core) remove(id ID) {
	if t := c.sources[id]; t != nil {
		c.leave(t)
		delete(c.sources, id)
	}
}

// ready tells that id has something to take: it joins the end of its line, unless it stands there. While it is paused
// or has its turn that is remembered.
func (c *core) ready(id ID) {
	if t := c.sources[id]; t != nil && !t.standing {
		t.more = true
		c.join(t)
	}
}

// pause keeps id out of the line until resume.
func (c *core) pause(id ID) {
	if t := c.sources[id]; t != nil {
		t.more = t.more || t.standing
		t.paused = true
		c.leave(t)
	}
}

// resume takes pause back: one that was ready, or has become ready meanwhile, joins the end of its line.
func (c *core) resume(id ID) {
	if t := c.sources[id]; t != nil {
		t.paused = false
		c.join(t)
	}
}

// next takes the source whose turn it is out of the line, and says how many events it may take: budget, or what there
// is room for if that is less and it needs room. Without room those that need it keep their places. After the turn the
// caller calls served.
func (c *core) next(room int) (id ID, quota int, ok bool) {
	t := c.lines[hasHandler].head
	if first := c.lines[needsRoom].head; room > 0 && first != nil && (t == nil || first.ticket < t.ticket) {
		t = first
	}
	if t == nil {
		return 0, 0, false
	}
	c.leave(t)
	t.turn = true
	if t.kind == hasHandler {
		return t.id, c.budget, true
	}
	return t.id, min(c.budget, room), true
}

// served ends the turn of id: it goes to the end of its line when it has more, or has become ready during the turn.
func (c *core) served(id ID, more bool) {
	if t := c.sources[id]; t != nil && t.turn {
		t.turn = false
		t.more = t.more || more
		c.join(t)
	}
}

// join puts t at the end of its line if it has something to take and may stand there.
func (c *core) join(t *coreSource) {
	if !t.more || t.standing || t.turn || t.paused {
		return
	}
	c.tickets++
	t.standing, t.more, t.ticket = true, false, c.tickets
	c.lines[t.kind].push(t)
}

func (c *core) leave(t *coreSource) {
	if t.standing {
		t.standing = false
		c.lines[t.kind].unlink(t)
	}
}

// coreLine is a doubly linked list of sources, in order of their tickets.
type coreLine struct{ head, tail *coreSource }

func (l *coreLine) push(t *coreSource) {
	t.prev, t.next = l.tail, nil
	if l.tail == nil {
		l.head = t
	} else {
		l.tail.next = t
	}
	l.tail = t
}

func (l *coreLine) unlink(t *coreSource) {
	if t.prev == nil {
		l.head = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		l.tail = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.prev, t.next = nil, nil
}
