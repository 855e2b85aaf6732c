package socket

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/zmtp"
	"zmqbus/monitor"
)

// TestGuardSubscriberNeverReads: a PUB drops for a subscriber that reads nothing, counts it, and serves the others as
// if it were not there.
func TestGuardSubscriberNeverReads(t *testing.T) {
	w := pubTraffic(t, &Config{SendHWM: 200, SendBuffer: 4096})
	var lazy []*attacker
	for range 3 {
		a := attack(t, w.ep)
		_ = a.Conn.(*net.TCPConn).SetReadBuffer(4096)
		a.join("SUB")
		a.say(zmtp.AppendFrame(nil, 0, []byte("\x01lazy")))
		lazy = append(lazy, a)
	}
	waitPeers(t, w.s, goodPeers+len(lazy))
	body := strings.Repeat("x", 8<<10)
	for n := 0; w.s.Stats().Dropped[DropFull] < 3000; n++ {
		send(t, w.s, "lazy", fmt.Sprint(n), body)
	}
	for _, p := range w.s.Peers() {
		lost := p.Out.Accepted - p.Out.Written - p.Out.Queued
		if isLazy := named(lazy, p.Remote); isLazy == (lost == 0) || p.Out.Queued > 200+64 || p.Out.Dropped != lost {
			t.Errorf("%s, lazy %v: %+v", p.Remote, isLazy, p.Out)
		}
	}
	w.base.flat(t, 3*200*8<<10)
	for _, a := range lazy {
		a.reset()
		if fate := w.fate(a); len(fate) != 2 || !isEnd(fate[1]) {
			t.Errorf("events %v", fate)
		}
	}
	w.done()
}

func named(as []*attacker, remote string) bool {
	for _, a := range as {
		if a.name() == remote {
			return true
		}
	}
	return false
}

func isEnd(e monitor.Event) bool {
	return e.Type == gone && (errors.Is(e.Err, monitor.ErrReset) || errors.Is(e.Err, monitor.ErrEOF))
}

// TestGuardPullNeverReads: a PUSH gives a peer that reads nothing what fits into its queue, and all else to the others,
// in order and without a loss.
func TestGuardPullNeverReads(t *testing.T) {
	const hwm, messages = 50, 3000
	push := open(t, zmq4.Push, &Config{SendHWM: hwm, SendBuffer: 4096, Linger: None})
	ep := bind(t, push, "tcp://127.0.0.1:0")
	lazy := attack(t, ep)
	_ = lazy.Conn.(*net.TCPConn).SetReadBuffer(4096)
	lazy.join("PULL")
	var pulls []*Socket
	for range goodPeers {
		p := open(t, zmq4.Pull, nil)
		dial(t, p, ep)
		pulls = append(pulls, p)
	}
	waitPeers(t, push, goodPeers+1)
	seen := make([]map[string]bool, goodPeers)
	var read []func()
	for i, p := range pulls {
		seen[i] = map[string]bool{}
		read = append(read, background(func() {
			for last := -1; ; {
				m, err := p.RecvContext(testContext(t))
				if err != nil {
					t.Error(err)
					return
				}
				f := frames(m)
				if f[0] == "end" {
					return
				}
				var n int
				if _, err := fmt.Sscan(f[0], &n); err != nil || n <= last {
					t.Errorf("got %q after %d: %v", f[0], last, err)
				}
				last = n
				seen[i][f[0]] = true
			}
		}))
	}
	body := strings.Repeat("x", 8<<10)
	for n := range messages {
		send(t, push, fmt.Sprint(n), body)
	}
	var kept uint64
	for _, p := range push.Peers() {
		if p.Remote == lazy.name() {
			kept = p.Out.Accepted
		}
	}
	lazy.reset()
	waitGone(t, push, goodPeers)
	for push.Stats().Out.Queued > 0 { // else both ends could go to the peer that has room first
		yield()
	}
	for range goodPeers {
		send(t, push, "end")
	}
	for _, wait := range read {
		wait()
	}
	if got := uint64(len(seen[0]) + len(seen[1])); got+kept != messages || kept > 1000 {
		t.Errorf("%d messages to the others and %d to the one that does not read, of %d", got, kept, messages)
	}
}

// waitGone waits until only n peers are left.
func waitGone(t testing.TB, s *Socket, n int) {
	t.Helper()
	for ctx := testContext(t); len(s.Peers()) > n; yield() {
		if ctx.Err() != nil {
			t.Fatalf("%d peers, want %d", len(s.Peers()), n)
		}
	}
}

// TestGuardResetAnywhere: an RST at any point after the handshake ends that connection, and a message that was not
// whole is not delivered.
func TestGuardResetAnywhere(t *testing.T) {
	w := pullTraffic(t, nil)
	whole := zmtp.AppendFrame(nil, 0, []byte("whole"))
	for name, wire := range map[string][]byte{
		"nothing":                nil,
		"flags alone":            {1},
		"half a long length":     rawLength(0, 1<<20)[:5],
		"half a body":            append(rawLength(0, 1<<20), make([]byte, 300<<10)...),
		"first frame of two":     {1, 1, 'x'},
		"half a command":         rawCommand("PING", "\x00\x00ctx")[:6],
		"a command in a message": append([]byte{1, 1, 'x'}, rawCommand("PING", "\x00\x00")...),
	} {
		for end, act := range map[string]func(*attacker){"RST": (*attacker).reset, "FIN": func(a *attacker) { a.Close() }} {
			t.Run(name+"/"+end, func(t *testing.T) {
				w.t = t
				a := attack(t, w.ep)
				a.join("PUSH")
				a.say(whole, wire)
				id := next(t, w.events, monitor.HandshakeSucceeded).Conn
				for w.from(id) == 0 {
					yield()
				}
				act(a)
				e := next(t, w.events, gone)
				if !isEnd(e) || e.Conn != id || end == "RST" && !errors.Is(e.Err, monitor.ErrReset) {
					t.Errorf("%v", e)
				}
				if n := w.from(id); n != 1 {
					t.Errorf("%d messages delivered, want 1", n)
				}
			})
		}
	}
	w.t = t
	w.done()
}
