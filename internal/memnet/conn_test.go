package memnet

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pairs are the ways to get a connection; each conn test runs on all of them.
var pairs = map[string]func(t *testing.T) (a, b *Conn){
	"pipe":  func(*testing.T) (a, b *Conn) { return Pipe() },
	"dial":  func(t *testing.T) (a, b *Conn) { return connected(t, New()) },
	"small": func(t *testing.T) (a, b *Conn) { n := New(); n.Buffer(7); return connected(t, n) },
	"flipped": func(t *testing.T) (a, b *Conn) {
		a, b = Pipe()
		return b, a
	},
}

// TestConn is what any net.Conn must do, in bubbles, where a wait that is not durable would hang.
func TestConn(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, a, b *Conn){
		"order and loss":    testOrder,
		"ping pong":         testPingPong,
		"writes do not mix": testWritesDoNotMix,
		"racing calls":      testRacingCalls,
		"past deadline":     testPastDeadline,
		"future deadline":   testFutureDeadline,
		"present deadline":  testPresentDeadline,
		"moved deadline":    testMovedDeadline,
		"partial write":     testPartialWrite,
		"close wakes":       testCloseWakes,
		"after close":       testAfterClose,
		"nothing to move":   testEmpty,
	} {
		for kind, pair := range pairs {
			t.Run(name+"/"+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a, b := pair(t)
					defer a.Close()
					defer b.Close()
					test(t, a, b)
				})
			})
		}
	}
}

// testOrder sends in random pieces, reads in others, and compares.
func testOrder(t *testing.T, a, b *Conn) {
	rng := rand.New(rand.NewPCG(1, 2))
	want := make([]byte, 200<<10)
	for i := range want {
		want[i] = byte(rng.Uint32())
	}
	var wg sync.WaitGroup
	wg.Go(func() { // owned by this test; ends with the data
		for rest := want; len(rest) > 0; {
			n := min(len(rest), 1+int(rand.N(5000)))
			if m, err := a.Write(rest[:n]); m != n || err != nil {
				t.Errorf("Write = %d, %v, want %d", m, err, n)
				break
			}
			rest = rest[n:]
		}
		a.CloseWrite()
	})
	var got bytes.Buffer
	buf := make([]byte, 6000)
	for {
		n, err := b.Read(buf[:1+rng.IntN(len(buf))])
		got.Write(buf[:n])
		if err != nil {
			if err != io.EOF {
				t.Error(err)
			}
			break
		}
		if n == 0 {
			t.Error("Read returned nothing and no error")
		}
	}
	wg.Wait()
	if !bytes.Equal(got.Bytes(), want) {
		t.Error("what arrived is not what was sent")
	}
}

func testPingPong(t *testing.T, a, b *Conn) {
	var wg sync.WaitGroup
	wg.Go(func() { io.Copy(b, b) }) // owned by this test; ends when a is closed
	buf := make([]byte, 20)
	for i := range 100 {
		want := bytes.Repeat([]byte{byte(i)}, len(buf))
		var write sync.WaitGroup
		write.Go(func() { // its own goroutine, as the echo may fill both directions
			if _, err := a.Write(want); err != nil {
				t.Error(err)
			}
		})
		if _, err := io.ReadFull(a, buf); err != nil || !bytes.Equal(buf, want) {
			t.Fatalf("echo %d: %x, %v", i, buf, err)
		}
		write.Wait()
	}
	a.Close()
	wg.Wait()
}

func testWritesDoNotMix(t *testing.T, a, b *Conn) {
	const writers, size = 8, 100
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { // owned by this test; ends with its write
			if _, err := a.Write(bytes.Repeat([]byte{byte(i)}, size)); err != nil {
				t.Error(err)
			}
		})
	}
	buf := make([]byte, size)
	for range writers {
		if _, err := io.ReadFull(b, buf); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(buf, bytes.Repeat(buf[:1], size)) {
			t.Errorf("mixed: %x", buf)
		}
	}
	wg.Wait()
}

// testRacingCalls is for the race detector.
func testRacingCalls(t *testing.T, a, b *Conn) {
	var wg sync.WaitGroup
	for range 4 {
		for _, c := range []*Conn{a, b} {
			wg.Go(func() { io.Copy(io.Discard, c) }) // all owned by this test; end by Close or Reset below
			wg.Go(func() {
				for {
					if _, err := c.Write(make([]byte, 10)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
						return
					}
				}
			})
			wg.Go(func() {
				for range 10 {
					c.SetDeadline(time.Now().Add(-time.Second))
					c.SetReadDeadline(time.Now().Add(time.Hour))
					c.SetWriteDeadline(time.Time{})
					c.SetReadDeadline(time.Time{})
					c.LocalAddr()
					c.RemoteAddr()
					c.FD()
				}
			})
		}
	}
	wg.Go(func() { a.CloseWrite(); a.Reset() })
	wg.Go(func() { b.Close() })
	wg.Wait()
}

func wantTimeout(t *testing.T, what string, err error) {
	t.Helper()
	var ne net.Error
	if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
		t.Errorf("%s: %v, want a timeout", what, err)
	}
}

func testPastDeadline(t *testing.T, a, b *Conn) {
	send(t, b, "x")
	a.SetDeadline(time.Now().Add(-time.Second))
	n, err := a.Read(make([]byte, 1)) // fails although a byte waits, like package net
	wantTimeout(t, "Read", err)
	if n != 0 {
		t.Errorf("Read returned %d bytes", n)
	}
	_, err = a.Write([]byte("x"))
	wantTimeout(t, "Write", err)

	a.SetDeadline(time.Time{})
	got := make([]byte, 1)
	if _, err := a.Read(got); err != nil || got[0] != 'x' {
		t.Errorf("Read after the deadline was lifted: %q, %v", got, err)
	}
	send(t, a, "y")
}

func testFutureDeadline(t *testing.T, a, b *Conn) {
	start := time.Now()
	a.SetReadDeadline(start.Add(time.Minute))
	a.SetWriteDeadline(start.Add(time.Hour))
	_, err := a.Read(make([]byte, 1))
	wantTimeout(t, "Read", err)
	if d := time.Since(start); d != time.Minute {
		t.Errorf("Read failed after %v", d)
	}
	var wg sync.WaitGroup
	for range 2 { // the second waits for its turn, and must time out as well
		wg.Go(func() { // owned by this test; ends by its deadline
			_, err := a.Write(make([]byte, DefaultBuffer+1))
			wantTimeout(t, "Write", err)
			if d := time.Since(start); d != time.Hour {
				t.Errorf("Write failed after %v", d)
			}
		})
	}
	wg.Wait()
}

func testPresentDeadline(t *testing.T, a, b *Conn) {
	var wg sync.WaitGroup
	wg.Go(func() { // both owned by this test; end by the deadline below
		_, err := a.Read(make([]byte, 1))
		wantTimeout(t, "Read", err)
	})
	wg.Go(func() {
		_, err := a.Write(make([]byte, DefaultBuffer+1))
		wantTimeout(t, "Write", err)
	})
	synctest.Wait()
	a.SetDeadline(time.Now())
	wg.Wait()
}

func testMovedDeadline(t *testing.T, a, b *Conn) {
	start := time.Now()
	a.SetReadDeadline(start.Add(time.Second))
	time.AfterFunc(time.Second/2, func() { a.SetReadDeadline(start.Add(time.Minute)) })
	_, err := a.Read(make([]byte, 1))
	wantTimeout(t, "Read", err)
	if d := time.Since(start); d != time.Minute {
		t.Errorf("Read failed after %v, the first deadline still counts", d)
	}
}

func testPartialWrite(t *testing.T, a, b *Conn) {
	a.SetWriteDeadline(time.Now().Add(time.Second))
	n, err := a.Write(make([]byte, DefaultBuffer+1))
	wantTimeout(t, "Write", err)
	a.CloseWrite()
	got, err := drained(b)
	if len(got) != n || n == 0 || err != io.EOF {
		t.Errorf("Write took %d bytes; Read gave %d, then %v", n, len(got), err)
	}
}

func testCloseWakes(t *testing.T, a, b *Conn) {
	var wg sync.WaitGroup
	for range 2 { // all owned by this test; end by Close below
		wg.Go(func() {
			if _, err := a.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Read: %v", err)
			}
		})
		wg.Go(func() {
			if _, err := a.Write(make([]byte, DefaultBuffer+1)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Write: %v", err)
			}
		})
	}
	synctest.Wait()
	closeAll(t, a)
	wg.Wait()
}

func testAfterClose(t *testing.T, a, b *Conn) {
	a.SetDeadline(time.Now().Add(time.Hour))
	send(t, b, "unread")
	local, remote, fd := a.LocalAddr(), a.RemoteAddr(), a.FD()
	closeAll(t, a)
	_, rerr := a.Read(nil)
	_, werr := a.Write(nil)
	for what, err := range map[string]error{
		"Read": rerr, "Write": werr, "Close": a.Close(), "Reset": a.Reset(), "CloseWrite": a.CloseWrite(),
		"SetDeadline": a.SetDeadline(time.Time{}), "SetReadDeadline": a.SetReadDeadline(time.Time{}),
		"SetWriteDeadline": a.SetWriteDeadline(time.Time{}),
	} {
		var op *net.OpError
		if !errors.Is(err, net.ErrClosed) || !errors.As(err, &op) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if a.LocalAddr() != local || a.RemoteAddr() != remote || a.FD() != fd {
		t.Error("addresses or descriptor changed")
	}
}

func testEmpty(t *testing.T, a, b *Conn) {
	for _, move := range []func([]byte) (int, error){a.Read, a.Write} {
		if n, err := move(nil); n != 0 || err != nil {
			t.Errorf("= %d, %v", n, err)
		}
	}
}
