package socket

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// unresolvable has a label that is too long for DNS, so that no server is asked.
var unresolvable = strings.Repeat("x", 70) + ".invalid"

// mustParse is for endpoints that the test itself wrote.
func mustParse(t *testing.T, ep string) address {
	t.Helper()
	a, err := parseEndpoint(ep)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// fdLog collects what an attempt hook was told.
type fdLog []int

func (l *fdLog) add(fd int) { *l = append(*l, fd) }

// listenAt binds ep on the transport of its scheme, for the length of the test.
func listenAt(t *testing.T, ep string, o netOptions) listener {
	t.Helper()
	a := mustParse(t, ep)
	var seen fdLog
	l, err := builtinNetworks()[a.scheme].listen(t.Context(), a, o, seen.add)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if len(seen) != 1 || seen[0] != l.fd() || l.fd() < 0 {
		t.Fatalf("listen %s: attempts %v, descriptor %d", ep, seen, l.fd())
	}
	return l
}

// connectPair dials ep and returns both ends, for the length of the test.
func connectPair(t *testing.T, l listener, ep string, o netOptions, attempt func(int)) (dialled, accepted net.Conn) {
	t.Helper()
	a := mustParse(t, ep)
	dialled, err := builtinNetworks()[a.scheme].dial(t.Context(), a, o, attempt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialled.Close() })
	accepted, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accepted.Close() })
	return dialled, accepted
}

// portOf returns ":port" of an endpoint.
func portOf(ep string) string { return ep[strings.LastIndexByte(ep, ':'):] }

func needIPv6(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 loopback: ", err)
	}
	l.Close()
}

// TestTCPListenResults is the bind half of CONFORMANCE 1.6. attempted tells CLOSED BIND_FAILED from BIND_FAILED alone.
func TestTCPListenResults(t *testing.T) {
	for _, tc := range []struct {
		ep        string
		errno     syscall.Errno
		attempted bool
	}{
		{"tcp://" + unresolvable + ":0", syscall.ENODEV, false},
		{"tcp://:0", syscall.ENODEV, false},
		{"tcp://127.0.0.1", syscall.EINVAL, false},
		{"tcp://127.0.0.1:", syscall.EINVAL, false},
		{"tcp://127.0.0.1:http", syscall.EINVAL, false},
		{"tcp://127.0.0.1:-1", syscall.EINVAL, false},
		{"tcp://127.0.0.1:99999", syscall.EINVAL, false},
		{"tcp://[::1]:0", syscall.ENODEV, false},
		{"tcp://192.0.2.1:0", syscall.EADDRNOTAVAIL, true},
	} {
		a := mustParse(t, tc.ep)
		if err := (tcpNetwork{}).checkListen(a, netOptions{}); err != nil {
			t.Errorf("%s: checkListen: %v, but libzmq records an event", tc.ep, err)
		}
		var seen fdLog
		l, err := tcpNetwork{}.listen(t.Context(), a, netOptions{}, seen.add)
		if err == nil {
			l.Close()
		}
		if errnoOf(err) != tc.errno || (len(seen) == 1) != tc.attempted || len(seen) > 1 {
			t.Errorf("%s: %v (errno %d), attempts %v", tc.ep, err, errnoOf(err), seen)
		}
		if want := append(seen, -1)[0]; descriptorOf(err) != want {
			t.Errorf("%s: descriptorOf = %d, want %d", tc.ep, descriptorOf(err), want)
		}
	}
}

func TestTCPListenInUse(t *testing.T) {
	first := listenAt(t, "tcp://127.0.0.1:0", netOptions{})
	var seen fdLog
	_, err := tcpNetwork{}.listen(t.Context(), mustParse(t, first.endpoint()), netOptions{}, seen.add)
	if errnoOf(err) != syscall.EADDRINUSE || len(seen) != 1 || seen[0] == first.fd() {
		t.Fatalf("%v, attempts %v, first listener's descriptor %d", err, seen, first.fd())
	}
}

func TestTCPListenEndpoint(t *testing.T) {
	loopback := ""
	ifs, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range ifs {
		if i.Flags&net.FlagLoopback != 0 && i.Flags&net.FlagUp != 0 {
			loopback = i.Name
			break
		}
	}
	for _, tc := range []struct {
		ep, prefix string
		ipv6       bool
	}{
		{"tcp://*:0", "tcp://0.0.0.0:", false},
		{"tcp://*:*", "tcp://0.0.0.0:", false},
		{"tcp://127.0.0.1:*", "tcp://127.0.0.1:", false},
		{"tcp://localhost:0", "tcp://127.0.0.1:", false},
		{"tcp://" + loopback + ":0", "tcp://127.0.0.1:", false},
		{"tcp://127.0.0.1:0", "tcp://127.0.0.1:", true},
		{"tcp://[::1]:0", "tcp://[::1]:", true},
		{"tcp://::1:0", "tcp://[::1]:", true},
		{"tcp://*:0", "tcp://[::]:", true},
		{"tcp://" + loopback + ":0", "tcp://[::1]:", true},
	} {
		if strings.Contains(tc.ep, "//:") {
			continue // no loopback interface here
		}
		if tc.ipv6 {
			needIPv6(t)
		}
		l := listenAt(t, tc.ep, netOptions{ipv6: tc.ipv6})
		ep := l.endpoint()
		if !strings.HasPrefix(ep, tc.prefix) || portOf(ep) == ":0" || ep != "tcp://"+l.Addr().String() {
			t.Errorf("%s (ipv6 %v): endpoint %s, want %s...", tc.ep, tc.ipv6, ep, tc.prefix)
		}
	}
}

// TestTCPCheckDial is the connect half of CONFORMANCE 1.6.
func TestTCPCheckDial(t *testing.T) {
	for _, tc := range []struct {
		rest string
		ok   bool
	}{
		{"127.0.0.1:5555", true},
		{"127.0.0.1:0", true},
		{"127.0.0.1:99999", true},
		{"127.0.0.1:99999999999999999999999", true},
		{unresolvable + ":1", true},
		{"[::1]:5555", true},
		{"fe80::1%lo:5555", true},
		{"127.0.0.1:0;127.0.0.1:5555", true},
		{"127.0.0.1:*;127.0.0.1:5555", true},
		{"127.0.0.1", false},
		{"127.0.0.1:", false},
		{"127.0.0.1:http", false},
		{"127.0.0.1:*", false},
		{"127.0.0.1:+1", false},
		{"*:5555", false},
		{"*:0;127.0.0.1:5555", false},
		{"127.0.0.1:0;*:5555", false},
		{"127.0.0.1;127.0.0.1:5555", false},
		{"127.0.0.1:99999;127.0.0.1:5555", false},
		{";127.0.0.1:5555", false},
		{"127.0.0.1:5555;", false},
		{"a b:5555", false},
		{"a/b:5555", false},
	} {
		err := tcpNetwork{}.checkDial(mustParse(t, "tcp://"+tc.rest), netOptions{})
		if tc.ok && err != nil || !tc.ok && (errnoOf(err) != syscall.EINVAL || !errors.Is(err, ErrBadEndpoint)) {
			t.Errorf("%s: %v", tc.rest, err)
		}
	}
}

func TestTCPDial(t *testing.T) {
	for _, tc := range []struct {
		bind, host, acceptedAt string
		ipv6                   bool
	}{
		{"tcp://127.0.0.1:0", "tcp://127.0.0.1", "tcp://127.0.0.1", false},
		{"tcp://127.0.0.1:0", "tcp://localhost", "tcp://127.0.0.1", false},
		{"tcp://*:0", "tcp://127.0.0.1", "tcp://127.0.0.1", false},
		{"tcp://127.0.0.1:0", "tcp://127.0.0.1:0;127.0.0.1", "tcp://127.0.0.1", false},
		{"tcp://[::1]:0", "tcp://[::1]", "tcp://[::1]", true},
		{"tcp://*:0", "tcp://[::1]", "tcp://[::1]", true},
		{"tcp://*:0", "tcp://127.0.0.1", "tcp://127.0.0.1", true}, // one descriptor for both families
	} {
		if tc.ipv6 {
			needIPv6(t)
		}
		o := netOptions{ipv6: tc.ipv6}
		l := listenAt(t, tc.bind, o)
		port := portOf(l.endpoint())
		var seen fdLog
		dialled, accepted := connectPair(t, l, tc.host+port, o, seen.add)
		if len(seen) != 1 || seen[0] != connFD(dialled) || seen[0] < 0 {
			t.Errorf("%s: attempts %v, connection's descriptor %d", tc.host, seen, connFD(dialled))
		}
		local, remote := connEndpoints("tcp", accepted)
		if local != tc.acceptedAt+port || connFD(accepted) < 0 || connFD(accepted) == connFD(dialled) {
			t.Errorf("%s: accepted at %s, descriptor %d", tc.host, local, connFD(accepted))
		}
		dialledLocal, dialledRemote := connEndpoints("tcp", dialled)
		if dialledLocal != remote || dialledRemote != local {
			t.Errorf("%s: ends do not mirror: %s %s, %s %s", tc.host, local, remote, dialledLocal, dialledRemote)
		}
	}
}

// TestTCPDialFrom has two peers share one source port.
func TestTCPDialFrom(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no safe SO_REUSEADDR")
	}
	one := listenAt(t, "tcp://127.0.0.1:0", netOptions{})
	two := listenAt(t, "tcp://127.0.0.1:0", netOptions{})
	first, _ := connectPair(t, one, "tcp://127.0.0.1:0;127.0.0.1"+portOf(one.endpoint()), netOptions{}, nil)
	local, _ := connEndpoints("tcp", first)
	source := "127.0.0.1" + portOf(local)
	_ = first.Close() // closed by this side: the pair of ports is in TIME_WAIT
	second, _ := connectPair(t, two, "tcp://"+source+";127.0.0.1"+portOf(two.endpoint()), netOptions{}, nil)
	if got, _ := connEndpoints("tcp", second); got != "tcp://"+source {
		t.Fatalf("dialled from %s, want %s", got, source)
	}
}

func TestTCPDialFailures(t *testing.T) {
	for _, tc := range []struct {
		rest     string
		resolve  bool
		attempts int
	}{
		{"127.0.0.1:0", false, 1},
		{"127.0.0.1:99999", false, 1},
		{unresolvable + ":1", true, 0},
		{":1", true, 0},
		{"[::1]:1", true, 0}, // IPv6 is off
		{"nosuchif0:0;127.0.0.1:1", true, 0},
	} {
		var seen fdLog
		_, err := tcpNetwork{}.dial(t.Context(), mustParse(t, "tcp://"+tc.rest), netOptions{}, seen.add)
		if err == nil || isResolveError(err) != tc.resolve || len(seen) != tc.attempts {
			t.Errorf("%s: %v, resolve error %v, attempts %v", tc.rest, err, isResolveError(err), seen)
		}
		if want := append(seen, -1)[0]; descriptorOf(err) != want {
			t.Errorf("%s: descriptorOf = %d, want %d", tc.rest, descriptorOf(err), want)
		}
		if !tc.resolve && errnoOf(err) != syscall.ECONNREFUSED {
			t.Errorf("%s: errno %d, want ECONNREFUSED", tc.rest, errnoOf(err))
		}
	}
}

func TestTCPDialContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := tcpNetwork{}.dial(ctx, mustParse(t, "tcp://127.0.0.1:1"), netOptions{}, nil)
	if err == nil || isResolveError(err) {
		t.Fatalf("dial under a cancelled context: %v", err)
	}
}

// TestControlOnce plays what package net does after a dial that reached itself: ask for a second descriptor.
func TestControlOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var seen fdLog
	c := newFDControl(seen.add, nil)
	if err := c.run("tcp4", "", raw); err != nil {
		t.Fatal(err)
	}
	if err := c.run("tcp4", "", raw); !errors.Is(err, syscall.ECONNREFUSED) || len(seen) != 1 {
		t.Fatalf("second descriptor: %v, attempts %v", err, seen)
	}
}

func TestTCPClose(t *testing.T) {
	l := listenAt(t, "tcp://127.0.0.1:0", netOptions{})
	if err := l.release(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("Accept after Close: %v", err)
	}
	again := listenAt(t, l.endpoint(), netOptions{}) // unbind and bind again at once
	dialled, _ := connectPair(t, again, l.endpoint(), netOptions{}, nil)
	dialled.Close()
	if fd := connFD(dialled); fd != -1 {
		t.Fatalf("descriptor %d of a closed connection", fd)
	}
}
