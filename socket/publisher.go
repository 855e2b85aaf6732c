package socket

import (
	"fmt"
	"log/slog"

	"github.com/go-zeromq/zmq4"
	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"zmqbus/internal/queue"
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
	upward      queue.Queue[subscriptionMsg]
	upwardBytes int64                         // of the topics in upward
	manual      *pipe                         // XPubManual: whose subscription the user took last
	asked       map[*pipe]map[string]struct{} // XPubManual: what each peer asked for, to be taken back when it goes
	round       uint64
	targets     []*pipe
	subscribers int // pipes with at least one subscription
}

func newPublisher(base fairQueue) *publisher {
	return &publisher{
		fairQueue: base,
		xpub:      base.s.typ == zmq4.XPub,
		table:     subscriptionTable{tree: iradix.New[map[*pipe]struct{}]()},
		asked:     map[*pipe]map[string]struct{}{},
	}
}

func (d *publisher) identify(p *pipe, _ string) bool {
	if welcome := d.s.st.xpubWelcome; d.xpub && len(welcome) > 0 {
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

// command is a subscription that came in another form than a message's. It counts as one all the same.
func (d *publisher) command(p *pipe, on bool, topic string) {
	d.s.stats.received(&p.stats, 1+len(topic))
	d.s.stats.delivered(&p.stats, 1+len(topic))
	d.subscription(p, on, topic)
}

// subscription applies what a peer said, or in manual mode only hands it up.
func (d *publisher) subscription(p *pipe, on bool, topic string) {
	up := false
	switch {
	case d.xpub && d.s.st.xpubManual:
		up = d.ask(p, on, topic)
	case on:
		up = d.subscribe(p, topic)
	default:
		up = d.unsubscribe(p, topic)
	}
	if up {
		d.handUp(p, on, topic)
	}
}

// ask notes what a peer of a manual XPUB wants, and reports whether its user is to be told.
func (d *publisher) ask(p *pipe, on bool, topic string) bool {
	topics := d.asked[p]
	_, known := topics[topic]
	switch {
	case known && !on:
		delete(topics, topic)
		p.topicBytes -= len(topic)
		return true
	case known || !on:
		return true
	case d.atLimit(p, len(topics), topic):
		return false
	}
	p.topicBytes += len(topic)
	if topics == nil {
		topics = map[string]struct{}{}
		d.asked[p] = topics
	}
	topics[topic] = struct{}{}
	return true
}

// atLimit reports whether a peer with n subscriptions may not have topic too, and counts it as refused. Topics are long
// if the peer likes: together they may take as much as unread messages.
func (d *publisher) atLimit(p *pipe, n int, topic string) bool {
	st := &d.s.st
	if n < st.maxSubscriptions && int64(p.topicBytes+len(topic)) <= st.recvBytes {
		return false
	}
	d.s.noteDrop(p, DropSubscription, 1)
	if !p.warned {
		p.warned = true // once: it is the peer who would fill the log
		d.s.logLater(slog.LevelWarn, "subscriptions ignored: peer has too many", "endpoint", p.endpoint(), "count", n, "bytes", p.topicBytes)
	}
	return true
}

// answer subscribes or unsubscribes the peer whose subscription a manual XPUB's user received last. A peer that is gone
// has no subscriptions any more.
func (d *publisher) answer(on bool, topic string) error {
	switch {
	case d.s.c != nil:
		return fmt.Errorf("%w: XPubManual needs Recv, since C takes messages ahead", ErrState)
	case d.manual == nil:
		return fmt.Errorf("%w: no subscription was received yet", ErrState)
	case !d.manual.joined():
	case on:
		d.subscribe(d.manual, topic)
	default:
		d.unsubscribe(d.manual, topic)
	}
	return nil
}

// subscribe puts the filter in force, and reports whether an XPUB's user is to be told.
func (d *publisher) subscribe(p *pipe, topic string) bool {
	if p.topics[topic] == 0 && d.atLimit(p, len(p.topics), topic) {
		return false
	}
	if p.topics == nil {
		p.topics = map[string]int{}
	}
	p.topics[topic]++
	verbose := d.s.st.xpubVerbose || d.s.st.xpubVerboser
	if p.topics[topic] > 1 {
		return verbose
	}
	p.topicBytes += len(topic)
	first := d.table.add(topic, p)
	d.note(monitor.Subscribed, p, topic)
	if len(p.topics) == 1 {
		d.subscribers++
		d.s.peersChanged.wakeAll()
	}
	return first || verbose
}

// unsubscribe takes back one subscribe, and reports whether an XPUB's user is to be told.
func (d *publisher) unsubscribe(p *pipe, topic string) bool {
	switch p.topics[topic] {
	case 0:
		return false
	case 1:
		delete(p.topics, topic)
		p.topicBytes -= len(topic)
		last := d.table.remove(topic, p)
		d.note(monitor.Unsubscribed, p, topic)
		if len(p.topics) == 0 {
			d.subscribers--
		}
		d.relieved(p) // who waits for p need not any more
		return last || d.s.st.xpubVerboser
	}
	p.topics[topic]--
	return d.s.st.xpubVerboser
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
	if d.upward.Len() >= d.s.st.maxSubscriptions || d.upwardBytes+int64(len(topic)) > d.s.st.recvBytes {
		d.s.noteDrop(p, DropSubscription, 1)
		return
	}
	frame := make([]byte, 1+len(topic))
	if on {
		frame[0] = 1
	}
	copy(frame[1:], topic)
	d.upwardBytes += int64(len(topic))
	d.upward.Push(subscriptionMsg{item{msg: zmq4.NewMsg(frame), conn: p.connID()}, p})
	d.s.wakeReceivers(1)
}

func (d *publisher) pop(to *item) bool {
	if d.upward.Len() > 0 {
		m := d.upward.Pop()
		d.upwardBytes -= int64(payload(m.it.msg) - 1)
		d.manual = m.p
		*to = m.it
		return true
	}
	return d.xpub && d.fairQueue.pop(to)
}

// lost forgets what p's connection had subscribed to: the next one says it anew.
func (d *publisher) lost(p *pipe) {
	manual := d.xpub && d.s.st.xpubManual
	for topic := range d.asked[p] {
		p.topicBytes -= len(topic)
		d.handUp(p, false, topic)
	}
	delete(d.asked, p)
	for topic := range p.topics {
		p.topics[topic] = 1
		if d.unsubscribe(p, topic) && !manual {
			d.handUp(p, false, topic)
		}
	}
	d.relieved(p)
}

// relieved wakes every sender that NoDrop holds: the one that waits for p may not be the first in line.
func (d *publisher) relieved(*pipe) {
	if d.s.st.noDrop {
		d.s.wakeSenders(everyone)
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
	d.table.match(topic, d.add)
	if !d.s.st.invertMatching {
		return
	}
	d.targets = d.targets[:0]
	for _, p := range d.s.in.pipes {
		if p.mark != d.round && d.s.reachable(p) {
			d.targets = append(d.targets, p)
		}
	}
}

func (d *publisher) add(p *pipe) {
	if p.mark != d.round && !p.draining {
		p.mark = d.round
		d.targets = append(d.targets, p)
	}
}

// Subscribers returns how many peers would get a message now whose first frame is topic: those that are subscribed to a
// prefix of it; with InvertMatching the others. It is 0 for types other than PUB and XPUB. It does not block; it keeps nothing of topic.
func (s *Socket) Subscribers(topic []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	pub, ok := s.pat.(*publisher)
	if !ok {
		return 0
	}
	pub.choose(topic)
	n := len(pub.targets)
	clear(pub.targets)
	return n
}
