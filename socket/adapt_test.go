package socket

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/go-zeromq/zmq4/transport"
)

// scripted is a transport that fails as told, after it told a descriptor.
type scripted struct {
	transport.Transport
	fd        int // -1: tells none
	dialErr   error
	listenErr error
}

func (s scripted) Dial(_ context.Context, d transport.Dialer, _ string) (net.Conn, error) {
	if a, ok := d.(interface{ Attempt(fd int) }); ok && s.fd >= 0 {
		a.Attempt(s.fd)
		a.Attempt(s.fd + 1) // a second one does not count
	}
	return nil, s.dialErr
}

func (s scripted) Listen(context.Context, string) (net.Listener, error) { return nil, s.listenErr }

// fdConn is a connection that knows its descriptor without SyscallConn.
type fdConn struct {
	net.Conn
	fd int
}

func (c fdConn) FD() int { return c.fd }

func TestAdaptedTransport(t *testing.T) {
	n := adaptTransport("mine", transport.New("tcp"))
	l, err := n.listen(t.Context(), mustParse(t, "mine://127.0.0.1:0"), netOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if !strings.HasPrefix(l.endpoint(), "mine://127.0.0.1:") || portOf(l.endpoint()) == ":0" || l.fd() < 0 {
		t.Fatalf("endpoint %s, descriptor %d", l.endpoint(), l.fd())
	}
	a := mustParse(t, l.endpoint())
	if err := n.checkDial(a, netOptions{}); err != nil {
		t.Fatal(err)
	}
	var seen fdLog
	c, err := n.dial(t.Context(), a, netOptions{}, seen.add)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if len(seen) != 1 || seen[0] != connFD(c) {
		t.Fatalf("attempts %v, descriptor %d", seen, connFD(c))
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	if local, _ := connEndpoints("mine", accepted); local != l.endpoint() {
		t.Fatalf("accepted at %s, bound at %s", local, l.endpoint())
	}
}

func TestAdaptedFailures(t *testing.T) {
	noName := &net.DNSError{Err: "no such host", Name: "nowhere", IsNotFound: true}
	tcp := transport.New("tcp")
	for _, tc := range []struct {
		name     string
		s        scripted
		attempts int
		errno    syscall.Errno
		resolve  bool
	}{
		{"refused", scripted{tcp, 7, syscall.ECONNREFUSED, nil}, 1, syscall.ECONNREFUSED, false},
		{"silent", scripted{tcp, -1, syscall.ECONNREFUSED, nil}, 0, syscall.ECONNREFUSED, false},
		{"no name", scripted{tcp, -1, noName, nil}, 0, 0, true},
	} {
		n := adaptTransport("tcp", tc.s)
		var seen fdLog
		_, err := n.dial(t.Context(), mustParse(t, "tcp://127.0.0.1:1"), netOptions{}, seen.add)
		if errnoOf(err) != tc.errno || len(seen) != tc.attempts || isResolveError(err) != tc.resolve {
			t.Errorf("%s: %v, attempts %v", tc.name, err, seen)
		}
		if want := append(seen, -1)[0]; descriptorOf(err) != want {
			t.Errorf("%s: descriptorOf = %d, want %d", tc.name, descriptorOf(err), want)
		}
	}
	n := adaptTransport("tcp", scripted{Transport: tcp, listenErr: noName})
	for ep, want := range map[string]syscall.Errno{
		"tcp://nowhere:1":       syscall.ENODEV,
		"tcp://127.0.0.1":       syscall.EINVAL,
		"tcp://127.0.0.1:http":  syscall.EINVAL,
		"tcp://127.0.0.1:99999": syscall.EINVAL,
	} {
		a := mustParse(t, ep)
		if err := n.checkListen(a, netOptions{}); err != nil {
			t.Errorf("%s: checkListen: %v", ep, err)
		}
		if _, err := n.listen(t.Context(), a, netOptions{}, nil); errnoOf(err) != want {
			t.Errorf("listen %s: %v, want errno %d", ep, err, want)
		}
	}
	if err := n.checkDial(mustParse(t, "tcp://*:1"), netOptions{}); errnoOf(err) != syscall.EINVAL {
		t.Errorf("a stand-in for tcp dials a wildcard: %v", err)
	}
	other := adaptTransport("other", tcp)
	if err := other.checkDial(mustParse(t, "other://noport"), netOptions{}); !errors.Is(err, ErrBadEndpoint) {
		t.Errorf("endpoint that the transport refuses: %v", err)
	}
}

func TestDescriptor(t *testing.T) {
	one, two := net.Pipe()
	defer one.Close()
	defer two.Close()
	if fd := connFD(one); fd != -1 {
		t.Errorf("descriptor %d of a pipe", fd)
	}
	if fd := connFD(fdConn{one, 42}); fd != 42 {
		t.Errorf("descriptor %d, want FD()'s 42", fd)
	}
	if local, _ := connEndpoints("mem", one); local != "mem://pipe" {
		t.Errorf("endpoint %s", local)
	}
	if errno := errnoOf(net.ErrClosed); errno != 0 {
		t.Errorf("errno %d of an error without one", errno)
	}
}
