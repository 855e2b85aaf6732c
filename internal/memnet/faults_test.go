package memnet

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestRefuse(t *testing.T) {
	n := New()
	l := listen(t, n, "*:5555")
	defer l.Close()
	n.Refuse(testAddr, true)
	if _, err := n.Dial(t.Context(), nil, testAddr); !errors.Is(err, syscall.ECONNREFUSED) || !as[*net.OpError](err) {
		t.Error(err)
	}
	dial(t, n, "10.0.0.1:5555").Close()
	n.Refuse(testAddr, false)
	dial(t, n, testAddr).Close()
}

func TestUnresolvable(t *testing.T) {
	n := New()
	defer listen(t, n, "*:5555").Close()
	dial(t, n, "peer.example:5555").Close()
	n.Unresolvable("Peer.Example")
	var r recorder
	_, err := n.Dial(t.Context(), &r, "peer.EXAMPLE:5555")
	var dns *net.DNSError
	if !errors.As(err, &dns) || dns.Name != "peer.EXAMPLE" || !dns.IsNotFound || !as[*net.OpError](err) {
		t.Errorf("%v", err)
	}
	if len(r.fds) != 0 {
		t.Errorf("attempts %v", r.fds)
	}
}

// TestWay is how long a dial takes and what comes of it.
func TestWay(t *testing.T) {
	for _, test := range []struct {
		name   string
		order  func(n *Network)
		listen bool
		limit  time.Duration // of the context
		want   error
		takes  time.Duration
	}{
		{"plain", func(*Network) {}, true, time.Minute, nil, 0},
		{"blackhole", func(n *Network) { n.Blackhole(testAddr, true) }, true, time.Minute, context.DeadlineExceeded, time.Minute},
		{"blackhole ended", func(n *Network) { n.Blackhole(testAddr, true); n.Blackhole(testAddr, false) }, true, time.Minute, nil, 0},
		{"blackhole and refuse", func(n *Network) { n.Blackhole(testAddr, true); n.Refuse(testAddr, true) }, true, time.Minute,
			context.DeadlineExceeded, time.Minute},
		{"delay", func(n *Network) { n.Delay(testAddr, time.Second) }, true, time.Minute, nil, time.Second},
		{"delay ended", func(n *Network) { n.Delay(testAddr, time.Second); n.Delay(testAddr, 0) }, true, time.Minute, nil, 0},
		{"delay on any host", func(n *Network) { n.Delay("*:5555", time.Second) }, true, time.Minute, nil, time.Second},
		{"the longer delay", func(n *Network) { n.Delay("*:5555", time.Second); n.Delay(testAddr, time.Hour) }, true, 2 * time.Hour,
			nil, time.Hour},
		{"delay beyond ctx", func(n *Network) { n.Delay(testAddr, time.Hour) }, true, time.Minute, context.DeadlineExceeded, time.Minute},
		{"delay, nobody there", func(n *Network) { n.Delay(testAddr, time.Second) }, false, time.Minute, syscall.ECONNREFUSED, time.Second},
		{"delay, refused when it arrives", func(n *Network) {
			n.Delay(testAddr, 2*time.Second)
			time.AfterFunc(time.Second, func() { n.Refuse(testAddr, true) })
		}, true, time.Minute, syscall.ECONNREFUSED, 2 * time.Second},
		{"other port", func(n *Network) { n.Blackhole("*:1", true); n.Delay("*:1", time.Hour); n.Refuse("*:1", true) }, true, time.Minute, nil, 0},
		{"ctx over", func(*Network) {}, true, 0, context.DeadlineExceeded, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := New()
				if test.listen {
					defer listen(t, n, testAddr).Close()
				}
				test.order(n)
				ctx, cancel := context.WithTimeout(t.Context(), test.limit)
				defer cancel()
				start := time.Now()
				c, err := n.Dial(ctx, nil, testAddr)
				if d := time.Since(start); !errors.Is(err, test.want) || d != test.takes {
					t.Errorf("%v after %v, want %v after %v", err, d, test.want, test.takes)
				}
				var ne net.Error
				if test.want == context.DeadlineExceeded && !(errors.As(err, &ne) && ne.Timeout()) {
					t.Errorf("%v is no timeout", err)
				}
				if err == nil {
					c.Close()
				} else if c != nil {
					t.Errorf("a connection beside the error: %v", c)
				}
			})
		})
	}
}

// TestAttemptBeforeOutcome: the dialer learns the descriptor while the attempt still hangs.
func TestAttemptBeforeOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		n.Blackhole(testAddr, true)
		ctx, cancel := context.WithCancel(t.Context())
		var r recorder
		done := make(chan error)
		go func() { // owned by this test; ends by cancel
			_, err := n.Dial(ctx, &r, testAddr)
			done <- err
		}()
		synctest.Wait()
		if len(r.fds) != 1 || r.fds[0] != firstFD {
			t.Errorf("attempts %v", r.fds)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestCut(t *testing.T) {
	for _, test := range []struct {
		name  string
		addr  string
		close bool // the listener first
		hit   bool
	}{
		{"its address", testAddr, false, true},
		{"any host", "*:5555", false, true},
		{"listener closed before", testAddr, true, true},
		{"other port", "127.0.0.1:5556", false, false},
		{"other host", "10.0.0.1:5555", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := New()
			l := listen(t, n, "*:5555")
			defer l.Close()
			a := dial(t, n, testAddr)
			b := accept(t, l)
			defer closeAll(t, a, b)
			send(t, a, "to b")
			send(t, b, "to a")
			if test.close {
				closeAll(t, l)
			}
			n.Cut(test.addr)
			for want, c := range map[string]*Conn{"to a": a, "to b": b} {
				if !test.hit {
					send(t, c, "alive")
					continue
				}
				if _, err := c.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("Write: %v", err)
				}
				if got, err := drained(c); got != want || !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("Read: %q, %v, want %q", got, err, want)
				}
			}
			if !test.close {
				dial(t, n, testAddr).Close() // the listener lives
			}
		})
	}
}

func TestCutWakesAndSparesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		a, b := connected(t, n)
		defer closeAll(t, a, b)
		errs := make(chan error)
		for _, c := range []*Conn{a, b} {
			go func() { // owned by this test; ends by Cut
				_, err := c.Read(make([]byte, 1))
				errs <- err
			}()
		}
		synctest.Wait()
		n.Cut(testAddr)
		for range 2 {
			if err := <-errs; !errors.Is(err, syscall.ECONNRESET) {
				t.Error(err)
			}
		}
		c, d := connected(t, n)
		defer closeAll(t, c, d)
		send(t, c, "sound")
	})
}

func TestHalfOpen(t *testing.T) {
	for name, end := range map[string]func(*Conn) error{
		"stays": nil, "close": (*Conn).Close, "close write": (*Conn).CloseWrite, "reset": (*Conn).Reset,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := New()
				a, b := connected(t, n)
				defer b.Close()
				defer a.Close()
				send(t, a, "before")
				n.HalfOpen(testAddr)
				send(t, a, "lost")
				if end != nil {
					if err := end(a); err != nil {
						t.Fatal(err)
					}
				}
				send(t, b, string(make([]byte, 3*DefaultBuffer))) // never blocks, never fails
				b.SetReadDeadline(time.Now().Add(time.Hour))
				if got, err := drained(b); got != "before" || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("Read: %q, %v", got, err)
				}
				if end == nil {
					n.Cut(testAddr)
					if _, err := a.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
						t.Errorf("Read after Cut: %v", err)
					}
				}
			})
		})
	}
}

func TestHalfOpenFreesWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		n.Buffer(10)
		a, b := connected(t, n)
		defer closeAll(t, a, b)
		done := make(chan struct{})
		go func() { // owned by this test; ends by HalfOpen
			defer close(done)
			send(t, a, "more than ten bytes")
		}()
		synctest.Wait()
		n.HalfOpen(testAddr)
		<-done
		b.SetReadDeadline(time.Now().Add(time.Second))
		if got, err := drained(b); got != "more than " || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read: %q, %v", got, err)
		}
		c, d := connected(t, n) // later ones are sound
		send(t, c, "sound")
		c.CloseWrite()
		if got, err := drained(d); got != "sound" || err != io.EOF {
			t.Errorf("Read: %q, %v", got, err)
		}
		closeAll(t, c, d)
	})
}

func TestFailAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		n.FailAccept(testAddr, syscall.EMFILE, 2) // before Listen, and for a listener of all hosts
		l := listen(t, n, "*:5555")
		defer l.Close()
		c := dial(t, n, testAddr)
		for range 2 {
			_, err := l.Accept()
			var op *net.OpError
			if !errors.Is(err, syscall.EMFILE) || !errors.As(err, &op) || op.Op != "accept" {
				t.Errorf("%v", err)
			}
		}
		s := accept(t, l) // it was not lost
		if s.RemoteAddr() != c.LocalAddr() {
			t.Errorf("accepted %v, want %v", s.RemoteAddr(), c.LocalAddr())
		}
		closeAll(t, c, s)

		errs := make(chan error)
		go func() { // owned by this test; ends by FailAccept
			_, err := l.Accept()
			errs <- err
		}()
		synctest.Wait()
		own := errors.New("own")
		n.FailAccept(testAddr, own, 7)
		if err := <-errs; !errors.Is(err, own) {
			t.Error(err)
		}
		n.FailAccept(testAddr, own, 0)
		closeAll(t, dial(t, n, testAddr), accept(t, l))
	})
}

func TestBuffer(t *testing.T) {
	for _, test := range []struct{ set, want int }{{1, 1}, {100, 100}, {0, DefaultBuffer}, {-1, DefaultBuffer}} {
		synctest.Test(t, func(t *testing.T) {
			n := New()
			n.Buffer(5)
			n.Buffer(test.set)
			a, b := connected(t, n)
			n.Buffer(3) // for later ones only
			defer closeAll(t, a, b)
			for _, c := range []*Conn{a, b} {
				c.SetWriteDeadline(time.Now().Add(time.Second))
				if got, err := c.Write(make([]byte, 2*DefaultBuffer)); got != test.want || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("Buffer(%d): Write = %d, %v", test.set, got, err)
				}
			}
		})
	}
}

func TestBadAddressPanics(t *testing.T) {
	n := New()
	for name, f := range map[string]func(){
		"Refuse": func() { n.Refuse("x", true) }, "Blackhole": func() { n.Blackhole("", true) },
		"Delay": func() { n.Delay("a:b", 1) }, "FailAccept": func() { n.FailAccept("a:b:c", nil, 1) },
		"Cut": func() { n.Cut("x") }, "HalfOpen": func() { n.HalfOpen("x") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s took a bad address", name)
				}
			}()
			f()
		}()
	}
	n.Refuse(testAddr, true) // the lock is free
}
