package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/socket"
)

// benchPair is a bound and a connected socket that see each other.
type benchPair struct {
	bound, connected *socket.Socket
	dir              string // of the ipc path
}

func newBenchPair(ctx context.Context, transport string, bound, connected zmq4.SocketType) (p *benchPair, err error) {
	p = &benchPair{}
	defer func() {
		if err != nil {
			_ = p.close() // the first error is the one to report
		}
	}()
	endpoint := "tcp://127.0.0.1:*"
	switch transport {
	case "inproc":
		endpoint = "inproc://zmqbus-bench"
	case "ipc":
		if p.dir, err = os.MkdirTemp("", "zmqbus"); err != nil {
			return nil, err
		}
		endpoint = "ipc://" + filepath.Join(p.dir, "bench")
	}
	if p.bound, err = socket.New(context.Background(), bound, nil); err != nil {
		return nil, err
	}
	if p.connected, err = socket.New(context.Background(), connected, nil); err != nil {
		return nil, err
	}
	if err = p.bound.Listen(endpoint); err != nil {
		return nil, err
	}
	if err = p.connected.Dial(p.bound.Endpoints()[0].Endpoint); err != nil {
		return nil, err
	}
	return p, p.connected.WaitPeers(ctx, 1)
}

// close ends both sockets and removes the ipc directory.
func (p *benchPair) close() error {
	var err error
	for _, s := range []*socket.Socket{p.connected, p.bound} {
		if s != nil {
			err = errors.Join(err, s.Close())
		}
	}
	if p.dir != "" {
		err = errors.Join(err, os.RemoveAll(p.dir))
	}
	return err
}

// pushPull measures from the first send to the last receive.
func (b *bench) pushPull(ctx context.Context, transport string) (line benchLine, err error) {
	line = benchLine{Pattern: "push-pull", Messages: b.messages}
	pair, err := newBenchPair(ctx, transport, zmq4.Pull, zmq4.Push)
	if err != nil {
		return line, err
	}
	defer func() { err = errors.Join(err, pair.close()) }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var sender sync.WaitGroup
	defer sender.Wait()
	start := time.Now()
	// Owned by this call, which waits for it; ends with its last message or with ctx.
	sender.Go(func() {
		if err := sendNumbered(ctx, pair.connected, b.messages, b.size); err != nil {
			cancel(err)
		}
	})
	inbound := pair.bound.C()
	for i := range b.messages {
		select {
		case m := <-inbound:
			if err := checkNumbered(m, i, b.size); err != nil {
				cancel(err)
				return line, err
			}
		case <-ctx.Done():
			return line, fmt.Errorf("%d of %d messages arrived: %w", i, b.messages, context.Cause(ctx))
		}
	}
	line.Seconds = time.Since(start).Seconds()
	return line, nil
}

// reqRep measures one request at a time.
func (b *bench) reqRep(ctx context.Context, transport string) (line benchLine, err error) {
	line = benchLine{Pattern: "req-rep", Messages: b.roundTrips, roundTrips: true}
	pair, err := newBenchPair(ctx, transport, zmq4.Rep, zmq4.Req)
	if err != nil {
		return line, err
	}
	defer func() { err = errors.Join(err, pair.close()) }()
	ctx, cancel := context.WithCancel(ctx)
	var server sync.WaitGroup
	defer server.Wait()
	defer cancel()
	// Owned by this call, which cancels it and waits for it. Its error shows as a missing reply.
	server.Go(func() {
		for {
			m, err := pair.bound.RecvContext(ctx)
			if err != nil || pair.bound.SendContext(ctx, m) != nil {
				return
			}
		}
	})
	times := make([]time.Duration, b.roundTrips)
	start := time.Now()
	for i := range times {
		before := time.Now()
		if err := pair.connected.SendContext(ctx, zmq4.NewMsg(numbered(i, b.size))); err != nil {
			return line, err
		}
		m, err := pair.connected.RecvContext(ctx)
		if err == nil {
			err = checkNumbered(m, i, b.size)
		}
		if err != nil {
			return line, err
		}
		times[i] = time.Since(before)
	}
	line.Seconds = time.Since(start).Seconds()
	slices.Sort(times)
	line.P50Micros = micros(times[len(times)/2])
	line.P99Micros = micros(times[len(times)*99/100])
	return line, nil
}

// sendNumbered sends n messages. They are cut from slabs, so that what is measured is the sockets and not the
// allocator of the benchmark.
func sendNumbered(ctx context.Context, s *socket.Socket, n, size int) error {
	perSlab := max(1, min(1024, 1<<20/size))
	var slab []byte
	var frames [][]byte
	for i := range n {
		if len(frames) == 0 {
			slab, frames = make([]byte, perSlab*size), make([][]byte, perSlab)
		}
		frame := slab[:size:size]
		binary.BigEndian.PutUint64(frame, uint64(i))
		frames[0] = frame
		if err := s.SendContext(ctx, zmq4.Msg{Frames: frames[:1:1]}); err != nil {
			return err
		}
		slab, frames = slab[size:], frames[1:]
	}
	return nil
}

func numbered(i, size int) []byte {
	b := make([]byte, size)
	binary.BigEndian.PutUint64(b, uint64(i))
	return b
}

// checkNumbered reports a message that is not the one that must come next.
func checkNumbered(m zmq4.Msg, i, size int) error {
	if len(m.Frames) != 1 || len(m.Frames[0]) != size {
		return fmt.Errorf("message %d came back with another shape: %d frames", i, len(m.Frames))
	}
	if got := binary.BigEndian.Uint64(m.Frames[0]); got != uint64(i) {
		return fmt.Errorf("message %d came when %d was due", got, i)
	}
	return nil
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
