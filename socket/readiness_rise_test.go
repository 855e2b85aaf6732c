package socket

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-zeromq/zmq4"
	"pgregory.net/rapid"

	"zmqbus/internal/readiness"
)

// riser is a socket and those who wait for it, one for each event.
type riser struct {
	s       *Socket
	dials   bool
	reader  *Reader
	last    zmq4.Msg // received: a ROUTER answers its sender
	waiters map[readiness.Events]*readiness.Waiter
	woken   map[readiness.Events]bool
	was     readiness.Events
}

func newRiser(t *testing.T, typ zmq4.SocketType, name string, space *Inproc) *riser {
	s, err := New(context.Background(), typ, &Config{Inproc: space, SendHWM: 4, RecvHWM: 4, Linger: None, RoutingID: name})
	if err != nil {
		t.Fatal(err)
	}
	r := &riser{s: s, waiters: map[readiness.Events]*readiness.Waiter{}, woken: map[readiness.Events]bool{}}
	r.last = zmq4.NewMsgFromString([]string{"1", "", "x"})
	for _, ev := range []readiness.Events{readiness.In, readiness.Out} {
		r.waiters[ev] = readiness.NewWaiter(func() { r.woken[ev] = true })
		s.Notify(r.waiters[ev])
	}
	r.set("router_mandatory", 1)
	r.set("subscribe", "")
	return r
}

func (r *riser) level(t *testing.T) readiness.Events {
	ev, err := r.s.Readiness()
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func (r *riser) arm(t *testing.T) {
	for ev, w := range r.waiters {
		r.woken[ev] = false
		w.Arm(ev)
	}
	r.was = r.level(t)
}

func (r *riser) send() error {
	m := zmq4.NewMsgFromString([]string{"x", "", "x"})
	if r.s.Type() == zmq4.Router {
		m = r.last
	}
	return r.s.TrySend(m)
}

func (r *riser) recv() error {
	m, err := r.s.TryRecv()
	if err == nil {
		r.last = m
	}
	return err
}

func (r *riser) set(option string, value any) { _ = r.s.SetOption(option, value) } // not every type has it

// riserCalls is what may happen to a socket. What its type or state does not allow fails, and changes nothing.
var riserCalls = []struct {
	name string
	do   func(r *riser)
}{
	{"send", func(r *riser) { _ = r.send() }},
	{"fill", func(r *riser) {
		for n := 0; n < 20 && r.send() == nil; n++ { // ROUTER and PUB always take one more
			synctest.Wait()
		}
	}},
	{"recv", func(r *riser) { _ = r.recv() }},
	{"empty", func(r *riser) {
		for r.recv() == nil {
			synctest.Wait()
		}
	}},
	{"claim", func(r *riser) {
		if reader, err := r.s.Claim(); err == nil {
			r.reader = reader
		}
	}},
	{"take", func(r *riser) {
		var one [1]Received
		if r.reader == nil {
			return
		}
		if n, _ := r.reader.Take(one[:], nil); n == 1 {
			r.last = one[0].Msg
		}
	}},
	{"release", func(r *riser) {
		if r.reader != nil {
			r.reader.Release()
		}
	}},
	{"raise", func(r *riser) { r.set("hwm", 8) }},
	{"lower", func(r *riser) { r.set("hwm", 4) }},
	{"relaxed", func(r *riser) { r.set("req_relaxed", 1) }},
	{"strict", func(r *riser) { r.set("req_relaxed", 0) }},
	{"mandatory", func(r *riser) { r.set("router_mandatory", 1) }},
	{"lenient", func(r *riser) { r.set("router_mandatory", 0) }},
	{"dial", func(r *riser) {
		if r.dials {
			_ = r.s.Dial("inproc://x")
		}
	}},
	{"disconnect", func(r *riser) { _ = r.s.Disconnect("inproc://x") }},
}

// TestNoRiseUnseen makes random calls on a bound socket and two that have dialled it, with and without C. Whenever one
// of them becomes ready for something, who waits for that is woken.
func TestNoRiseUnseen(t *testing.T) {
	for _, types := range [][2]zmq4.SocketType{
		{zmq4.Pull, zmq4.Push}, {zmq4.Router, zmq4.Dealer}, {zmq4.Router, zmq4.Req}, {zmq4.Rep, zmq4.Dealer},
		{zmq4.Rep, zmq4.Req}, {zmq4.Pair, zmq4.Pair}, {zmq4.XPub, zmq4.XSub}, {zmq4.XPub, zmq4.Sub},
	} {
		for _, withC := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %s C %v", types[0], types[1], withC), func(t *testing.T) {
				rapid.Check(t, func(rt *rapid.T) {
					steps := rapid.SliceOfN(rapid.IntRange(0, 3*len(riserCalls)-1), 30, 80).Draw(rt, "steps")
					synctest.Test(t, func(t *testing.T) { rise(t, types, withC, steps) })
				})
			})
		}
	}
}

// rise makes the calls: each step is one of the calls, on one of three sockets.
func rise(t *testing.T, types [2]zmq4.SocketType, withC bool, steps []int) {
	space := NewInproc()
	var all [3]*riser
	for i := range all {
		r := newRiser(t, types[min(i, 1)], fmt.Sprint(i), space)
		defer r.s.Close()
		if all[i] = r; withC {
			r.s.C()
		}
		join := r.s.Listen
		if r.dials = i > 0; r.dials {
			join = r.s.Dial
		}
		if err := join("inproc://x"); err != nil {
			t.Fatal(err)
		}
	}
	var done []string
	for _, step := range steps {
		i, call := step%3, riserCalls[step/3]
		done = append(done, fmt.Sprint(i, ".", call.name))
		synctest.Wait()
		for _, r := range all {
			r.arm(t)
		}
		call.do(all[i])
		synctest.Wait()
		for _, r := range all {
			for ev, woken := range r.woken {
				if r.level(t)&^r.was&ev != 0 && !woken {
					t.Fatalf("%d became ready for %v and woke nobody: %s", slices.Index(all[:], r), ev, strings.Join(done, " "))
				}
			}
		}
	}
}

// TestRefusedPeerIsNoRoom: a peer that waits for another's routing id cannot be sent to, however much room it has.
func TestRefusedPeerIsNoRoom(t *testing.T) {
	cfg := Config{SendHWM: 1, RecvHWM: 1, RouterMandatory: true}
	r, d := ends(t, zmq4.Router, zmq4.Dealer, cfg, Config{RecvHWM: 1, RoutingID: "p"})
	trySends(t, r, "p")
	dial(t, open(t, zmq4.Dealer, &Config{Inproc: d.cfg.Inproc, RoutingID: "p"}), r.Endpoints()[0].Endpoint)
	waitPeers(t, r, 2)
	if ev, err := r.Readiness(); ev != 0 || err != nil {
		t.Errorf("ready for %v, %v, and send says %v", ev, err, r.TrySend(zmq4.NewMsgFromString([]string{"p", "x"})))
	}
}
