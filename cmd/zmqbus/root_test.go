package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"zmqbus/bus"
	"zmqbus/socket"
)

func TestStatusAndDescription(t *testing.T) {
	bind := func(err error) error { return &socket.OpError{Op: "listen", Endpoint: "tcp://a:1", Err: err} }
	inUse := &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	for _, c := range []struct {
		name    string
		started bool
		err     error
		status  int
		text    string
	}{
		{"flag", false, errors.New("unknown flag: --x"), exitUsage, "unknown flag: --x"},
		{"ours", true, usagef("--count %d", 0), exitUsage, "--count 0"},
		{"ours, wrapped", true, fmt.Errorf("proxy: %w", usagef("no")), exitUsage, "proxy: no"},
		{"endpoint", true, bind(fmt.Errorf("%w: no port: %w", socket.ErrBadEndpoint, syscall.EINVAL)), exitUsage,
			"listen tcp://a:1: bad endpoint: no port: " + syscall.EINVAL.Error()},
		{"host", true, bind(fmt.Errorf("%w: no host: %w", socket.ErrBadEndpoint, syscall.ENODEV)), exitFailed,
			"listen tcp://a:1: bad endpoint: no host: " + syscall.ENODEV.Error()},
		{"bind", true, bind(inUse), exitFailed, "listen tcp://a:1: " + syscall.EADDRINUSE.Error()},
		{"side of a proxy", true, fmt.Errorf("backend: %w", bind(inUse)), exitFailed,
			"backend: listen tcp://a:1: " + syscall.EADDRINUSE.Error()},
		{"several", true, errors.Join(errors.New("one"), errors.New("two")), exitFailed, "one; two"},
		{"bus", true, fmt.Errorf("demo: %w", &bus.OpError{Op: "export", Name: "@tcp://a:1", Err: bind(inUse)}), exitFailed,
			`demo: export "@tcp://a:1": listen tcp://a:1: ` + syscall.EADDRINUSE.Error()},
		{"sentinel", true, socket.ErrUnroutable, exitFailed, "no route to peer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &app{started: c.started}
			if got := a.status(c.err); got != c.status {
				t.Errorf("status %d, want %d", got, c.status)
			}
			if got := describe(c.err); got != c.text {
				t.Errorf("%q, want %q", got, c.text)
			}
		})
	}
}
