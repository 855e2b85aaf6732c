package socket

import (
	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"zmqbus/internal/zmtp"
)

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

// match visits the subscribers of every prefix of topic; one that has several is visited for each.
func (t *subscriptionTable) match(topic []byte, visit func(*pipe)) {
	t.tree.Root().WalkPath(topic, func(_ []byte, pipes map[*pipe]struct{}) bool {
		for p := range pipes {
			visit(p)
		}
		return false
	})
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
