package memnet

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// rule is what a test ordered for an address. It outlives listeners, so that it can be set before Listen.
type rule struct {
	addr        address
	refuse      bool
	blackhole   bool
	delay       time.Duration
	acceptErr   error
	acceptTimes int
}

// Refuse makes dials of addr fail with ECONNREFUSED, listener or not, until it is called with false. Like all these
// switches it may be called at any time, takes effect for what happens from then on, does not block, treats a wildcard
// host as every host, and panics when addr is not a host:port, since that is a mistake in the test.
func (n *Network) Refuse(addr string, on bool) {
	n.order(addr, func(r *rule) { r.refuse = on })
}

// Blackhole makes new dials of addr hang until their context ends, as if the network dropped every SYN, until it is
// called with false; a dial that hangs already goes on hanging. It wins over Refuse and Delay.
func (n *Network) Blackhole(addr string, on bool) {
	n.order(addr, func(r *rule) { r.blackhole = on })
}

// Delay makes dials of addr take d before they succeed or are refused; zero ends it. Data is never delayed.
func (n *Network) Delay(addr string, d time.Duration) {
	n.order(addr, func(r *rule) { r.delay = d })
}

// FailAccept makes the next so many calls of Accept on addr's listener return err in a *net.OpError, a blocked one
// at once and although no connection waits. Those that wait stay in the queue. It replaces what an earlier call left
// over; times zero ends it.
func (n *Network) FailAccept(addr string, err error, times int) {
	n.order(addr, func(r *rule) { r.acceptErr, r.acceptTimes = err, times })
}

// Unresolvable makes Dial and Listen fail with a *net.DNSError for this host, before any descriptor exists. Case does
// not matter. It cannot be undone. It does not block.
func (n *Network) Unresolvable(host string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.unresolvable[strings.ToLower(host)] = true
}

// Buffer sets how many bytes each direction of the connections dialed from now on holds. Zero and negative values mean
// DefaultBuffer. It does not block.
func (n *Network) Buffer(bytes int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if bytes <= 0 {
		bytes = DefaultBuffer
	}
	n.buffer = bytes
}

// Cut resets every live connection that was dialed to addr: both ends read what they had received, then ECONNRESET,
// and write ECONNRESET at once. The ends remain to be closed by their owners. The listener is not touched, and may be
// closed already. It does not block.
func (n *Network) Cut(addr string) {
	for _, l := range n.live(addr) {
		l.cut()
	}
}

// HalfOpen makes bytes written to the live connections that were dialed to addr vanish, in both directions and for
// good, and with them every sign that an end was closed or reset. What had arrived can still be read; a blocked Write
// returns as if all was sent. Connections dialed later are sound. It does not block.
func (n *Network) HalfOpen(addr string) {
	for _, l := range n.live(addr) {
		l.lose()
	}
}

// order changes the rule of addr and wakes the listeners that it may concern.
func (n *Network) order(addr string, change func(*rule)) {
	a := mustAddress(addr)
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.IndexFunc(n.rules, func(r *rule) bool { return r.addr == a })
	if i < 0 {
		i = len(n.rules)
		n.rules = append(n.rules, &rule{addr: a})
	}
	change(n.rules[i])
	for _, ls := range n.listeners {
		for _, l := range ls {
			l.changed.Broadcast()
		}
	}
}

// ruling sums up the rules for a dial of to.
func (n *Network) ruling(to address) rule {
	n.mu.Lock()
	defer n.mu.Unlock()
	sum := rule{addr: to}
	for _, r := range n.rules {
		if r.addr.meets(to) {
			sum.refuse = sum.refuse || r.refuse
			sum.blackhole = sum.blackhole || r.blackhole
			sum.delay = max(sum.delay, r.delay)
		}
	}
	return sum
}

// acceptFault takes one of the errors that FailAccept ordered for the listener at a. The caller holds mu.
func (n *Network) acceptFault(a address) error {
	for _, r := range n.rules {
		if r.addr.meets(a) && r.acceptTimes > 0 && r.acceptErr != nil {
			r.acceptTimes--
			return r.acceptErr
		}
	}
	return nil
}

// live returns the links that were dialed to addr, oldest first, so that scripted tests see one order.
func (n *Network) live(addr string) []*link {
	a := mustAddress(addr)
	n.mu.Lock()
	defer n.mu.Unlock()
	var found []*link
	for _, fd := range slices.Sorted(maps.Keys(n.conns)) {
		if c := n.conns[fd]; c.remote.meets(a) {
			found = append(found, c.link)
		}
	}
	return found
}

func mustAddress(addr string) address {
	host, port, err := split(addr)
	if err != nil {
		panic(fmt.Sprintf("memnet: bad address %q: %v", addr, err))
	}
	return canonical(host, port)
}
