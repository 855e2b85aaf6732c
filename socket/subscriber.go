package socket

import (
	"github.com/go-zeromq/zmq4"
	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"zmqbus/internal/zmtp"
)

// subscriber receives what it subscribed to (RFC 29). Its subscriptions are state: each connection is told the
// difference to what it was told before.
type subscriber struct {
	fairQueue
	topics *iradix.Tree[int] // how often each was subscribed
}

func newSubscriber(base fairQueue) *subscriber {
	return &subscriber{fairQueue: base, topics: iradix.New[int]()}
}

func (u *subscriber) subscribe(topic string) {
	n, _ := u.topics.Get([]byte(topic))
	u.topics, _, _ = u.topics.Insert([]byte(topic), n+1)
	if n == 0 {
		u.tellAll(topic, true)
	}
}

func (u *subscriber) unsubscribe(topic string) {
	n, ok := u.topics.Get([]byte(topic))
	switch {
	case !ok:
		return
	case n > 1:
		u.topics, _, _ = u.topics.Insert([]byte(topic), n-1)
		return
	}
	u.topics, _, _ = u.topics.Delete([]byte(topic))
	u.tellAll(topic, false)
}

func (u *subscriber) tellAll(topic string, on bool) {
	for _, p := range u.s.in.pipes {
		if p.conn != nil || p.peer != nil {
			p.tell.toggle(topic, on)
			p.kick()
		}
	}
}

// identify tells a new connection everything.
func (u *subscriber) identify(p *pipe, _ string) bool {
	p.tell = subscriptionDelta{}
	u.topics.Root().Walk(func(topic []byte, _ int) bool {
		p.tell.toggle(string(topic), true)
		return false
	})
	return true
}

// accept filters again on SUB's side: messages may be on their way when a subscription ends.
func (u *subscriber) accept(p *pipe, m *zmq4.Msg) bool {
	if u.s.typ == zmq4.XSub {
		return true
	}
	_, _, match := u.topics.Root().LongestPrefix(m.Frames[0])
	if match == u.s.st.invertMatching {
		return u.s.discard(p, *m, DropFiltered)
	}
	return true
}

// send takes XSUB's subscriptions in the form of messages, 1 or 0 and the topic; anything else goes up to every peer.
func (u *subscriber) send(m zmq4.Msg) error {
	if u.s.typ == zmq4.Sub {
		return ErrNotSupported
	}
	if f := m.Frames[0]; len(m.Frames) == 1 && len(f) > 0 && f[0] <= 1 {
		if f[0] == 1 {
			u.subscribe(string(f[1:]))
		} else {
			u.unsubscribe(string(f[1:]))
		}
		return nil
	}
	for _, p := range u.s.out.pipes {
		if p.hasRoom() {
			p.push(m)
		} else {
			u.s.dropNew(p, m, DropFull)
		}
	}
	return nil
}

// subscriptionDelta is the difference between what a connection should have been told and what it was told. It is
// bounded by the subscriptions themselves, however often they change.
type subscriptionDelta struct {
	change map[string]bool // topic -> subscribe
	order  []string        // may name topics that changed back
}

func (d *subscriptionDelta) empty() bool { return len(d.change) == 0 }

// toggle notes a change of state. A change back before the connection was told cancels out.
func (d *subscriptionDelta) toggle(topic string, on bool) {
	if _, pending := d.change[topic]; pending {
		delete(d.change, topic)
		if len(d.change) == 0 {
			d.order = nil
		}
		return
	}
	if d.change == nil {
		d.change = map[string]bool{}
	}
	d.change[topic] = on
	d.order = append(d.order, topic)
	if len(d.order) > 64+2*len(d.change) {
		d.compact()
	}
}

// compact forgets the topics that changed back, so that order stays bounded.
func (d *subscriptionDelta) compact() {
	kept := d.order[:0]
	seen := map[string]bool{}
	for _, topic := range d.order {
		if _, pending := d.change[topic]; pending && !seen[topic] {
			seen[topic] = true
			kept = append(kept, topic)
		}
	}
	clear(d.order[len(kept):])
	d.order = kept
}

// next takes the oldest change; ok is false when there is none.
func (d *subscriptionDelta) next() (topic string, on, ok bool) {
	for len(d.order) > 0 {
		topic, d.order = d.order[0], d.order[1:]
		if on, ok = d.change[topic]; ok {
			delete(d.change, topic)
			return topic, on, true
		}
	}
	return "", false, false
}

// appendTo encodes changes as ZMTP 3.0 messages, up to about limit bytes.
func (d *subscriptionDelta) appendTo(dst []byte, limit int) []byte {
	for len(dst) < limit {
		topic, on, ok := d.next()
		if !ok {
			break
		}
		dst = zmtp.AppendFrame(dst, 0, subscriptionFrame(on, topic))
	}
	return dst
}

func subscriptionFrame(on bool, topic string) []byte {
	f := make([]byte, 1, 1+len(topic))
	if on {
		f[0] = 1
	}
	return append(f, topic...)
}
