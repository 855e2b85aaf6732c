package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// TestCloseLingers: how long Close waits for a peer that does not come, and what it says of the messages.
func TestCloseLingers(t *testing.T) {
	within := func(d time.Duration) func(s *Socket) error {
		return func(s *Socket) error {
			ctx, cancel := context.WithTimeout(context.Background(), d)
			defer cancel()
			return s.CloseContext(ctx)
		}
	}
	for _, test := range []struct {
		name   string
		linger time.Duration
		close  func(s *Socket) error
		took   time.Duration
		sent   bool // a server comes after two hours
	}{
		{"default", 0, (*Socket).Close, 5 * time.Second, false},
		{"none", None, (*Socket).Close, 0, false},
		{"one second", time.Second, (*Socket).Close, time.Second, false},
		{"for ever", Unlimited, (*Socket).Close, 2 * time.Hour, true},
		{"context, for ever", Unlimited, within(3 * time.Second), 3 * time.Second, false},
		{"context, longer than linger", None, within(3 * time.Second), 3 * time.Second, false},
		{"context, ended", 0, func(s *Socket) error { return s.CloseContext(ended()) }, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(g *stage) {
				g.net.Refuse(at, true)
				s := g.actor("server", zmq4.Pull, Config{})
				s.listen(g.ep)
				c := g.actor("client", zmq4.Push, Config{Linger: test.linger, ReconnectInterval: time.Millisecond, ReconnectIntervalMax: time.Minute})
				c.dial(g.ep)
				for range 3 {
					send(g.t, c.Socket, "12345", "67890")
				}
				time.AfterFunc(2*time.Hour, func() { g.net.Refuse(at, false) })
				begin := time.Now()
				err := test.close(c.Socket)
				if took := time.Since(begin).Truncate(2 * time.Minute); !test.sent && time.Since(begin) != test.took || test.sent && took != test.took {
					t.Errorf("closed after %v, want %v", time.Since(begin), test.took)
				}
				var unsent *UnsentError
				switch {
				case test.sent && err != nil:
					t.Error(err)
				case !test.sent && (!errors.As(err, &unsent) || *unsent != UnsentError{3, 30}):
					t.Errorf("Close: %v, want 3 messages of 30 bytes", err)
				}
				c.closed = true
				if again := c.Close(); again != err {
					t.Errorf("second Close: %v, first: %v", again, err)
				}
				if n := c.Stats().Dropped[DropLinger]; !test.sent && n != 3 {
					t.Errorf("%d counted as dropped by linger", n)
				}
			})
		})
	}
}

// TestCloseFlushesToSlowReader: nothing is lost that a slow reader takes in time.
func TestCloseFlushesToSlowReader(t *testing.T) {
	bubble(t, func(g *stage) {
		g.net.Buffer(1 << 10)
		s, c := g.actor("server", zmq4.Pull, Config{RecvHWM: 1}), g.actor("client", zmq4.Push, Config{Linger: Unlimited})
		s.listen(g.ep)
		c.dial(g.ep)
		const messages = 100
		for i := range messages {
			send(g.t, c.Socket, fmt.Sprint(i), strings.Repeat(".", 300))
		}
		result := make(chan error, 1)
		go func() { result <- c.Close() }() // owned by the test: ends with Close
		for i := range messages {
			time.Sleep(time.Second)
			want(g.t, recv(g.t, s.Socket)[:1], fmt.Sprint(i))
		}
		if err := <-result; err != nil {
			t.Error(err)
		}
		c.closed = true
	})
}

// TestCloseTogether: every Close returns when the socket has ended, with one result, and a later one may be in more of
// a hurry.
func TestCloseTogether(t *testing.T) {
	bubble(t, func(g *stage) {
		c := g.actor("client", zmq4.Push, Config{Linger: Unlimited})
		c.dial(g.ep)
		send(g.t, c.Socket, "unsent")
		begin := time.Now()
		var callers sync.WaitGroup
		errs := make([]error, 5)
		for i := range errs {
			callers.Go(func() { // owned by the test: ends with Close
				if i > 0 {
					errs[i] = c.Close()
					return
				}
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				errs[i] = c.CloseContext(ctx)
			})
		}
		synctest.Wait()
		select {
		case <-c.Done():
			t.Error("done before the end")
		default:
		}
		callers.Wait()
		for _, err := range errs {
			if err == nil || err != errs[0] {
				t.Errorf("results: %v", errs)
			}
		}
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("closed after %v", took)
		}
		<-c.Done()
		c.closed = true
	})
}

// TestContextEndsSocket: at once, without flushing, and every call says why.
func TestContextEndsSocket(t *testing.T) {
	bubble(t, func(g *stage) {
		cause := errors.New("the cause")
		ctx, cancel := context.WithCancelCause(context.Background())
		s, err := New(ctx, zmq4.Dealer, memConfig(g.net, Config{Linger: Unlimited}))
		if err != nil {
			g.t.Fatal(err)
		}
		dial(g.t, s, g.ep)
		send(g.t, s, "unsent")
		blocked := make(chan error, 1)
		go func() { // owned by the test: ends with the socket
			_, err := s.Recv()
			blocked <- err
		}()
		synctest.Wait()
		begin := time.Now()
		cancel(cause)
		<-s.Done()
		if took := time.Since(begin); took != 0 {
			t.Errorf("ended after %v", took)
		}
		_, recvErr := s.TryRecv()
		for _, err := range []error{<-blocked, recvErr, s.Send(zmq4.NewMsgString("x")), s.Dial(g.ep), s.Listen(g.ep), s.Disconnect(g.ep),
			s.Unbind(g.ep), s.Monitor("inproc://x", 0), s.StopMonitor(""), s.RequestPipesStats()} {
			for _, w := range []error{ErrClosed, net.ErrClosed, ETERM, cause} {
				if !errors.Is(err, w) {
					t.Errorf("%v is not %v", err, w)
				}
			}
		}
		var unsent *UnsentError
		if err := s.Close(); !errors.As(err, &unsent) || unsent.Messages != 1 || s.Stats().Dropped[DropLinger] != 1 {
			t.Errorf("Close: %v", err)
		}
	})
}

// TestCloseLeavesNothing: a socket ends at once and completely, whatever it is in the middle of. The bubble fails when a
// goroutine is left.
func TestCloseLeavesNothing(t *testing.T) {
	for _, test := range []struct {
		name string
		play func(g *stage) *actor // returns who is closed
	}{
		{"dial in a black hole", func(g *stage) *actor {
			g.net.Blackhole(at, true)
			c := g.actor("client", zmq4.Push, Config{})
			c.dial(g.ep)
			c.await(monitor.ConnectDelayed)
			return c
		}},
		{"waiting to retry", func(g *stage) *actor {
			c := g.actor("client", zmq4.Push, Config{ReconnectInterval: time.Hour})
			c.dial(g.ep)
			c.await(monitor.ConnectRetried)
			return c
		}},
		{"handshake of a client", func(g *stage) *actor {
			g.handmadeServer()
			c := g.actor("client", zmq4.Push, Config{HandshakeTimeout: None})
			c.dial(g.ep)
			c.await(monitor.Connected)
			return c
		}},
		{"handshake of a server", func(g *stage) *actor {
			s := g.actor("server", zmq4.Push, Config{HandshakeTimeout: None})
			s.listen(g.ep)
			g.connect()
			g.connect().greet("NULL")
			s.await(monitor.Accepted)
			s.await(monitor.Accepted)
			return s
		}},
		{"accept backs off", func(g *stage) *actor {
			s := g.actor("server", zmq4.Push, Config{})
			g.net.FailAccept(at, syscall.EMFILE, 1000)
			s.listen(g.ep)
			s.await(monitor.AcceptFailed)
			return s
		}},
		{"readers wait for room", func(g *stage) *actor {
			s, c := g.actor("server", zmq4.Pull, Config{RecvHWM: 1}), g.actor("client", zmq4.Push, Config{Linger: None})
			s.listen(g.ep)
			c.dial(g.ep)
			for range 100 {
				send(g.t, c.Socket, "x")
			}
			s.await(monitor.HandshakeSucceeded)
			return s
		}},
		{"writers wait for the peer", func(g *stage) *actor {
			g.net.Buffer(1 << 10)
			s := g.actor("server", zmq4.Push, Config{})
			s.listen(g.ep)
			for range 3 {
				h := g.connect()
				h.shake(zmq4.Pull)
			}
			for range 100 {
				send(g.t, s.Socket, strings.Repeat(".", 500))
			}
			return s
		}},
		{"pumps wait for the user", func(g *stage) *actor {
			s, c := g.actor("server", zmq4.Dealer, Config{RecvHWM: 1}), g.actor("client", zmq4.Dealer, Config{Linger: None})
			s.listen(g.ep)
			c.dial(g.ep)
			s.C()
			for range 10 {
				c.Out() <- zmq4.NewMsgString("x")
			}
			s.await(monitor.HandshakeSucceeded)
			return s
		}},
		{"monitors without a reader", func(g *stage) *actor {
			s := g.actor("server", zmq4.Push, Config{Inproc: NewInproc()})
			for i, typ := range []zmq4.SocketType{zmq4.Pair, zmq4.Pub, zmq4.Push} {
				if err := s.MonitorVersioned(fmt.Sprint("inproc://m", i), 0xFFFF, 2, typ); err != nil {
					g.t.Fatal(err)
				}
			}
			s.listen(g.ep)
			return s
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(g *stage) {
				a := test.play(g)
				synctest.Wait()
				begin := time.Now()
				a.closed = true
				var unsent *UnsentError
				if err := a.CloseContext(ended()); err != nil && !errors.As(err, &unsent) {
					t.Error(err)
				}
				if took := time.Since(begin); took != 0 {
					t.Errorf("closed after %v", took)
				}
			})
		})
	}
}
