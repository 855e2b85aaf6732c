package memnet

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// recorder is a transport.Dialer that notes the attempts.
type recorder struct{ fds []int }

func (r *recorder) Attempt(fd int) { r.fds = append(r.fds, fd) }

func (*recorder) DialContext(context.Context, string, string) (net.Conn, error) {
	panic("the dialer must not be asked to dial")
}

func TestDialReaches(t *testing.T) {
	for _, test := range []struct {
		listen, dial  string
		local, remote string // of the client; empty: refused
	}{
		{"127.0.0.1:5555", "127.0.0.1:5555", "127.0.0.1:40000", "127.0.0.1:5555"},
		{"*:5555", "127.0.0.1:5555", "127.0.0.1:40000", "127.0.0.1:5555"},
		{"*:5555", "localhost:5555", "127.0.0.1:40000", "127.0.0.1:5555"},
		{"*:5555", "0.0.0.0:5555", "127.0.0.1:40000", "127.0.0.1:5555"},
		{"[::]:5555", "[::1]:5555", "[::1]:40000", "[::1]:5555"},
		{"[::]:5555", "[::]:5555", "[::1]:40000", "[::1]:5555"},
		{"[::]:5555", "127.0.0.1:5555", "127.0.0.1:40000", "127.0.0.1:5555"},
		{"10.0.0.1:5555", "10.0.0.1:5555", "127.0.0.1:40000", "10.0.0.1:5555"},
		{"peer.example:5555", "PEER.example:5555", "127.0.0.1:40000", "peer.example:5555"},
		{"127.0.0.1:5555", "127.0.0.1:5556", "", ""},
		{"127.0.0.1:5555", "10.0.0.1:5555", "", ""},
		{"127.0.0.1:5555", "127.0.0.1:0", "", ""},
		{"127.0.0.1:5555", "127.0.0.1:99999", "", ""},
	} {
		t.Run(test.listen+" "+test.dial, func(t *testing.T) {
			n := New()
			l := listen(t, n, test.listen)
			defer l.Close()
			c, err := n.Dial(context.Background(), nil, test.dial)
			if test.local == "" {
				if !errors.Is(err, syscall.ECONNREFUSED) || c != nil {
					t.Errorf("Dial = %v, %v", c, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			s := accept(t, l)
			defer closeAll(t, c, s)
			if c.LocalAddr().String() != test.local || c.RemoteAddr().String() != test.remote {
				t.Errorf("client %v -> %v", c.LocalAddr(), c.RemoteAddr())
			}
			if s.LocalAddr() != c.RemoteAddr() || s.RemoteAddr() != c.LocalAddr() {
				t.Errorf("server %v -> %v", s.LocalAddr(), s.RemoteAddr())
			}
		})
	}
}

func TestListenErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	n := New()
	n.Unresolvable("Nowhere")
	closeAll(t, listen(t, n, "127.0.0.1:6")) // free again
	for _, addr := range []string{"127.0.0.1:1", "*:2", "10.0.0.1:3"} {
		defer listen(t, n, addr).Close()
	}
	for _, test := range []struct {
		ctx  context.Context
		addr string
		want func(error) bool
	}{
		{t.Context(), "127.0.0.1:1", is(syscall.EADDRINUSE)},
		{t.Context(), "*:1", is(syscall.EADDRINUSE)},
		{t.Context(), "127.0.0.1:2", is(syscall.EADDRINUSE)},
		{t.Context(), "[::]:2", is(syscall.EADDRINUSE)},
		{t.Context(), "10.0.0.2:3", is(nil)},
		{t.Context(), "127.0.0.1:6", is(nil)},
		{t.Context(), "127.0.0.1:99999", is(syscall.EINVAL)},
		{t.Context(), "127.0.0.1", as[*net.AddrError]},
		{t.Context(), "127.0.0.1:x", as[*net.AddrError]},
		{t.Context(), "nowhere:7", as[*net.DNSError]},
		{ctx, "127.0.0.1:8", is(context.Canceled)},
	} {
		l, err := n.Listen(test.ctx, test.addr)
		if !test.want(err) || err != nil && !as[*net.OpError](err) {
			t.Errorf("Listen(%q): %v", test.addr, err)
		}
		if err == nil {
			closeAll(t, l)
		}
	}
}

func is(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }

func as[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

func TestAnyPort(t *testing.T) {
	n := New()
	defer listen(t, n, "127.0.0.1:30001").Close()
	a, b, c := listen(t, n, "127.0.0.1:0"), listen(t, n, "*:*"), listen(t, n, "10.0.0.1:")
	for want, l := range map[string]net.Listener{"127.0.0.1:30000": a, "0.0.0.0:30002": b, "10.0.0.1:30003": c} {
		if l.Addr().String() != want || l.Addr().Network() != "tcp" {
			t.Errorf("Addr = %v, want %s", l.Addr(), want)
		}
		closeAll(t, l)
	}
	n.anyPorts = firstClient - firstListen - 1 // the last one, then from the start
	for _, want := range []string{"127.0.0.1:39999", "127.0.0.1:30000", "127.0.0.1:30002"} {
		l := listen(t, n, "127.0.0.1:0")
		defer l.Close()
		if l.Addr().String() != want {
			t.Errorf("Addr = %v, want %s", l.Addr(), want)
		}
	}
}

func TestNoFreePort(t *testing.T) {
	n := New()
	for range firstClient - firstListen {
		defer listen(t, n, "127.0.0.1:0").Close()
	}
	if _, err := n.Listen(t.Context(), "127.0.0.1:0"); !errors.Is(err, syscall.EADDRINUSE) {
		t.Error(err)
	}
}

func TestClientPortsWrap(t *testing.T) {
	n := New()
	l := listen(t, n, testAddr)
	defer l.Close()
	n.clients = maxPort - firstClient
	for _, want := range []string{"127.0.0.1:65535", "127.0.0.1:40000", "127.0.0.1:40001"} {
		c := dial(t, n, testAddr)
		defer c.Close()
		if c.LocalAddr().String() != want {
			t.Errorf("LocalAddr = %v, want %s", c.LocalAddr(), want)
		}
	}
}

// TestDescriptors: from 3, none twice, and attempts take theirs whatever comes of them.
func TestDescriptors(t *testing.T) {
	n := New()
	n.Unresolvable("nowhere")
	n.Refuse("127.0.0.1:2", true)
	var r recorder
	l := listen(t, n, testAddr)
	defer l.Close()
	for _, addr := range []string{"127.0.0.1:1", "nowhere:5555", "bad", "127.0.0.1:2"} {
		if _, err := n.Dial(t.Context(), &r, addr); err == nil {
			t.Errorf("Dial(%q) succeeded", addr)
		}
	}
	c, err := n.Dial(t.Context(), &r, testAddr)
	if err != nil {
		t.Fatal(err)
	}
	s := accept(t, l)
	closeAll(t, c, s)
	c2 := dial(t, n, testAddr)
	defer c2.Close()
	got := []int{l.(interface{ FD() int }).FD(), c.(*Conn).FD(), s.FD(), c2.FD()}
	for i, want := range []int{3, 6, 7, 8} {
		if got[i] != want {
			t.Errorf("descriptors %v of listener, client, server, client", got)
			break
		}
	}
	if len(r.fds) != 3 || r.fds[0] != 4 || r.fds[1] != 5 || r.fds[2] != 6 {
		t.Errorf("attempts %v", r.fds)
	}
}

func TestListenerClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		l := listen(t, n, testAddr)
		accepted, waiting := dial(t, n, testAddr), dial(t, n, testAddr)
		s := accept(t, l)
		send(t, waiting, "never read")
		defer closeAll(t, accepted, waiting, s)
		closeAll(t, l)

		if _, err := waiting.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("not accepted: %v", err)
		}
		send(t, accepted, "alive")
		if _, err := io.ReadFull(s, make([]byte, 5)); err != nil {
			t.Errorf("accepted: %v", err)
		}
		_, acceptErr := l.Accept()
		for _, err := range []error{acceptErr, l.Close()} {
			if !errors.Is(err, net.ErrClosed) || !as[*net.OpError](err) {
				t.Errorf("after Close: %v", err)
			}
		}
		if _, err := n.Dial(t.Context(), nil, testAddr); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("Dial: %v", err)
		}
	})
}

func TestListenerCloseWakesAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := listen(t, New(), testAddr)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { // owned by this test; ends by Close below
				if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		closeAll(t, l)
		wg.Wait()
	})
}

func TestAcceptInOrder(t *testing.T) {
	n := New()
	l := listen(t, n, testAddr)
	defer l.Close()
	for range 5 {
		defer dial(t, n, testAddr).Close()
	}
	for i := range 5 {
		s := accept(t, l)
		defer s.Close()
		if want := (address{"127.0.0.1", firstClient + i}); s.RemoteAddr() != want {
			t.Errorf("accepted %v, want %v", s.RemoteAddr(), want)
		}
	}
}

// TestForgets: a network does not hold on to connections that both ends closed.
func TestForgets(t *testing.T) {
	n := New()
	for i := range 4 {
		c, s := connected(t, n)
		if i%2 == 0 {
			closeAll(t, c, s)
		} else {
			closeAll(t, s)
			c.Reset()
		}
	}
	if len(n.conns) != 0 || len(n.listeners) != 0 {
		t.Errorf("%d connections, %d listeners left", len(n.conns), len(n.listeners))
	}
}

// TestConcurrentUse is for the race detector: everything at once, and every dial ends in a connection or an error.
func TestConcurrentUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		l := listen(t, n, testAddr)
		var servers, clients sync.WaitGroup
		servers.Go(func() { // owned by this test; ends when l is closed
			for {
				c, err := l.Accept()
				if errors.Is(err, net.ErrClosed) {
					return
				}
				if err == nil {
					servers.Go(func() { // ends when the client is closed or cut
						io.Copy(io.Discard, c)
						c.Close()
					})
				}
			}
		})
		for range 20 {
			clients.Go(func() { // owned by this test; ends by itself
				c, err := n.Dial(t.Context(), nil, testAddr)
				if err != nil {
					return
				}
				c.Write(make([]byte, 1000))
				c.Close()
			})
			clients.Go(func() {
				n.Refuse(testAddr, false)
				n.Delay(testAddr, time.Millisecond)
				n.FailAccept(testAddr, syscall.EMFILE, 1)
				n.Buffer(100)
				n.Cut(testAddr)
				n.Unresolvable("nowhere")
			})
		}
		clients.Wait()
		n.FailAccept(testAddr, nil, 0)
		closeAll(t, l)
		servers.Wait()
	})
}
