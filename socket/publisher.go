package socket

import (
	"github.com/go-zeromq/zmq4"
	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"zmqbus/monitor"
)

// subscriptionMsg is a subscription on its way up to XPUB's user.
type subscriptionMsg struct {
	it item
	p  *pipe
}

// publisher distributes each message to the peers that subscribed to a prefix of its first frame (RFC 29). It filters
// on its own side. XPUB also hands subscriptions up, through a queue of its own that never blocks a reader.
type publisher struct {
	fairQueue
	xpub        bool
	table       subscriptionTable
	upward      queue[subscriptionMsg]
	manual      *pipe // XPubManual: whose subscription the user took last
	round       uint64
	targets     []*pipe
	subscribers int // pipes with at least one subscription
}

func newPublisher(base fairQueue) *publisher {
	return &publisher{
		fairQueue: base,
		xpub:      base.s.typ == zmq4.XPub,
		table:     subscriptionTable{tree: iradix.New[map[*pipe]struct{}]()},
	}
}

func (d *publisher) identify(p *pipe, _ string) bool {
	if welcome := d.s.st.xpubWelcome; d.xpub && welcome != nil {
		p.push(zmq4.NewMsg(welcome))
	}
	return true
}

// accept applies a subscription in the form of a message, ZMTP 3.0's. Any other message is XPUB's user's.
func (d *publisher) accept(p *pipe, m *zmq4.Msg) bool {
	if f := m.Frames[0]; len(m.Frames) == 1 && len(f) > 0 && f[0] <= 1 {
		d.s.stats.delivered(&p.stats, len(f)) // consumed here
		d.subscription(p, f[0] == 1, string(f[1:]))
		return false
	}
	if !d.xpub {
		return d.s.discard(p, *m, DropUnexpected)
	}
	return true
}

// subscription applies what a peer said, or in manual mode only hands it up.
func (d *publisher) subscription(p *pipe, on bool, topic string) {
	if d.s.st.xpubManual {
		d.handUp(p, on, topic)
		return
	}
	if on {
		d.subscribe(p, topic)
	} else {
		d.unsubscribe(p, topic)
	}
}

func (d *publisher) subscribe(p *pipe, topic string) {
	if p.topics[topic] == 0 && len(p.topics) >= d.s.st.maxSubscriptions {
		d.s.stats.reasons[DropSubscription]++
		d.s.log.Warn("subscription ignored: peer has too many", "endpoint", p.endpoint(), "limit", d.s.st.maxSubscriptions)
		return
	}
	if p.topics == nil {
		p.topics = map[string]int{}
	}
	p.topics[topic]++
	duplicate := p.topics[topic] > 1
	first := !duplicate && d.table.add(topic, p)
	if !duplicate {
		d.note(monitor.Subscribed, p, topic)
		if len(p.topics) == 1 {
			d.subscribers++
			d.s.peersChanged.wakeAll()
		}
	}
	if first || d.s.st.xpubVerbose || d.s.st.xpubVerboser {
		d.handUp(p, true, topic)
	}
}

func (d *publisher) unsubscribe(p *pipe, topic string) {
	switch p.topics[topic] {
	case 0:
		return
	case 1:
		delete(p.topics, topic)
		last := d.table.remove(topic, p)
		d.note(monitor.Unsubscribed, p, topic)
		if len(p.topics) == 0 {
			d.subscribers--
		}
		if last || d.s.st.xpubVerboser {
			d.handUp(p, false, topic)
		}
	default:
		p.topics[topic]--
		if d.s.st.xpubVerboser {
			d.handUp(p, false, topic)
		}
	}
}

func (d *publisher) note(t monitor.Type, p *pipe, topic string) {
	if d.s.hub.Wants(t) {
		e := p.event(t, 0)
		e.Topic = topic
		d.s.hub.Record(e)
	}
}

// handUp queues a subscription for XPUB's user. The queue is bounded as a peer's subscriptions are; what does not fit
// is counted.
func (d *publisher) handUp(p *pipe, on bool, topic string) {
	if !d.xpub {
		return
	}
	if d.upward.len() >= d.s.st.maxSubscriptions {
		d.s.stats.reasons[DropSubscription]++
		return
	}
	frame := make([]byte, 1+len(topic))
	if on {
		frame[0] = 1
	}
	copy(frame[1:], topic)
	d.upward.push(subscriptionMsg{item{msg: zmq4.NewMsg(frame), conn: p.connID()}, p})
	d.s.recvWait.wake()
}

func (d *publisher) pop() (item, bool) {
	if d.upward.len() > 0 {
		m := d.upward.pop()
		d.manual = m.p
		return m.it, true
	}
	if !d.xpub {
		return item{}, false
	}
	return d.fairQueue.pop()
}

// lost forgets what p's connection had subscribed to: the next one says it anew.
func (d *publisher) lost(p *pipe) {
	for topic := range p.topics {
		p.topics[topic] = 1
		if d.s.st.xpubManual {
			d.handUp(p, false, topic)
		}
		d.unsubscribe(p, topic)
	}
}

func (d *publisher) detach(p *pipe) {
	d.lost(p)
	d.fairQueue.detach(p)
	if d.manual == p {
		d.manual = nil
	}
}

func (d *publisher) send(m zmq4.Msg) error {
	d.choose(m.Frames[0])
	if d.s.st.noDrop {
		for _, p := range d.targets {
			if !p.hasRoom() {
				return errWait
			}
		}
	}
	for i, p := range d.targets {
		d.targets[i] = nil
		if p.hasRoom() {
			p.push(m)
		} else {
			d.s.dropNew(p, m, DropFull)
		}
	}
	return nil
}

// choose sets targets to the pipes that want topic, each once.
func (d *publisher) choose(topic []byte) {
	d.round++
	d.targets = d.targets[:0]
	d.table.match(topic, d)
	if !d.s.st.invertMatching {
		return
	}
	d.targets = d.targets[:0]
	for _, p := range d.s.in.pipes {
		if p.mark != d.round && !p.ended {
			d.targets = append(d.targets, p)
		}
	}
}

func (d *publisher) add(p *pipe) {
	if p.mark != d.round {
		p.mark = d.round
		d.targets = append(d.targets, p)
	}
}

// subscriptionTable finds the pipes that subscribed to a prefix of a topic, in time that depends on the topic's length
// and not on the number of subscriptions.
type subscriptionTable struct {
	tree *iradix.Tree[map[*pipe]struct{}]
}

// add reports whether p is the first subscriber of topic.
func (t *subscriptionTable) add(topic string, p *pipe) bool {
	pipes, ok := t.tree.Get([]byte(topic))
	if !ok {
		t.tree, _, _ = t.tree.Insert([]byte(topic), map[*pipe]struct{}{p: {}})
		return true
	}
	pipes[p] = struct{}{}
	return false
}

// remove reports whether p was the last subscriber of topic.
func (t *subscriptionTable) remove(topic string, p *pipe) bool {
	pipes, ok := t.tree.Get([]byte(topic))
	if !ok {
		return false
	}
	delete(pipes, p)
	if len(pipes) > 0 {
		return false
	}
	t.tree, _, _ = t.tree.Delete([]byte(topic))
	return true
}

func (t *subscriptionTable) match(topic []byte, d *publisher) {
	t.tree.Root().WalkPath(topic, func(_ []byte, pipes map[*pipe]struct{}) bool {
		for p := range pipes {
			d.add(p)
		}
		return false
	})
}
