package socket

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/zmtp"
	"zmqbus/monitor"
)

// TestGuardPingFlood: a peer that asks for replies and reads none is cut once the replies that wait for it are 64 KiB.
func TestGuardPingFlood(t *testing.T) {
	w := pullTraffic(t, &Config{SendBuffer: 4096})
	a := attack(t, w.ep)
	_ = a.Conn.(*net.TCPConn).SetReadBuffer(4096)
	a.join("PUSH")
	flood := bytes.Repeat(rawCommand("PING", "\x00\x00"+strings.Repeat("c", 16)), 1000)
	for {
		if _, err := a.Write(flood); err != nil {
			break // cut
		}
	}
	w.cutFor(a, monitor.ErrProtocol)
	w.done()
}

// TestGuardPingFloodRead: a peer that reads its replies may ask as often as it likes.
func TestGuardPingFloodRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPit(t, zmq4.Pull, Config{})
		a := p.attack()
		a.join("PUSH")
		for i := range 5000 {
			c := fmt.Sprint(i)
			a.say(rawCommand("PING", "\x00\x00"+c))
			if _, body := a.hearFrame(); string(body) != "\x04PONG"+c {
				t.Fatalf("%q after PING %d", body, i)
			}
		}
		for _, e := range p.passed() {
			if e.Type == monitor.Disconnected {
				t.Error(e)
			}
		}
	})
}

// TestGuardPingTTL: the deadline that a peer asks for itself holds, and holds for it alone.
func TestGuardPingTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPit(t, zmq4.Pull, Config{})
		a, quiet := p.attack(), p.attack()
		a.join("PUSH")
		quiet.join("PUSH")
		a.say(rawCommand("PING", "\x00\x01")) // 100 ms
		p.passed()
		time.Sleep(100 * time.Millisecond)
		got := p.passed()
		if len(got) != 1 || got[0].Type != monitor.Disconnected || got[0].Remote != a.name() || !errors.Is(got[0].Err, monitor.ErrTimeout) {
			t.Errorf("events %v", got)
		}
	})
}

// TestGuardSubscribe: a publisher takes both forms of subscriptions, and ends them (RFC 23, 37).
func TestGuardSubscribe(t *testing.T) {
	s := open(t, zmq4.XPub, nil)
	a := attack(t, bind(t, s, "tcp://127.0.0.1:0"))
	a.join("SUB")
	message := func(b byte, topic string) []byte { return zmtp.AppendFrame(nil, 0, []byte(string(b)+topic)) }
	for _, c := range []struct {
		wire []byte
		up   string
	}{
		{rawCommand("SUBSCRIBE", "a"), "\x01a"},
		{message(1, "b"), "\x01b"},
		{rawCommand("CANCEL", "b"), "\x00b"},
		{rawCommand("SUBSCRIBE", ""), "\x01"},
		{message(0, ""), "\x00"},
		{rawCommand("CANCEL", "unknown"), ""},
		{rawCommand("UNKNOWN", "x"), ""},
		{message(0, "a"), "\x00a"},
	} {
		a.say(c.wire)
		if c.up != "" {
			want(t, recv(t, s), c.up)
		}
	}
}

// TestGuardSubscribeElsewhere: on a socket that does not publish, SUBSCRIBE and CANCEL mean nothing.
func TestGuardSubscribeElsewhere(t *testing.T) {
	s := open(t, zmq4.Pull, nil)
	a := attack(t, bind(t, s, "tcp://127.0.0.1:0"))
	a.join("PUSH")
	a.say(rawCommand("SUBSCRIBE", "x"), rawCommand("CANCEL", ""), zmtp.AppendFrame(nil, 0, []byte("fine")))
	want(t, recv(t, s), "fine")
}

// TestGuardSubscriptionFlood: subscriptions beyond the limit are counted and not kept, whether many or long, in both
// forms; the peer stays.
func TestGuardSubscriptionFlood(t *testing.T) {
	const limit, flood = 1000, 50_000
	forms := map[string]func(topic string) []byte{
		"commands": func(topic string) []byte { return rawCommand("SUBSCRIBE", topic) },
		"messages": func(topic string) []byte { return zmtp.AppendFrame(nil, 0, []byte("\x01"+topic)) },
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			w := pubTraffic(t, &Config{MaxSubscriptions: limit})
			a := attack(t, w.ep)
			a.join("SUB")
			read := background(a.drain)
			pad := strings.Repeat("x", 100)
			for i := range flood {
				a.say(form(fmt.Sprint(i) + pad))
			}
			for w.s.Stats().Dropped[DropSubscription] < flood-limit {
				yield()
			}
			for _, p := range w.s.Peers() {
				if p.Remote == a.name() && p.Subscriptions != limit {
					t.Errorf("%d subscriptions, want %d", p.Subscriptions, limit)
				}
			}
			w.base.flat(t, 0)
			a.Close()
			if fate := w.fate(a); len(fate) != 2 {
				t.Errorf("events %v", fate)
			}
			read()
			w.done()
		})
	}
}

// TestGuardLongTopics: the topics of one peer together are bounded as its messages are.
func TestGuardLongTopics(t *testing.T) {
	const budget, topic = 4 << 20, 1 << 20
	for _, typ := range []zmq4.SocketType{zmq4.Pub, zmq4.XPub} {
		t.Run(string(typ), func(t *testing.T) {
			s := open(t, typ, &Config{RecvBytes: budget})
			a := attack(t, bind(t, s, "tcp://127.0.0.1:0"))
			a.join("SUB")
			base := measure()
			body := make([]byte, topic)
			for i := range 100 {
				body[0], body[1] = 1, byte(i)
				a.say(zmtp.AppendFrame(nil, 0, body))
			}
			for s.Stats().In.Received < 100 {
				yield()
			}
			if n := s.Peers()[0].Subscriptions; n < 2 || n > budget/topic {
				t.Errorf("%d topics of 1 MiB kept with RecvBytes of 4 MiB", n)
			}
			base.flat(t, 3*budget)
		})
	}
}
