package socket

import (
	"bytes"
	"errors"
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
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queuedBytes != 0 || s.partialBytes != 0 || s.overdraft != nil {
		t.Errorf("%d bytes queued, %d partial, overdraft %v, want none", s.queuedBytes, s.partialBytes, s.overdraft)
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
			go a.say(wire) // ends with the message, or when the bubble closes the connection
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

// TestGuardStalledMessages: peers that stop in the middle of large messages hold the budget for a while only. The good
// peer's large message gets through, and those that hold the bytes are cut; a slow one that goes on is not.
func TestGuardStalledMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget, size = 4 << 20, 2 << 20
		p := newPit(t, zmq4.Pull, Config{RecvBytes: budget})
		half := zmtp.AppendFrame(nil, 0, make([]byte, size))[:size/2+size/4]
		var stalled []*attacker
		for range 5 {
			a := p.attack()
			a.join("PUSH")
			go a.say(half) // ends when it is taken, or when the connection is cut
			synctest.Wait()
			stalled = append(stalled, a)
		}
		slow := p.attack()
		slow.join("PUSH")
		done := background(func() {
			rest := zmtp.AppendFrame(nil, 0, bytes.Repeat([]byte{'s'}, size))
			for len(rest) > 0 {
				n := min(len(rest), 100<<10)
				slow.say(rest[:n])
				rest = rest[n:]
				time.Sleep(5 * time.Second)
			}
		})
		defer done()
		push := p.join(zmq4.Push)
		body := string(bytes.Repeat([]byte{'g'}, size))
		send(t, push, body)
		want(t, recvIn(t, p.s, time.Minute), body)
		if took := time.Since(p.start); took > time.Minute {
			t.Errorf("the good peer's message took %v", took)
		}
		if got := recvIn(t, p.s, 5*time.Minute); len(got[0]) != size || got[0][0] != 's' {
			t.Errorf("the slow peer's message: %d bytes", len(got[0]))
		}
		cut := map[string]error{}
		for _, e := range p.passed() {
			if e.Type == monitor.Disconnected {
				cut[e.Remote] = e.Err
			}
		}
		for _, a := range stalled {
			if err, ok := cut[a.name()]; ok && !errors.Is(err, monitor.ErrTimeout) {
				t.Errorf("a stalled peer was cut for %v", err)
			}
			delete(cut, a.name())
		}
		if len(cut) != 0 {
			t.Errorf("cut too: %v", cut)
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
			go func() { // ends when the socket closes
				for {
					time.Sleep(time.Second)
					if _, err := a.Write([]byte{'x'}); err != nil {
						return
					}
				}
			}()
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
