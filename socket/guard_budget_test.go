package socket

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/zmtp"
	"zmqbus/monitor"
)

// TestGuardPartialMessages: several peers send large messages at once, more than RecvBytes together. What is held is
// bounded, and all of them arrive.
func TestGuardPartialMessages(t *testing.T) {
	const budget, size, peers = 1 << 20, 3 << 20, 8
	s := open(t, zmq4.Pull, &Config{RecvBytes: budget})
	ep := bind(t, s, "tcp://127.0.0.1:0")
	body := bytes.Repeat([]byte{'x'}, size)
	wire := zmtp.AppendFrame(nil, 0, body)
	base := measure()
	var sent []func()
	for range peers {
		a := attack(t, ep)
		a.join("PUSH")
		sent = append(sent, background(func() { a.say(wire) }))
	}
	for s.Stats().In.Received == 0 {
		yield()
	}
	base.flat(t, budget+size+peers*(64<<10)) // slack is a third of what the peers send
	for range peers {
		if got := recv(t, s); len(got[0]) != size || got[0] != string(body) {
			t.Fatalf("message of %d bytes", len(got[0]))
		}
	}
	for _, wait := range sent {
		wait()
	}
	held := func() bool { // until the last read loop has settled
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.queuedBytes != 0 || s.partialBytes != 0 || s.overdraft != nil
	}
	for ctx := testContext(t); held(); yield() {
		if ctx.Err() != nil {
			t.Fatal("bytes are still counted")
		}
	}
}

// TestGuardUnreadLargeMessages: messages that were read and do not fit into their pipe's queue count against RecvBytes.
func TestGuardUnreadLargeMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget, size, peers = 4 << 20, 1 << 20, 40
		p := newPit(t, zmq4.Pull, Config{RecvBytes: budget, RecvHWM: 1})
		wire := zmtp.AppendFrame(zmtp.AppendFrame(nil, 0, []byte("small")), 0, make([]byte, size))
		base := measure()
		for range peers {
			a := p.attack()
			a.join("PUSH")
			a.while(func() { a.say(wire) })
		}
		synctest.Wait()
		base.flat(t, budget+size+peers*3*(64<<10))
		small, large := 0, 0
		for range 2 * peers {
			if got := recv(t, p.s); len(got[0]) == size {
				large++
			} else {
				small++
			}
		}
		if small != peers || large != peers {
			t.Errorf("%d small and %d large messages", small, large)
		}
	})
}

// TestGuardStalledMessages: peers that stop in the middle of large messages hold the budget for a while only: the good
// peer's large message gets through. Of those that hold bytes, one that is slow and one that has to wait for us stay.
func TestGuardStalledMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget, size = 4 << 20, 2 << 20
		p := newPit(t, zmq4.Pull, Config{RecvBytes: budget})
		large := func(fill byte) []byte { return zmtp.AppendFrame(nil, 0, bytes.Repeat([]byte{fill}, size)) }
		slow, waits := p.attack(), p.attack()
		slow.join("PUSH")
		slow.while(func() {
			for part := range slices.Chunk(large('s'), 100<<10) {
				if _, err := slow.Write(part); err != nil {
					return
				}
				time.Sleep(5 * time.Second)
			}
		})
		waits.join("PUSH")
		waits.say(large('w')[:200<<10])
		time.Sleep(time.Minute)
		var stalled []*attacker
		for range 5 {
			a := p.attack()
			a.join("PUSH")
			a.while(func() { a.say(large('x')[:size*3/4]) })
			synctest.Wait()
			stalled = append(stalled, a)
		}
		waits.while(func() { waits.say(large('w')[200<<10:]) })
		push := p.join(zmq4.Push)
		start := time.Now()
		send(t, push, string(bytes.Repeat([]byte{'g'}, size)))
		for seen := ""; !strings.Contains(seen, "g") || !strings.Contains(seen, "w") || !strings.Contains(seen, "s"); {
			f := recvIn(t, p.s, 5*time.Minute)
			if seen += f[0][:1]; len(f[0]) != size || f[0] != strings.Repeat(f[0][:1], size) {
				t.Fatalf("message of %d bytes", len(f[0]))
			}
			if took := time.Since(start); f[0][0] == 'g' && took > 2*time.Minute { // the slow one may go first
				t.Errorf("the good peer's message took %v", took)
			}
		}
		cut := 0
		for _, e := range p.passed() {
			if e.Type == monitor.Disconnected {
				if cut++; !named(stalled, e.Remote) || !errors.Is(e.Err, monitor.ErrTimeout) {
					t.Errorf("%v of %s", e, e.Remote)
				}
			}
		}
		if cut == 0 {
			t.Error("nobody was cut")
		}
	})
}

// TestGuardPaidMessage: what was let in beyond RecvBytes is handed over as soon as it is whole, and need not wait again.
func TestGuardPaidMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPit(t, zmq4.Pull, Config{RecvBytes: 1 << 20})
		large, small := p.attack(), p.attack()
		large.join("PUSH")
		small.join("PUSH")
		wire := zmtp.AppendFrame(nil, 0, make([]byte, 3<<20))
		large.say(wire[:len(wire)-1])
		small.say([]byte{0, 1, 'x'})
		synctest.Wait()
		large.say(wire[len(wire)-1:])
		synctest.Wait()
		if n := p.s.Stats().In.Received; n != 2 {
			t.Errorf("%d messages received, want 2", n)
		}
	})
}

// recvIn receives within a time of the bubble.
func recvIn(t testing.TB, s *Socket, d time.Duration) []string {
	t.Helper()
	timer := time.AfterFunc(d, func() { t.Errorf("no message after %v", d); s.hurryUp() })
	defer timer.Stop()
	m, err := s.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return frames(m)
}

// TestGuardSlowLoris: a peer may take an hour for a large frame; it costs what has come of it.
func TestGuardSlowLoris(t *testing.T) {
	before := measure()
	synctest.Test(t, func(t *testing.T) {
		p := newPit(t, zmq4.Pull, Config{})
		base := measure()
		for range 100 {
			a := p.attack()
			a.join("PUSH")
			a.say(rawLength(0, 1<<30-32))
			a.while(func() {
				for _, err := a.Write([]byte{'x'}); err == nil; _, err = a.Write([]byte{'x'}) {
					time.Sleep(time.Second)
				}
			})
		}
		push := p.join(zmq4.Push)
		for range 60 {
			time.Sleep(time.Minute)
			send(t, push, "good")
			want(t, recvIn(t, p.s, time.Second), "good")
		}
		base.flat(t, 100*3*(64<<10))
		for _, e := range p.passed() {
			if e.Type == monitor.Disconnected {
				t.Error(e)
			}
		}
	})
	before.settled(t, 0)
}
