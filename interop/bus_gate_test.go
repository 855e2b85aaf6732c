package interop

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// gate stands between a member and those it dials, and lets only the first bytes of each connection through, so that
// a member can be killed at a chosen point of its handshake. What the others send to the member passes.
type gate struct {
	t     *testing.T
	bytes int64
	post  func(func()) // runs a function on the test's goroutine
	wg    sync.WaitGroup
	lns   []net.Listener

	mu    sync.Mutex
	ended bool
	conns []net.Conn

	// Of the test's goroutine.
	reached bool           // one connection has sent as much as may pass
	made    map[string]int // connections by the endpoint that was dialled
}

func newGate(t *testing.T, bytes int64, post func(func())) *gate {
	g := &gate{t: t, bytes: bytes, post: post, made: map[string]int{}}
	t.Cleanup(g.close)
	return g
}

// through returns an endpoint to dial in place of ep.
func (g *gate) through(ep string) string {
	g.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		g.t.Fatal(err)
	}
	g.lns = append(g.lns, ln)
	g.wg.Go(func() { g.accept(ln, ep) }) // owned by the gate; ends with its listener
	return "tcp://" + ln.Addr().String()
}

func (g *gate) accept(ln net.Listener, ep string) {
	for {
		member, err := ln.Accept()
		if err != nil {
			return
		}
		network, address, _ := strings.Cut(ep, "://")
		if network == "ipc" {
			network = "unix"
		}
		other, err := net.Dial(network, address)
		if err != nil {
			member.Close()
			continue
		}
		if !g.keep(member, other) {
			return
		}
		g.post(func() { g.made[ep]++ })
		// Both owned by the gate; they end with the first of the two connections to end.
		g.wg.Go(func() { g.copy(member, other, func() { _, _ = io.Copy(member, other) }) })
		g.wg.Go(func() { g.copy(member, other, func() { g.release(other, member) }) })
	}
}

// keep notes the connections for close; it is false when that was faster.
func (g *gate) keep(conns ...net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns = append(g.conns, conns...)
	if g.ended {
		for _, c := range conns {
			c.Close()
		}
	}
	return !g.ended
}

func (g *gate) copy(a, b net.Conn, copy func()) {
	defer a.Close()
	defer b.Close()
	copy()
}

// release lets the first bytes pass, and holds back the rest until the connection ends.
func (g *gate) release(other, member net.Conn) {
	if n, _ := io.CopyN(other, member, g.bytes); n < g.bytes {
		return
	}
	g.post(func() { g.reached = true })
	_, _ = io.Copy(io.Discard, member)
}

func (g *gate) close() {
	for _, ln := range g.lns {
		ln.Close()
	}
	g.mu.Lock()
	g.ended = true
	for _, c := range g.conns {
		c.Close()
	}
	g.mu.Unlock()
	g.wg.Wait()
}
