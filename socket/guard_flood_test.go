package socket

import (
	"context"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/memnet"
	"zmqbus/monitor"
)

// TestGuardSilentFlood: silent connections arrive all the time, many more than may stay, and a good peer gets in.
func TestGuardSilentFlood(t *testing.T) {
	const pending, flood, joins = 300, 3000, 9
	w := pullTraffic(t, &Config{MaxPending: pending})
	stop := make(chan struct{})
	flooded := background(func() {
		open := make([]*attacker, 0, flood)
		for n := 0; n < flood || !isClosed(stop); n++ {
			a := attack(t, w.ep)
			if open = append(open, a); len(open) > pending+50 {
				open[0].Close() // was cut long ago
				open = open[1:]
			}
		}
		for _, a := range open {
			a.Close()
		}
	})
	for w.pendingCount() < pending { // the flood is at its height
		yield()
	}
	var took []time.Duration
	for range joins {
		p := open(t, zmq4.Push, nil)
		life := p.Lifecycle(monitor.HandshakeSucceeded)
		start := time.Now()
		dial(t, p, w.ep)
		next(t, life, monitor.HandshakeSucceeded)
		took = append(took, time.Since(start))
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if n := w.pendingCount(); n > pending {
			t.Errorf("%d connections pending, want at most %d", n, pending)
		}
	}
	close(stop)
	flooded()
	if slices.Sort(took); took[joins/2] > 100*time.Millisecond {
		t.Errorf("good peers got in after %v", took)
	}
	w.done()
}

func isClosed(stop chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

func (w *traffic) pendingCount() int {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return len(w.s.pending)
}

// pit is a socket on the in-memory network, in a bubble, that attackers meet.
type pit struct {
	t      *testing.T
	net    *memnet.Network
	s      *Socket
	events *monitor.Stream
	start  time.Time
}

func newPit(t *testing.T, typ zmq4.SocketType, cfg Config, opts ...monitor.Option) *pit {
	t.Helper()
	p := &pit{t: t, net: memnet.New(), start: time.Now()}
	p.s = open(t, typ, memConfig(p.net, cfg))
	p.events = p.s.Lifecycle(monitor.All, opts...)
	bind(t, p.s, "tcp://"+at)
	return p
}

// attack connects; a synctest.Wait later the socket has done with it what it can.
func (p *pit) attack() *attacker {
	p.t.Helper()
	nc, err := p.net.Dial(context.Background(), nil, at)
	if err != nil {
		p.t.Fatal(err)
	}
	a := rawPeer(p.t, nc)
	_ = nc.SetDeadline(time.Time{})
	return a
}

// join connects a good peer.
func (p *pit) join(typ zmq4.SocketType) *Socket {
	p.t.Helper()
	s := open(p.t, typ, memConfig(p.net, Config{}))
	dial(p.t, s, "tcp://"+at)
	return s
}

// passed returns the events since the last call, when nothing more happens without time.
func (p *pit) passed() []monitor.Event {
	synctest.Wait()
	var events []monitor.Event
	for {
		select {
		case e, ok := <-p.events.C():
			if !ok {
				return events
			}
			events = append(events, e)
		default:
			return events
		}
	}
}

// cut checks that what happened since the last look is that these attackers were disconnected for want of time,
// at a time after the start.
func (p *pit) cut(after time.Duration, attackers ...*attacker) {
	p.t.Helper()
	fates := map[string][]monitor.Event{}
	for _, e := range p.passed() {
		if e.Type&(monitor.Listening|monitor.Accepted|monitor.HandshakeSucceeded) == 0 {
			fates[e.Remote] = append(fates[e.Remote], e)
		}
	}
	if len(fates) != len(attackers) {
		p.t.Errorf("%v: %d connections ended, want %d", time.Since(p.start), len(fates), len(attackers))
	}
	for _, a := range attackers {
		own := fates[a.name()]
		if len(own) != 2 || own[0].Type != monitor.HandshakeFailedNoDetail || own[0].Value != int64(syscall.EAGAIN) || own[1].Type != gone {
			p.t.Fatalf("%v: %s: events %v, want NO_DETAIL(EAGAIN) DISCONNECTED", time.Since(p.start), a.name(), own)
		}
		for _, e := range own {
			if !isTimeout(e.Err) || e.Time.Sub(p.start) != after {
				p.t.Errorf("%v after %v, want after %v", e, e.Time.Sub(p.start), after)
			}
		}
	}
}

// sleepUntil sleeps until a time after the start, and a moment.
func (p *pit) sleepUntil(after time.Duration) {
	time.Sleep(after + time.Millisecond - time.Since(p.start))
}

// TestGuardTenThousandSilent: 4,096 may wait, the oldest of the others have gone, a good peer gets in without delay,
// and after the handshake timeout none is left.
func TestGuardTenThousandSilent(t *testing.T) {
	before := measure()
	synctest.Test(t, func(t *testing.T) {
		const flood = 10_000
		p := newPit(t, zmq4.Pull, Config{}, monitor.Buffer(1<<16))
		all := make([]*attacker, flood)
		for i := range all {
			all[i] = p.attack()
		}
		p.cut(0, all[:flood-defaultMaxPending]...)
		push := p.join(zmq4.Push)
		send(t, push, "good")
		want(t, recv(t, p.s), "good")
		p.cut(0, all[flood-defaultMaxPending]) // made room
		if wait := time.Since(p.start); wait != 0 {
			t.Errorf("the good peer waited for %v", wait)
		}
		p.sleepUntil(defaultHandshakeTimeout)
		p.cut(defaultHandshakeTimeout, all[flood-defaultMaxPending+1:]...)
		if n := len(p.s.pending); n != 0 {
			t.Errorf("%d still pending", n)
		}
	})
	before.settled(t, 16<<20) // both ends of 10,000 connections lived here
}

// TestGuardGreetingOnly: a peer that stops after its greeting holds a slot for 5 s, and those that wait for one are
// bounded as silent ones are.
func TestGuardGreetingOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPit(t, zmq4.Pull, Config{MaxHandshakes: 4})
		var all []*attacker
		for range 10 {
			a := p.attack()
			a.say(rawGreeting(3, 0, "NULL"))
			synctest.Wait()
			all = append(all, a)
		}
		push := p.join(zmq4.Push)
		p.cut(0)
		for i, gone := range [][]*attacker{all[:4], all[4:8], all[8:]} {
			at := time.Duration(i+1) * slotDeadline
			p.sleepUntil(at)
			p.cut(at, gone...)
			joined := len(push.Peers()) == 1
			if want := i >= 1; joined != want {
				t.Errorf("%v: the good peer's handshake is done: %v, want %v", at, joined, want)
			}
		}
	})
}

// TestGuardGreetingFlood: of those that wait for a slot the oldest goes when there are too many, and nobody waits for
// longer than a handshake may take.
func TestGuardGreetingFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPit(t, zmq4.Pull, Config{MaxHandshakes: 1, MaxPending: 10})
		var all []*attacker
		for range 21 {
			a := p.attack()
			a.say(rawGreeting(3, 0, "NULL"))
			synctest.Wait()
			all = append(all, a)
		}
		p.cut(0, all[1:11]...)
		left := append(all[:1:1], all[11:]...)
		for i := range 5 {
			at := time.Duration(i+1) * slotDeadline
			p.sleepUntil(at)
			p.cut(at, left[i])
		}
		p.sleepUntil(defaultHandshakeTimeout)
		p.cut(defaultHandshakeTimeout, left[5:]...)
		push := p.join(zmq4.Push)
		send(t, push, "good")
		want(t, recv(t, p.s), "good")
	})
}

// TestGuardSlotTooLate: the wait for a slot counts as part of the handshake.
func TestGuardSlotTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPit(t, zmq4.Pull, Config{MaxHandshakes: 1})
		late := p.attack()
		time.Sleep(26 * time.Second)
		holder := p.attack()
		holder.say(rawGreeting(3, 0, "NULL"))
		time.Sleep(time.Second)
		late.say(rawGreeting(3, 0, "NULL"))
		p.sleepUntil(30 * time.Second)
		p.cut(30*time.Second, late)
		p.sleepUntil(31 * time.Second)
		p.cut(31*time.Second, holder)
	})
}

// TestGuardOneBytePerSecond: neither a greeting nor a READY can be stretched, and the slots of others are free.
func TestGuardOneBytePerSecond(t *testing.T) {
	whole := slices.Concat(rawGreeting(3, 0, "NULL"), rawReady("Socket-Type", "PUSH"))
	for _, c := range []struct {
		name string
		head int // bytes that come at once
		end  time.Duration
	}{
		{"from the start", 0, defaultHandshakeTimeout},
		{"greeting done late", 44, 20*time.Second + slotDeadline},
		{"greeting done late, and the handshake's time is over", 36, defaultHandshakeTimeout},
		{"greeting at once", 64, slotDeadline},
		{"a byte of READY missing", len(whole) - 1, slotDeadline},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPit(t, zmq4.Pull, Config{MaxHandshakes: 1})
				a := p.attack()
				a.say(whole[:c.head])
				trickled := background(func() {
					for _, b := range whole[c.head : len(whole)-1] {
						time.Sleep(time.Second)
						if _, err := a.Write([]byte{b}); err != nil {
							return
						}
					}
				})
				p.sleepUntil(c.end)
				p.cut(c.end, a)
				trickled()
				push := p.join(zmq4.Push)
				send(t, push, "good")
				want(t, recv(t, p.s), "good")
			})
		})
	}
}
