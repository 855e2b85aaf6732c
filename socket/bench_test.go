package socket

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/go-zeromq/zmq4"
)

// A benchmark counts what arrives and sums the numbers in it: one that loses or repeats a message fails.

// benchMsg returns a message of the given size; Send keeps it until it is written, so each has its own bytes.
func benchMsgs(size int) func(i int) zmq4.Msg {
	const ring = 1 << 14 // more than the queues hold between sender and receiver
	bufs := make([][1][]byte, min(ring, max(4096, (64<<20)/size)))
	back := make([]byte, len(bufs)*size)
	for i := range bufs {
		bufs[i][0] = back[i*size : (i+1)*size : (i+1)*size]
	}
	return func(i int) zmq4.Msg {
		b := &bufs[i%len(bufs)]
		binary.LittleEndian.PutUint64(b[0], uint64(i))
		return zmq4.Msg{Frames: b[:]}
	}
}

// transfer sends b.N numbered messages through from and checks them at to.
func transfer(b *testing.B, from *Socket, size int, next func() (zmq4.Msg, error)) {
	b.ReportAllocs()
	b.SetBytes(int64(size))
	msg := benchMsgs(size)
	b.ResetTimer()
	done := make(chan error, 1)
	go func() { // owned by the benchmark: ends after b.N messages
		for i := range b.N {
			if err := from.Send(msg(i)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for i := range b.N {
		m, err := next()
		if err != nil {
			b.Fatal(err)
		}
		if got := binary.LittleEndian.Uint64(m.Frames[0]); got != uint64(i) || len(m.Frames[0]) != size {
			b.Fatalf("message %d carries %d in %d bytes", i, got, len(m.Frames[0]))
		}
	}
	b.StopTimer()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

func BenchmarkPushPull(b *testing.B) {
	for _, transport := range []string{"tcp", "ipc", "inproc"} {
		for _, size := range []int{64, 1 << 10, 64 << 10} {
			b.Run(fmt.Sprintf("%s/%dB/Recv", transport, size), func(b *testing.B) {
				pull, push := pair(b, transports(b)[transport], zmq4.Pull, zmq4.Push, nil, nil)
				transfer(b, push, size, pull.Recv)
			})
			b.Run(fmt.Sprintf("%s/%dB/C", transport, size), func(b *testing.B) {
				pull, push := pair(b, transports(b)[transport], zmq4.Pull, zmq4.Push, nil, nil)
				c := pull.C()
				transfer(b, push, size, func() (zmq4.Msg, error) { return <-c, nil })
			})
		}
	}
}

func BenchmarkRequestReply(b *testing.B) {
	for _, transport := range []string{"tcp", "ipc", "inproc"} {
		b.Run(transport, func(b *testing.B) {
			rep, req := pair(b, transports(b)[transport], zmq4.Rep, zmq4.Req, nil, nil)
			go func() { // owned by the benchmark: ends when rep is closed
				for {
					m, err := rep.Recv()
					if err != nil || rep.Send(m) != nil {
						return
					}
				}
			}()
			msg := zmq4.NewMsg(make([]byte, 64))
			b.ReportAllocs()
			for b.Loop() {
				if err := req.Send(msg); err != nil {
					b.Fatal(err)
				}
				if m, err := req.Recv(); err != nil || len(m.Frames[0]) != 64 {
					b.Fatal(m, err)
				}
			}
		})
	}
}

func BenchmarkPubSub(b *testing.B) {
	for _, other := range []int{0, 10, 100_000} {
		b.Run(fmt.Sprintf("tcp/8sub/%d-other-subscriptions", other), func(b *testing.B) {
			const subs = 8
			pub := open(b, zmq4.Pub, &Config{NoDrop: true})
			ep := bind(b, pub, "tcp://127.0.0.1:0")
			done := make(chan int, subs)
			for i := range subs {
				sub := open(b, zmq4.Sub, nil)
				dial(b, sub, ep)
				for n := range other / subs {
					sub.Subscribe(fmt.Sprintf("other.%d.%d", i, n))
				}
				sub.Subscribe("t")
				go func() { // owned by the benchmark: ends after b.N messages, or with its socket
					for n := range b.N {
						if _, err := sub.Recv(); err != nil {
							done <- n
							return
						}
					}
					done <- b.N
				}()
			}
			waitSubscribed(b, pub, subs, other/subs+1)
			msg := zmq4.NewMsg(append([]byte("t"), make([]byte, 63)...))
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if err := pub.Send(msg); err != nil {
					b.Fatal(err)
				}
			}
			for range subs {
				if n := <-done; n != b.N {
					b.Fatalf("a subscriber got %d of %d", n, b.N)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*subs), "ns/delivery")
		})
	}
}

// waitSubscribed waits until n peers have all their subscriptions in force.
func waitSubscribed(b *testing.B, pub *Socket, n, each int) {
	b.Helper()
	waitPeers(b, pub, n)
	for {
		ready := 0
		for _, p := range pub.Peers() {
			if p.Subscriptions >= each {
				ready++
			}
		}
		if ready == n {
			return
		}
		yield()
	}
}
