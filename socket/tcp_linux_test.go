package socket

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// sockopt reads an integer socket option of whatever has a descriptor.
func sockopt(t *testing.T, v any, level, name int) int {
	t.Helper()
	raw, err := v.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	cerr := raw.Control(func(fd uintptr) { n, err = unix.GetsockoptInt(int(fd), level, name) })
	if cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	return n
}

func TestTCPOptions(t *testing.T) {
	o := netOptions{
		sendBuffer: 32 << 10,
		recvBuffer: 48 << 10,
		keepAlive:  KeepAlive{Mode: 1, Idle: 70 * time.Second, Interval: 7 * time.Second, Count: 3},
		tcpMaxRT:   1500 * time.Millisecond,
	}
	l := listenAt(t, "tcp://127.0.0.1:0", o)
	dialled, accepted := connectPair(t, l, l.endpoint(), o, nil)
	for side, c := range map[string]net.Conn{"dialled": dialled, "accepted": accepted} {
		for _, tc := range []struct {
			name             string
			level, opt, want int
		}{
			{"SO_SNDBUF", unix.SOL_SOCKET, unix.SO_SNDBUF, 64 << 10}, // the kernel doubles
			{"SO_RCVBUF", unix.SOL_SOCKET, unix.SO_RCVBUF, 96 << 10},
			{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
			{"SO_PROTOCOL", unix.SOL_SOCKET, unix.SO_PROTOCOL, unix.IPPROTO_TCP}, // no multipath
			{"TCP_KEEPIDLE", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 70},
			{"TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 7},
			{"TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3},
			{"TCP_USER_TIMEOUT", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 1500},
			{"TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		} {
			if got := sockopt(t, c, tc.level, tc.opt); got != tc.want {
				t.Errorf("%s: %s = %d, want %d", side, tc.name, got, tc.want)
			}
		}
	}
}

// TestTCPDefaults compares with a descriptor that nothing was set on.
func TestTCPDefaults(t *testing.T) {
	fresh, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fresh)
	for _, o := range []netOptions{{}, {keepAlive: KeepAlive{Mode: 1}}} {
		l := listenAt(t, "tcp://127.0.0.1:0", o)
		dialled, accepted := connectPair(t, l, l.endpoint(), o, nil)
		for side, c := range map[string]net.Conn{"dialled": dialled, "accepted": accepted} {
			if got := sockopt(t, c, unix.SOL_SOCKET, unix.SO_KEEPALIVE); got != o.keepAlive.Mode {
				t.Errorf("%s: SO_KEEPALIVE = %d, want %d", side, got, o.keepAlive.Mode)
			}
			for _, opt := range []int{unix.TCP_KEEPIDLE, unix.TCP_KEEPINTVL, unix.TCP_KEEPCNT, unix.TCP_USER_TIMEOUT} {
				want, err := unix.GetsockoptInt(fresh, unix.IPPROTO_TCP, opt)
				if err != nil {
					t.Fatal(err)
				}
				if got := sockopt(t, c, unix.IPPROTO_TCP, opt); got != want {
					t.Errorf("%s: tcp option %d = %d, want the kernel's %d", side, opt, got, want)
				}
			}
		}
	}
}

// TestTCPBacklog reads the mark that the kernel reports for listening sockets in a field of tcp_info.
func TestTCPBacklog(t *testing.T) {
	for _, want := range []int{1, 7, 100} {
		l := listenAt(t, "tcp://127.0.0.1:0", netOptions{backlog: want})
		info, err := unix.GetsockoptTCPInfo(l.fd(), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			t.Fatal(err)
		}
		if int(info.Sacked) != want {
			t.Errorf("backlog %d, want %d", info.Sacked, want)
		}
	}
}

// TestTCPDialTimeout fills an accept queue, so that the next connect stays open until the context ends.
func TestTCPDialTimeout(t *testing.T) {
	l := listenAt(t, "tcp://127.0.0.1:0", netOptions{backlog: 1})
	a := mustParse(t, l.endpoint())
	for range 2 { // a queue of 1 holds one more than that
		c, err := tcpNetwork{}.dial(t.Context(), a, netOptions{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var seen fdLog
	_, err := tcpNetwork{}.dial(ctx, a, netOptions{}, seen.add)
	var ne net.Error
	if !errors.As(err, &ne) || !ne.Timeout() || len(seen) != 1 || descriptorOf(err) != seen[0] {
		t.Fatalf("%v, attempts %v", err, seen)
	}
}
