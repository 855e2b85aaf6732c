package socket

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/go-zeromq/zmq4"
)

// routerPattern addresses its peers by routing id: the first frame of every message (RFC 28).
type routerPattern struct {
	fairQueue
	routes  map[string]*pipe
	waiting map[string][]*pipe // connected with a routing id that another peer holds
	nextID  uint32
}

func newRouterPattern(base fairQueue) *routerPattern {
	return &routerPattern{
		fairQueue: base,
		routes:    map[string]*pipe{},
		waiting:   map[string][]*pipe{},
		nextID:    rand.Uint32(),
	}
}

func (r *routerPattern) identify(p *pipe, id string) bool {
	name := r.nameFor(p, id)
	holder := r.routes[name]
	switch {
	case holder == p:
		return true
	case holder != nil && !r.s.st.routerHandover:
		r.unroute(p)
		p.refused = true
		p.routingID = name
		r.waiting[name] = append(r.waiting[name], p)
		return false
	case holder != nil:
		delete(r.routes, name)
		holder.routingID = ""
		r.s.replace(holder)
	}
	r.unroute(p)
	p.routingID = name
	r.routes[name] = p
	r.s.wakeSenders(everyone)
	return true
}

// probes reports whether the socket makes itself known to each new peer by an empty message (ZMQ_PROBE_ROUTER).
func (s *Socket) probes() bool {
	return s.st.probeRouter && (s.typ == zmq4.Router || s.typ == zmq4.Dealer || s.typ == zmq4.Req)
}

// nameFor picks the routing id: ConnectRoutingID of the dial, else the peer's own, else a generated one, which starts
// with a zero byte so that no peer can choose it.
func (r *routerPattern) nameFor(p *pipe, id string) string {
	switch {
	case p.ep != nil && p.ep.connectRoutingID != "":
		return p.ep.connectRoutingID
	case id != "":
		return id
	case p.routingID != "" && p.routingID[0] == 0:
		return p.routingID
	}
	r.nextID++
	return string(binary.BigEndian.AppendUint32([]byte{0}, r.nextID))
}

// unroute takes p's routing id from it and gives it to the peer that waits for it longest.
func (r *routerPattern) unroute(p *pipe) {
	name := p.routingID
	r.waiting[name] = without(r.waiting[name], p)
	if len(r.waiting[name]) == 0 {
		delete(r.waiting, name)
	}
	if name == "" || r.routes[name] != p {
		return
	}
	delete(r.routes, name)
	if w := r.waiting[name]; len(w) > 0 {
		r.waiting[name] = w[1:]
		if len(w) == 1 {
			delete(r.waiting, name)
		}
		r.routes[name] = w[0]
		w[0].admit()
	}
	r.s.wakeSenders(everyone) // who waited for room has another peer now, or none
}

// relieved wakes every sender: the one that waits for p may not be the first in line.
func (r *routerPattern) relieved(*pipe) { r.s.wakeSenders(everyone) }

func (r *routerPattern) detach(p *pipe) {
	r.fairQueue.detach(p)
	r.unroute(p)
}

// lost gives up a place in the line for a routing id; a route that p holds stays, as its queue does.
func (r *routerPattern) lost(p *pipe) {
	if r.routes[p.routingID] != p {
		r.unroute(p)
		p.refused = false
	}
}

// accept puts the routing id in front. The decoder of a connection has done so already.
func (r *routerPattern) accept(p *pipe, m *zmq4.Msg) bool {
	if p.peer != nil {
		m.Frames = append([][]byte{slices.Clip([]byte(p.routingID))}, m.Frames...)
	}
	return true
}

func (r *routerPattern) send(m zmq4.Msg) error {
	if len(m.Frames) < 2 {
		return fmt.Errorf("%w: a ROUTER's message needs a routing id and at least one frame after it", ErrBadMessage)
	}
	id := m.Frames[0]
	p := r.routes[string(id)]
	if p != nil && !r.s.reachable(p) {
		p = nil
	}
	m.Frames = m.Frames[1:]
	switch {
	case p != nil && p.hasRoom():
		p.push(m)
		return nil
	case p != nil && r.s.st.routerMandatory:
		return errWait
	case p != nil:
		r.s.dropNew(p, m, DropFull)
		return nil
	case r.s.st.routerMandatory:
		return fmt.Errorf("%w: routing id %q", ErrUnroutable, id)
	}
	r.s.dropNew(nil, m, DropUnroutable)
	return nil
}
