package socket

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/zmtp"
	"zmqbus/monitor"
)

// TestHeartbeatCutsSilentPeer: DISCONNECTED comes one interval and one timeout after the handshake, on both sides of a
// connection that swallows everything.
func TestHeartbeatCutsSilentPeer(t *testing.T) {
	for _, test := range []struct {
		cfg  Config
		took time.Duration // 0: never
	}{
		{Config{HeartbeatInterval: 100 * time.Millisecond, HeartbeatTimeout: 200 * time.Millisecond}, 300 * time.Millisecond},
		{Config{HeartbeatInterval: 150 * time.Millisecond}, 300 * time.Millisecond},
		{Config{HeartbeatInterval: time.Second, HeartbeatTimeout: 100 * time.Millisecond}, 1100 * time.Millisecond},
		{Config{HeartbeatInterval: 100 * time.Millisecond, HeartbeatTimeout: None}, 0},
		{Config{}, 0},
	} {
		t.Run(fmt.Sprint(test.cfg.HeartbeatInterval, test.cfg.HeartbeatTimeout), func(t *testing.T) {
			bubble(t, func(g *stage) {
				s, c := g.pair(test.cfg, test.cfg)
				begin := c.await(monitor.HandshakeSucceeded).Time
				s.await(monitor.HandshakeSucceeded)
				g.net.HalfOpen(at)
				if test.took == 0 {
					g.quiet(c)
					g.quiet(s)
					return
				}
				for _, a := range []*actor{s, c} {
					e := a.await(monitor.Disconnected)
					if e.Time.Sub(begin) != test.took || reasonName(e.Err) != "timeout" {
						t.Errorf("%s: %v after %v, want %v", a.name, e, e.Time.Sub(begin), test.took)
					}
				}
				c.await(monitor.HandshakeSucceeded) // and it comes back
			})
		})
	}
}

// TestHeartbeatHonoursPeersTTL: a socket without heartbeat options cuts a peer that asked for it.
func TestHeartbeatHonoursPeersTTL(t *testing.T) {
	for _, types := range [][2]zmq4.SocketType{
		{zmq4.Dealer, zmq4.Router}, {zmq4.Req, zmq4.Rep}, {zmq4.Pull, zmq4.Push}, {zmq4.Sub, zmq4.Pub}, {zmq4.Pair, zmq4.Pair},
	} {
		t.Run(fmt.Sprint(types), func(t *testing.T) {
			bubble(t, func(g *stage) {
				s := g.actor("server", types[1], Config{})
				s.listen(g.ep)
				h := g.connect()
				h.shake(types[0])
				s.await(monitor.HandshakeSucceeded)
				begin := time.Now()
				h.write(zmtp.AppendPing(nil, 200*time.Millisecond, []byte("x")))
				e := s.await(monitor.Disconnected)
				if e.Time.Sub(begin) != 200*time.Millisecond || reasonName(e.Err) != "timeout" {
					t.Errorf("%v after %v", e, e.Time.Sub(begin))
				}
			})
		})
	}
}

// TestHeartbeatTTLIsSent: our PING asks the peer to cut us; and each further sign of life postpones that.
func TestHeartbeatTTLIsSent(t *testing.T) {
	bubble(t, func(g *stage) {
		s, c := g.pair(Config{}, Config{HeartbeatInterval: 300 * time.Millisecond, HeartbeatTimeout: None, HeartbeatTTL: 550 * time.Millisecond})
		begin := c.await(monitor.HandshakeSucceeded).Time
		time.Sleep(3100 * time.Millisecond) // the tenth PING was the last
		g.net.HalfOpen(at)
		e := s.await(monitor.Disconnected)
		if e.Time.Sub(begin) != 3500*time.Millisecond {
			t.Errorf("%v after %v, want the last PING's 500 ms later", e, e.Time.Sub(begin))
		}
	})
}

// TestHeartbeatPeersStay: two peers that only heartbeat never part.
func TestHeartbeatPeersStay(t *testing.T) {
	for _, types := range [][2]zmq4.SocketType{
		{zmq4.Dealer, zmq4.Router}, {zmq4.Req, zmq4.Rep}, {zmq4.Pull, zmq4.Push}, {zmq4.Sub, zmq4.Pub}, {zmq4.Pair, zmq4.Pair},
	} {
		t.Run(fmt.Sprint(types), func(t *testing.T) {
			bubble(t, func(g *stage) {
				cfg := Config{HeartbeatInterval: 10 * time.Second, HeartbeatTimeout: time.Second, HeartbeatTTL: 15 * time.Second}
				s, c := g.actor("server", types[1], cfg), g.actor("client", types[0], cfg)
				s.listen(g.ep)
				c.dial(g.ep)
				c.await(monitor.HandshakeSucceeded)
				s.await(monitor.HandshakeSucceeded)
				g.quiet(c)
				g.quiet(s)
			})
		})
	}
}

// TestPongEchoesContext: up to 16 bytes of it, as RFC 37 has it.
func TestPongEchoesContext(t *testing.T) {
	bubble(t, func(g *stage) {
		s := g.actor("server", zmq4.Dealer, Config{})
		s.listen(g.ep)
		h := g.connect()
		h.shake(zmq4.Dealer)
		for _, n := range []int{0, 1, 16, 17, 200} {
			context := bytes.Repeat([]byte("c"), n)
			h.write(zmtp.AppendCommand(nil, "PING", append([]byte{0, 0}, context...)))
			flags, body := h.frame()
			want := append([]byte("\x04PONG"), context[:min(n, 16)]...)
			if flags != 4 || !bytes.Equal(body, want) {
				t.Errorf("PING with %d bytes: answer %#x %q, want %q", n, flags, body, want)
			}
		}
	})
}

// TestHeartbeatSparesSlowConsumer: who does not take its messages cannot see a PONG, and is not cut for it, on either
// side. When it takes them again nothing is missing.
func TestHeartbeatSparesSlowConsumer(t *testing.T) {
	for name, cfg := range map[string]Config{
		"timeout 1.5 intervals": {HeartbeatTimeout: 1500 * time.Millisecond, HeartbeatTTL: 3 * time.Second},
		"timeout by default":    {},
	} {
		t.Run(name, func(t *testing.T) { sparesSlowConsumer(t, cfg) })
	}
}

func sparesSlowConsumer(t *testing.T, cfg Config) {
	cfg.SendHWM, cfg.RecvHWM, cfg.HeartbeatInterval = 2, 2, time.Second
	bubble(t, func(g *stage) {
		g.net.Buffer(1 << 10)
		s, c := g.actor("server", zmq4.Pull, cfg), g.actor("client", zmq4.Push, cfg)
		s.listen(g.ep)
		c.dial(g.ep)
		c.await(monitor.HandshakeSucceeded)
		s.await(monitor.HandshakeSucceeded)
		const messages = 20
		sent := make(chan struct{})
		go func() { // owned by the test: ends when all is sent
			defer close(sent)
			for i := range messages {
				_ = c.Send(zmq4.NewMsgString(fmt.Sprint(i, string(make([]byte, 300)))))
			}
		}()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		g.quiet(s)
		for i := range messages {
			if got := recv(g.t, s.Socket)[0]; got != fmt.Sprint(i, string(make([]byte, 300))) {
				g.t.Fatalf("message %d is %.10q", i, got)
			}
		}
		<-sent
	})
}

// TestHeartbeatSeesLargeMessageArrive: the bytes of one long message are life enough.
func TestHeartbeatSeesLargeMessageArrive(t *testing.T) {
	bubble(t, func(g *stage) {
		s := g.actor("server", zmq4.Pull, Config{HeartbeatInterval: time.Second, HeartbeatTimeout: time.Second})
		s.listen(g.ep)
		h := g.connect()
		h.shake(zmq4.Push)
		const piece, pieces = 100 << 10, 20
		h.write([]byte{2, 0, 0, 0, 0, 0, piece * pieces >> 16, piece * pieces >> 8 & 0xff, piece * pieces & 0xff})
		for range pieces {
			h.write(make([]byte, piece))
			time.Sleep(500 * time.Millisecond)
		}
		if got := recv(g.t, s.Socket); len(got[0]) != piece*pieces {
			t.Errorf("%d bytes arrived", len(got[0]))
		}
	})
}
