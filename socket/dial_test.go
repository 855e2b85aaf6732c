package socket

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// TestDialledPipeOutlivesConnection: what is queued when the connection is cut arrives over the next one, in order and
// once; only the message that was partly written is lost, and counted.
func TestDialledPipeOutlivesConnection(t *testing.T) {
	bubble(t, func(g *stage) {
		g.net.Buffer(1 << 10)
		const messages = 50
		s, c := g.actor("server", zmq4.Pull, Config{RecvHWM: 1}), g.actor("client", zmq4.Push, Config{})
		s.listen(g.ep)
		c.dial(g.ep)
		for i := range messages {
			send(g.t, c.Socket, fmt.Sprintf("%03d%s", i, strings.Repeat(".", 297)))
		}
		synctest.Wait()
		g.net.Cut(at)
		synctest.Wait()
		if n := c.Stats().Dropped[DropWriteError]; n != 1 {
			t.Errorf("%d messages counted as broken by the error, want 1", n)
		}
		c.await(monitor.HandshakeSucceeded)
		c.await(monitor.HandshakeSucceeded)
		byConn := map[monitor.ConnID][]string{}
		var all []string
		for range messages - 1 {
			m, conn, err := s.RecvFrom(testContext(g.t))
			if err != nil {
				g.t.Fatal(err)
			}
			byConn[conn] = append(byConn[conn], string(m.Frames[0][:3]))
			all = append(all, string(m.Frames[0][:3]))
		}
		for conn, got := range byConn {
			if !slices.IsSorted(got) {
				t.Errorf("connection %d brought %v", conn, got)
			}
		}
		slices.Sort(all)
		if len(slices.Compact(all)) != messages-1 || len(byConn) != 2 {
			t.Errorf("%d connections brought %v", len(byConn), all)
		}
		if _, err := s.TryRecv(); !errors.Is(err, ErrAgain) {
			t.Errorf("one message too many: %v", err)
		}
	})
}

// TestRequeuedMessagesCount: what goes back to the queue fills it again, though its room was given away meanwhile.
func TestRequeuedMessagesCount(t *testing.T) {
	bubble(t, func(g *stage) {
		g.net.Buffer(1 << 10)
		s, c := g.actor("server", zmq4.Pull, Config{RecvHWM: 1}), g.actor("client", zmq4.Push, Config{SendHWM: 20})
		s.listen(g.ep)
		c.dial(g.ep)
		c.await(monitor.HandshakeSucceeded)
		queue := func(n int) {
			c.mu.Lock() // the writer finds all at once
			defer c.mu.Unlock()
			for range n {
				if err := c.sendLocked(zmq4.NewMsgString(strings.Repeat(".", 4000))); err != nil {
					t.Error(err)
				}
			}
		}
		queue(20)
		synctest.Wait() // the writer is at a chunk of 16, which are no longer in the queue
		queue(10)
		g.net.Refuse(at, true)
		g.net.Cut(at)
		synctest.Wait()
		if err := c.TrySend(zmq4.NewMsgString("one more")); !errors.Is(err, ErrAgain) {
			t.Errorf("with %d of 20 queued: %v", c.Stats().Out.Queued, err)
		}
		_ = c.CloseContext(ended())
		c.closed = true
	})
}

// TestSubscriptionsAreToldAgain: also those that changed while there was no publisher.
func TestSubscriptionsAreToldAgain(t *testing.T) {
	bubble(t, func(g *stage) {
		sub := g.actor("sub", zmq4.Sub, Config{})
		for _, topic := range []string{"kept", "taken back"} {
			if err := sub.Subscribe(topic); err != nil {
				g.t.Fatal(err)
			}
		}
		sub.dial(g.ep)
		for round := range 3 {
			pub := g.actor(fmt.Sprint("pub ", round), zmq4.XPub, Config{})
			pub.listen(g.ep)
			waitPeers(g.t, pub.Socket, 1)
			var topics []string
			for range 2 {
				topics = append(topics, recv(g.t, pub.Socket)[0])
			}
			slices.Sort(topics)
			if round == 0 {
				want(g.t, topics, "\x01kept", "\x01taken back")
			} else {
				want(g.t, topics, "\x01kept", "\x01new")
			}
			send(g.t, pub.Socket, "kept", fmt.Sprint(round))
			want(g.t, recv(g.t, sub.Socket), "kept", fmt.Sprint(round))
			pub.end()
			sub.await(monitor.ConnectRetried)
			if round == 0 {
				_ = sub.Unsubscribe("taken back")
				_ = sub.Subscribe("new")
			}
		}
	})
}

// TestDialRevives: an endpoint that gave up keeps its messages, and a Dial makes it try again.
func TestDialRevives(t *testing.T) {
	bubble(t, func(g *stage) {
		wrong, c := g.actor("wrong", zmq4.Pub, Config{}), g.actor("client", zmq4.Dealer, Config{})
		c.dial(g.ep)
		c.await(monitor.ConnectRetried)
		send(g.t, c.Socket, "kept")
		wrong.listen(g.ep)
		if e := c.await(monitor.Disconnected); e.Retry {
			t.Errorf("%v says that a retry follows", e)
		}
		g.quiet(c)
		wrong.end()
		if c.state() != GaveUp {
			t.Errorf("the endpoint is %v", c.state())
		}
		if err := c.TrySend(zmq4.NewMsgString("refused")); !errors.Is(err, ErrAgain) {
			t.Errorf("sending to nobody: %v", err)
		}
		s := g.actor("right", zmq4.Dealer, Config{})
		s.listen(g.ep)
		c.dial(g.ep)
		c.await(monitor.HandshakeSucceeded)
		want(g.t, recv(g.t, s.Socket), "kept")
		send(g.t, c.Socket, "and more")
		want(g.t, recv(g.t, s.Socket), "and more")
	})
}

// TestDialAfterDisconnect: the endpoint that is on its way out is not the one that is dialled.
func TestDialAfterDisconnect(t *testing.T) {
	for _, queued := range []int{0, 3} {
		bubble(t, func(g *stage) {
			c := g.actor("client", zmq4.Dealer, Config{})
			c.dial(g.ep)
			c.await(monitor.ConnectRetried)
			for i := range queued {
				send(g.t, c.Socket, fmt.Sprint("first ", i))
			}
			if err := c.Disconnect(g.ep); err != nil {
				g.t.Fatal(err)
			}
			c.dial(g.ep)
			send(g.t, c.Socket, "second")
			s := g.actor("server", zmq4.Dealer, Config{})
			s.listen(g.ep)
			var got []string
			for range queued + 1 {
				got = append(got, recv(g.t, s.Socket)...)
			}
			slices.Sort(got)
			want(g.t, got, append([]string{"first 0", "first 1", "first 2"}[:queued], "second")...)
			synctest.Wait()
			if eps := c.Endpoints(); len(eps) != 1 || eps[0].State != Connected {
				t.Errorf("endpoints: %v", eps)
			}
		})
	}
}

// TestDisconnectDoesNotOutliveHope: an endpoint that flushes ends when it would give up.
func TestDisconnectDoesNotOutliveHope(t *testing.T) {
	bubble(t, func(g *stage) {
		c := g.actor("client", zmq4.Dealer, Config{Linger: Unlimited})
		c.dial(g.ep)
		c.await(monitor.ConnectRetried)
		send(g.t, c.Socket, "nobody will take this")
		if err := c.Disconnect(g.ep); err != nil {
			t.Error(err)
		}
		g.actor("wrong", zmq4.Pub, Config{}).listen(g.ep)
		c.await(monitor.Disconnected)
		synctest.Wait()
		if eps, st := c.Endpoints(), c.Stats(); len(eps) != 0 || st.Dropped[DropDisconnected] != 1 {
			t.Errorf("endpoints %v, dropped %v", eps, st.Dropped)
		}
	})
}

func TestDisconnectFlushes(t *testing.T) {
	const messages = 20
	for _, test := range []struct {
		name   string
		linger time.Duration
		read   bool // the server reads, after a second
		lost   bool
		after  time.Duration // when the endpoint is gone
	}{
		{"all is read", 0, true, false, time.Second},
		{"nothing is read", 0, false, true, 5 * time.Second},
		{"for ever", Unlimited, true, false, time.Second},
		{"at once", None, true, true, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(g *stage) {
				g.net.Buffer(1 << 10)
				s, c := g.actor("server", zmq4.Pull, Config{RecvHWM: 1}), g.actor("client", zmq4.Push, Config{Linger: test.linger})
				s.listen(g.ep)
				c.dial(g.ep)
				c.await(monitor.HandshakeSucceeded)
				for range messages {
					send(g.t, c.Socket, strings.Repeat(".", 300))
				}
				begin := time.Now()
				if err := c.Disconnect(g.ep); err != nil || time.Since(begin) != 0 {
					t.Errorf("Disconnect: %v after %v", err, time.Since(begin))
				}
				if err := c.Disconnect(g.ep); !errors.Is(err, ErrNoEndpoint) {
					t.Errorf("Disconnect again: %v", err)
				}
				time.Sleep(time.Second)
				for i := 0; test.read && i < messages && !test.lost; i++ {
					recv(g.t, s.Socket)
				}
				time.Sleep(test.after - time.Since(begin))
				synctest.Wait()
				st := c.Stats()
				if lost := st.Dropped[DropDisconnected] + st.Dropped[DropWriteError]; len(c.Endpoints()) != 0 ||
					(lost > 0) != test.lost || st.Out.Accepted != st.Out.Written+lost {
					t.Errorf("endpoints %v, %+v, dropped %v", c.Endpoints(), st.Out, st.Dropped)
				}
			})
		})
	}
}
