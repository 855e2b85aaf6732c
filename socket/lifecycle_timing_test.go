package socket

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// TestReconnectIntervals: the k-th wait in a row is in libzmq's range, and what is reported is what is waited.
func TestReconnectIntervals(t *testing.T) {
	for _, test := range []struct {
		cfg  Config
		base []int64 // ms; up to twice ReconnectInterval is added to none, once to each
	}{
		{Config{}, []int64{100, 100, 100, 100, 100, 100}},
		{Config{ReconnectIntervalMax: 800 * time.Millisecond}, []int64{100, 200, 400, 800, 800, 800}},
		{Config{ReconnectIntervalMax: 300 * time.Millisecond}, []int64{100, 200, 300, 300}},
		{Config{ReconnectInterval: 50 * time.Millisecond, ReconnectIntervalMax: 20 * time.Millisecond}, []int64{50, 50, 50}},
		{Config{ReconnectInterval: time.Second, ReconnectIntervalMax: time.Minute}, []int64{1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000}},
		{Config{ReconnectInterval: time.Millisecond}, []int64{1, 1, 1}},
	} {
		t.Run(fmt.Sprint(test.cfg.ReconnectInterval, test.cfg.ReconnectIntervalMax), func(t *testing.T) {
			bubble(t, func(g *stage) {
				c := g.actor("client", zmq4.Dealer, test.cfg)
				unit := c.st.reconnectInterval.Milliseconds()
				c.dial(g.ep)
				for k, base := range test.base {
					begin, e := time.Now(), c.await(monitor.ConnectRetried)
					if e.Value < base || e.Value >= base+unit {
						t.Errorf("retry %d after %d ms, want [%d,%d)", k+1, e.Value, base, base+unit)
					}
					c.await(monitor.ConnectDelayed)
					if waited := time.Since(begin).Milliseconds(); k > 0 && waited != e.Value {
						t.Errorf("retry %d: reported %d ms, waited %d", k+1, e.Value, waited)
					}
				}
			})
		})
	}
}

// TestReconnectIntervalsStartAgain: a handshake that succeeds ends the growth.
func TestReconnectIntervalsStartAgain(t *testing.T) {
	bubble(t, func(g *stage) {
		c := g.actor("client", zmq4.Dealer, Config{ReconnectInterval: 50 * time.Millisecond, ReconnectIntervalMax: 400 * time.Millisecond})
		c.dial(g.ep)
		expect := func(bases ...int64) {
			for _, base := range bases {
				if e := c.await(monitor.ConnectRetried); e.Value < base || e.Value >= base+50 {
					t.Errorf("retry after %d ms, want [%d,%d)", e.Value, base, base+50)
				}
			}
		}
		expect(50, 100, 200, 400)
		s := g.actor("server", zmq4.Dealer, Config{})
		s.listen(g.ep)
		c.await(monitor.HandshakeSucceeded)
		s.end()
		expect(50, 100, 200)
	})
}

// TestReconnectJitterIsSeeded: sockets that lose one server do not come back in step.
func TestReconnectJitterIsSeeded(t *testing.T) {
	bubble(t, func(g *stage) {
		seen := map[int64]bool{}
		for i := range 20 {
			c := g.actor(fmt.Sprint("client ", i), zmq4.Dealer, Config{})
			c.dial(g.ep)
			seen[c.await(monitor.ConnectRetried).Value] = true
			c.end()
		}
		if len(seen) < 5 {
			t.Errorf("20 sockets chose only %d intervals: %v", len(seen), seen)
		}
	})
}

// TestTimeoutsOfConnecting: an attempt and a handshake end exactly when they should.
func TestTimeoutsOfConnecting(t *testing.T) {
	const limit = 300 * time.Millisecond
	for _, test := range []struct {
		name string
		cfg  Config
		set  func(g *stage)
		want monitor.Type
		took time.Duration
	}{
		{"connect", Config{ConnectTimeout: limit}, func(g *stage) { g.net.Blackhole(at, true) }, monitor.Closed, limit},
		{"connect, off", Config{ConnectTimeout: None}, func(g *stage) { g.net.Delay(at, 90*time.Second) }, monitor.Closed, 90 * time.Second},
		{"handshake", Config{HandshakeTimeout: limit}, func(g *stage) { g.handmadeServer() }, monitor.HandshakeFailedNoDetail, limit},
		{"handshake, default", Config{}, func(g *stage) { g.handmadeServer() }, monitor.HandshakeFailedNoDetail, 30 * time.Second},
		{"handshake, off", Config{HandshakeTimeout: None}, func(g *stage) {
			l := g.handmadeServer()
			go func() { // owned by the test: accepts once
				if c, err := l.Accept(); err == nil {
					time.Sleep(time.Hour)
					c.Close()
				}
			}()
		}, monitor.HandshakeFailedNoDetail, time.Hour},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(g *stage) {
				test.set(g)
				c := g.actor("client", zmq4.Dealer, test.cfg)
				begin := time.Now()
				c.dial(g.ep)
				time.Sleep(2 * test.took)
				synctest.Wait()
				if e := c.await(test.want); e.Time.Sub(begin) != test.took {
					t.Errorf("%v after %v, want %v", e, e.Time.Sub(begin), test.took)
				}
			})
		})
	}
}

func TestHandshakeTimeoutOfServer(t *testing.T) {
	bubble(t, func(g *stage) {
		s := g.actor("server", zmq4.Dealer, Config{HandshakeTimeout: 300 * time.Millisecond})
		s.listen(g.ep)
		h := g.connect()
		begin := s.await(monitor.Accepted).Time
		time.Sleep(200 * time.Millisecond)
		h.greet("NULL") // some life does not buy time
		if e := s.await(monitor.HandshakeFailedNoDetail); e.Time.Sub(begin) != 300*time.Millisecond {
			t.Errorf("%v after %v", e, e.Time.Sub(begin))
		}
	})
}

// TestReconnectStopAfterDisconnect: libzmq's third bit. Without it, Disconnect goes on trying to flush.
func TestReconnectStopAfterDisconnectOfConnection(t *testing.T) {
	for _, test := range []struct {
		stop ReconnectStop
		want bool
	}{{0, true}, {StopAfterDisconnect, false}} {
		bubble(t, func(g *stage) {
			g.net.Buffer(1 << 10)
			s, c := g.pair(Config{RecvHWM: 1}, Config{ReconnectStop: test.stop, Linger: time.Minute})
			c.await(monitor.HandshakeSucceeded)
			s.await(monitor.HandshakeSucceeded)
			for range 20 {
				send(g.t, c.Socket, strings.Repeat(".", 500))
			}
			if err := c.Disconnect(g.ep); err != nil {
				t.Error(err)
			}
			g.net.Cut(at)
			if e := c.await(monitor.Disconnected); e.Retry != test.want {
				t.Errorf("stop %d: %v", test.stop, e)
			}
			synctest.Wait()
			if n := len(c.Endpoints()); (n == 1) != test.want {
				t.Errorf("stop %d: %d endpoints", test.stop, n)
			}
			_ = c.CloseContext(ended())
			c.closed = true
		})
	}
}

// TestReconnectStopAfterDisconnect is the same while there is no connection.
func TestReconnectStopAfterDisconnect(t *testing.T) {
	for _, test := range []struct {
		stop ReconnectStop
		left int
	}{{0, 1}, {StopAfterDisconnect, 0}} {
		bubble(t, func(g *stage) {
			c := g.actor("client", zmq4.Dealer, Config{ReconnectStop: test.stop, Linger: time.Minute})
			c.dial(g.ep)
			c.await(monitor.ConnectRetried)
			send(g.t, c.Socket, "queued")
			if err := c.Disconnect(g.ep); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if eps := c.Endpoints(); len(eps) != test.left {
				t.Errorf("stop %d: endpoints %v", test.stop, eps)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if eps, st := c.Endpoints(), c.Stats(); len(eps) != 0 || st.Dropped[DropDisconnected] != 1 {
				t.Errorf("stop %d: endpoints %v, dropped %v", test.stop, eps, st.Dropped)
			}
		})
	}
}
