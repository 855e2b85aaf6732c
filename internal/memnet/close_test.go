package memnet

import (
	"errors"
	"io"
	"syscall"
	"testing"
	"testing/synctest"
)

// TestEnds is what the peer of an ended connection sees.
func TestEnds(t *testing.T) {
	for _, test := range []struct {
		name     string
		unread   string // sent to the ending end, which does not read it
		end      func(a *Conn) error
		readErr  error
		writeErr error // nil: a write goes through
	}{
		{"close", "", (*Conn).Close, io.EOF, syscall.EPIPE},
		{"close with bytes unread", "unread", (*Conn).Close, syscall.ECONNRESET, syscall.ECONNRESET},
		{"reset", "", (*Conn).Reset, syscall.ECONNRESET, syscall.ECONNRESET},
		{"close write", "unread", (*Conn).CloseWrite, io.EOF, nil},
		{"close write, close", "", both((*Conn).CloseWrite, (*Conn).Close), io.EOF, syscall.EPIPE},
		{"close write twice", "", both((*Conn).CloseWrite, (*Conn).CloseWrite), io.EOF, nil},
		{"close write, reset", "", both((*Conn).CloseWrite, (*Conn).Reset), io.EOF, syscall.ECONNRESET},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := Pipe()
			defer a.Close()
			defer b.Close()
			send(t, b, test.unread)
			send(t, a, "last words")
			if err := test.end(a); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the first write says it, and the errors stay
				if _, err := b.Write([]byte("x")); !errors.Is(err, test.writeErr) {
					t.Errorf("Write: %v, want %v", err, test.writeErr)
				}
			}
			if got, err := drained(b); got != "last words" || !errors.Is(err, test.readErr) {
				t.Errorf("Read: %q, %v, want %v", got, err, test.readErr)
			}
			if _, err := b.Read(make([]byte, 1)); !errors.Is(err, test.readErr) {
				t.Errorf("Read again: %v, want %v", err, test.readErr)
			}
		})
	}
}

func both(f, g func(*Conn) error) func(*Conn) error {
	return func(c *Conn) error { return errors.Join(f(c), g(c)) }
}

// TestEndWakesPeer is TestEnds for calls that are blocked when it happens.
func TestEndWakesPeer(t *testing.T) {
	for _, test := range []struct {
		name     string
		end      func(a *Conn) error
		readErr  error
		writeErr error
	}{
		{"close", (*Conn).Close, syscall.ECONNRESET, syscall.ECONNRESET}, // the blocked write has left bytes unread
		{"reset", (*Conn).Reset, syscall.ECONNRESET, syscall.ECONNRESET},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := Pipe()
				defer b.Close()
				errs := make(chan error, 2)
				go func() { // both owned by this test; end with a
					_, err := b.Read(make([]byte, 1))
					if !errors.Is(err, test.readErr) {
						t.Errorf("Read: %v", err)
					}
					errs <- err
				}()
				go func() {
					n, err := b.Write(make([]byte, 2*DefaultBuffer))
					if n != DefaultBuffer || !errors.Is(err, test.writeErr) {
						t.Errorf("Write: %d, %v", n, err)
					}
					errs <- err
				}()
				synctest.Wait()
				if err := test.end(a); err != nil {
					t.Fatal(err)
				}
				<-errs
				<-errs
			})
		})
	}
}

func TestCloseWriteEndsOwnWrites(t *testing.T) {
	a, b := Pipe()
	defer closeAll(t, a, b)
	if err := a.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Write: %v", err)
	}
	send(t, b, "still")
	buf := make([]byte, 5)
	if _, err := io.ReadFull(a, buf); err != nil || string(buf) != "still" {
		t.Errorf("Read: %q, %v", buf, err)
	}
}

func TestPipeHasNoNetwork(t *testing.T) {
	a, b := Pipe()
	defer closeAll(t, a, b)
	if a.FD() != -1 || b.FD() != -1 {
		t.Errorf("FD = %d, %d", a.FD(), b.FD())
	}
	if a.LocalAddr() != b.RemoteAddr() || b.LocalAddr() != a.RemoteAddr() || a.LocalAddr().Network() != "tcp" {
		t.Errorf("%v -> %v, %v -> %v", a.LocalAddr(), a.RemoteAddr(), b.LocalAddr(), b.RemoteAddr())
	}
}
