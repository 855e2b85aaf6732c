package poller

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/readiness"
	"zmqbus/socket"
)

var benchSizes = []int{1, 100, 1000, 10_000}

// BenchmarkPollerWake is a message from its sender's Send to its receiver's TryRecv, through a poller in which as many PULL
// sockets are registered as the name says. Either the same one is active all the time, or all in turn.
func BenchmarkPollerWake(b *testing.B) {
	for _, n := range benchSizes {
		for _, turn := range []bool{false, true} {
			name := fmt.Sprintf("sockets=%d/active=one", n)
			if turn {
				name = fmt.Sprintf("sockets=%d/active=turn", n)
			}
			b.Run(name, func(b *testing.B) { benchWake(b, n, turn) })
		}
	}
}

func benchWake(b *testing.B, n int, turn bool) {
	ctx := context.Background()
	p := New()
	defer p.Close()
	push, pull := benchSockets(b, n)
	for i, s := range pull {
		if err := p.Add(s, In, i); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := p.Wait(ctx, 0); err != ErrAgain {
		b.Fatal(err)
	}
	// A message belongs to the receiver once it is sent; each is read before its bytes are written again.
	text := make([]byte, 8)
	frames := [][]byte{text}
	b.ReportAllocs()
	at, count := 0, uint64(0)
	for b.Loop() {
		count++
		binary.LittleEndian.PutUint64(text, count)
		if err := push[at].Send(zmq4.Msg{Frames: frames}); err != nil {
			b.Fatal(err)
		}
		ev, err := p.Wait(ctx, -1)
		if err != nil || ev.UserData != at || ev.Events != In {
			b.Fatal(ev, err)
		}
		m, err := pull[at].TryRecv()
		if err != nil || binary.LittleEndian.Uint64(m.Frames[0]) != count {
			b.Fatal(m, err)
		}
		if at++; !turn || at == n {
			at = 0
		}
	}
}

// BenchmarkDirect is what of BenchmarkPollerWake is not the poller's: Send and Recv of all sockets in turn.
func BenchmarkDirect(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("sockets=%d", n), func(b *testing.B) {
			push, pull := benchSockets(b, n)
			frames := [][]byte{make([]byte, 8)}
			b.ReportAllocs()
			at := 0
			for b.Loop() {
				if err := push[at].Send(zmq4.Msg{Frames: frames}); err != nil {
					b.Fatal(err)
				}
				if _, err := pull[at].Recv(); err != nil {
					b.Fatal(err)
				}
				if at++; at == n {
					at = 0
				}
			}
		})
	}
}

// benchSockets returns n PUSH sockets, each with its PULL.
func benchSockets(b *testing.B, n int) (push, pull []*socket.Socket) {
	hub := socket.NewInproc()
	newSocket := func(typ zmq4.SocketType) *socket.Socket {
		s, err := socket.New(context.Background(), typ, &socket.Config{Inproc: hub})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { s.Close() })
		return s
	}
	for i := range n {
		from, to := newSocket(zmq4.Push), newSocket(zmq4.Pull)
		ep := fmt.Sprintf("inproc://%d", i)
		if err := to.Listen(ep); err != nil {
			b.Fatal(err)
		}
		if err := from.Dial(ep); err != nil {
			b.Fatal(err)
		}
		push, pull = append(push, from), append(pull, to)
	}
	return push, pull
}

// BenchmarkPollerWait is the poller's own part: the sources cost a lock each.
func BenchmarkPollerWait(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("sources=%d", n), func(b *testing.B) {
			ctx := context.Background()
			p := New()
			defer p.Close()
			all := make([]*fake, n)
			for i := range all {
				all[i] = &fake{}
				if err := p.Add(all[i], In, nil); err != nil {
					b.Fatal(err)
				}
			}
			if _, err := p.Wait(ctx, 0); err != ErrAgain {
				b.Fatal(err)
			}
			b.ReportAllocs()
			at := 0
			for b.Loop() {
				all[at].set(readiness.In)
				if ev, err := p.Wait(ctx, -1); err != nil || ev.Socket != all[at] {
					b.Fatal(ev, err)
				}
				all[at].set(0)
				if at++; at == n {
					at = 0
				}
			}
		})
	}
}
