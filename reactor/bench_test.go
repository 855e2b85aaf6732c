package reactor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/socket"
)

// The benchmarks count what arrives, and check the numbers in it per socket: one that loses, repeats or reorders a
// message fails. 1,000 pairs of sockets need 3,000 descriptors; Go raises the soft limit by itself, and where the hard
// limit is lower Listen or Dial fails and says so.

const (
	benchSize  = 64  // bytes per message
	benchBurst = 100 // messages to one socket before the next has its turn
	benchAhead = 160 // bursts that are under way at most, so that it is the pace and not the depth of the queues that counts
)

// benchPairs returns n connected pairs over tcp. The benchmarks make them once for all runs: the ports of a closed
// connection are not free for a minute.
func benchPairs(b *testing.B, n int) (pushes, pulls []*socket.Socket) {
	ctx, cancel := context.WithTimeout(context.Background(), propPatience)
	defer cancel()
	for range n {
		push, pull := benchSocket(b, zmq4.Push), benchSocket(b, zmq4.Pull)
		if err := pull.Listen("tcp://127.0.0.1:0"); err != nil {
			b.Fatal(err)
		}
		if err := errors.Join(push.Dial(pull.Endpoints()[0].Endpoint), push.WaitPeers(ctx, 1)); err != nil {
			b.Fatal(err)
		}
		pushes, pulls = append(pushes, push), append(pulls, pull)
	}
	return pushes, pulls
}

func benchSocket(b *testing.B, typ zmq4.SocketType) *socket.Socket {
	s, err := socket.New(context.Background(), typ, &socket.Config{Linger: socket.None})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() }) // the messages of a benchmark that failed
	return s
}

// benchLoad is what the sender and the receiver of b.N messages share. Both are the same for all of these benchmarks:
// bursts to one socket after the other. A message carries the number of its socket, its own number within that socket,
// and the number of the buffer that its burst is in.
type benchLoad struct {
	sent  chan error  // the sender's result
	free  chan uint32 // buffers of bursts that have come
	count int         // messages that have come
	last  []uint32    // the number of the last one of each socket
}

// startBench starts the clock and the sender.
func startBench(b *testing.B, pushes []*socket.Socket) *benchLoad {
	l := &benchLoad{sent: make(chan error, 1), free: make(chan uint32, benchAhead), last: make([]uint32, len(pushes))}
	for i := range benchAhead {
		l.free <- uint32(i)
	}
	b.ReportAllocs()
	b.ResetTimer()
	go func() { l.sent <- l.send(b.N, pushes) }() // owned by the benchmark: ends after b.N messages, or with its sockets
	return l
}

func (l *benchLoad) send(count int, pushes []*socket.Socket) error {
	var frames [benchAhead][benchBurst][1][]byte // Send keeps them until they are written
	back := make([]byte, benchAhead*benchBurst*benchSize)
	buffer := uint32(0)
	for i := range count {
		if i%benchBurst == 0 {
			buffer = <-l.free
		}
		to, n := i/benchBurst%len(pushes), i/benchBurst/len(pushes)*benchBurst+i%benchBurst+1
		f := &frames[buffer][i%benchBurst]
		at := (int(buffer)*benchBurst + i%benchBurst) * benchSize
		f[0] = back[at:][:benchSize:benchSize]
		binary.LittleEndian.PutUint32(f[0], uint32(to))
		binary.LittleEndian.PutUint32(f[0][4:], uint32(n))
		binary.LittleEndian.PutUint32(f[0][8:], buffer)
		if err := pushes[to].Send(zmq4.Msg{Frames: f[:]}); err != nil {
			return err
		}
	}
	return nil
}

// receive checks the next message that has come.
func (l *benchLoad) receive(m zmq4.Msg) error {
	f := m.Frames[0]
	from, n := binary.LittleEndian.Uint32(f), binary.LittleEndian.Uint32(f[4:])
	if l.last[from]++; len(f) != benchSize || l.last[from] != n {
		return fmt.Errorf("message %d of socket %d carries %d in %d bytes", l.last[from], from, n, len(f))
	}
	l.count++
	if n%benchBurst == 0 {
		l.free <- binary.LittleEndian.Uint32(f[8:])
	}
	return nil
}

// finish stops the clock. err is what the receiver came to.
func (l *benchLoad) finish(b *testing.B, err error) {
	b.StopTimer()
	if err != nil {
		b.Fatal(err)
	}
	if err := <-l.sent; err != nil || l.count != b.N {
		b.Fatalf("%d of %d messages have come: %v", l.count, b.N, err)
	}
}

// BenchmarkDirect is what BenchmarkReactor is compared with: one socket, read with Recv. With more sockets it reads
// them in the order of the sender's bursts, which no program could know: what the sockets cost without a reactor.
func BenchmarkDirect(b *testing.B) {
	for _, n := range []int{1, 1000} {
		pushes, pulls := benchPairs(b, n)
		b.Run(fmt.Sprintf("sockets=%d", n), func(b *testing.B) { benchDirect(b, pushes, pulls) })
	}
}

func benchDirect(b *testing.B, pushes, pulls []*socket.Socket) {
	l := startBench(b, pushes)
	var m zmq4.Msg
	var err error
	for i := 0; i < b.N && err == nil; i++ {
		if m, err = pulls[i/benchBurst%len(pulls)].Recv(); err == nil {
			err = l.receive(m)
		}
	}
	l.finish(b, err)
}

// BenchmarkReactor merges sockets into Events, or into one handler.
func BenchmarkReactor(b *testing.B) {
	for _, n := range []int{1, 1000} {
		pushes, pulls := benchPairs(b, n)
		b.Run(fmt.Sprintf("sockets=%d", n), func(b *testing.B) { benchReactor(b, pushes, pulls, false) })
		b.Run(fmt.Sprintf("sockets=%d/handler", n), func(b *testing.B) { benchReactor(b, pushes, pulls, true) })
	}
}

var errBenchDone = errors.New("all messages have come")

func benchReactor(b *testing.B, pushes, pulls []*socket.Socket, direct bool) {
	r, err := New(context.Background(), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	var l *benchLoad
	f := func(e Event) error {
		if err := l.receive(e.(Message).Msg); err != nil || l.count < b.N {
			return err
		}
		return errBenchDone
	}
	for _, pull := range pulls {
		if direct {
			_, err = r.Handle(Messages(pull), f)
		} else {
			_, err = r.Add(Messages(pull))
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	l = startBench(b, pushes)
	if direct {
		err = r.Wait()
	} else {
		err = r.Run(f)
	}
	if errors.Is(err, errBenchDone) {
		err = nil
	}
	l.finish(b, err)
}
