package socket

import (
	"github.com/go-zeromq/zmq4"
	iradix "github.com/hashicorp/go-immutable-radix/v2"
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
	for _, p := range u.s.in.pipes { // push changes the order of the others, out.pipes
		switch {
		case !u.s.reachable(p):
		case p.hasRoom():
			p.push(m)
		default:
			u.s.dropNew(p, m, DropFull)
		}
	}
	return nil
}
