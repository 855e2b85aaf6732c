package reactor

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/socket"
)

// soakSource is a source and the ledger of the numbers 1, 2, ... that were put into it.
type soakSource struct {
	kind   string
	source Source
	give   func(n uint64) bool // puts n in, unless there is no room
	end    func()              // ends the source itself; nil: it cannot end

	push, pull *socket.Socket // kinds tcp and inproc
	values     chan uint64    // kind chan
	fd         *soakPipe      // kind fd
	sent       uint64
	ended      bool
	left       []uint64 // found in the source when it was out of the reactor

	poke chan struct{} // something was delivered

	mu     sync.Mutex // guards what follows
	stints []*soakStint
	bytes  uint64 // kind fd: read in order
	ticks  int
	gone   bool // nothing may be touched any more
	fault  string
}

// soakStint is the time between one Add and its Remove.
type soakStint struct {
	got, back []uint64 // delivered; returned by Remove or UndeliveredError
	seq       uint64   // of the last lifecycle event
	closed    bool
}

// soakPipe is a pipe without blocking.
type soakPipe struct {
	from  int
	write func(byte) bool
	read  func() (byte, bool)
	close func()
}

// soakLimit is how many numbers a source gets at most: fewer than the high-water mark of the kind tcp, so that all of
// them reach the receiving socket although nobody reads it.
const soakLimit = 900

// soakTCP is how many sources of one reactor are of kind tcp: the ports of a closed connection are not free for a minute.
const soakTCP = 20

// open makes a source of a random kind.
func (k *soak) open(rng *rand.Rand) (*soakSource, error) {
	s := &soakSource{poke: make(chan struct{}, 1)}
	switch n := rng.IntN(10); {
	case n < 3 && k.tcp.Add(1) <= soakTCP:
		return s, s.sockets("tcp", rng, "tcp://127.0.0.1:0", 0)
	case n < 6:
		return s, s.sockets("inproc", rng, fmt.Sprintf("inproc://soak-%d", propNames.Add(1)), []int{0, 1, 10}[rng.IntN(3)])
	case n < 8:
		s.kind, s.values = "chan", make(chan uint64, 1+rng.IntN(100))
		s.source = Chan(s.values)
		s.give = func(n uint64) bool {
			select {
			case s.values <- n:
				return true
			default:
				return false
			}
		}
		s.end = func() { close(s.values) }
		return s, nil
	case n < 9:
		if p, err := soakNewPipe(); p != nil || err != nil {
			s.kind, s.fd = "fd", p
			if err == nil {
				s.source, s.give = FD(p.from, 1), func(n uint64) bool { return p.write(byte(n)) }
			}
			return s, err
		}
	}
	s.kind, s.give = "timer", func(uint64) bool { return false }
	s.source = Every(time.Duration(1+rng.IntN(20)) * 100 * time.Microsecond)
	return s, nil
}

func (s *soakSource) sockets(kind string, rng *rand.Rand, ep string, hwm int) (err error) {
	ctx, cancel := context.WithCancel(context.Background())
	cfg := &socket.Config{SendHWM: hwm, RecvHWM: hwm, Linger: socket.None}
	s.kind = kind
	if s.pull, err = socket.New(ctx, zmq4.Pull, cfg); err == nil {
		s.push, err = socket.New(context.Background(), zmq4.Push, cfg)
	}
	if err == nil {
		err = s.pull.Listen(ep)
	}
	if err == nil {
		err = s.push.Dial(s.pull.Endpoints()[0].Endpoint)
	}
	s.source = Messages(s.pull)
	if kind == "tcp" && rng.IntN(2) == 0 {
		s.source = MessagesAndLifecycle(s.pull, 0)
	}
	s.give = func(n uint64) bool {
		return s.push.TrySend(zmq4.NewMsg(binary.LittleEndian.AppendUint64(nil, n))) == nil
	}
	s.end = func() {
		for begun := time.Now(); s.kind == "tcp" && s.pull.Stats().In.Received < s.sent; runtime.Gosched() {
			if time.Since(begun) > propPatience { // what is on its way when a socket closes is lost without a trace
				return
			}
		}
		if cancel(); rng.IntN(2) == 0 {
			_ = s.pull.Close() // tells nothing of what was received
		}
		<-s.pull.Done()
	}
	return err
}

// send puts up to n numbers in, and returns how many.
func (s *soakSource) send(n int) int {
	for i := range n {
		if s.ended || s.sent == soakLimit || !s.give(s.sent+1) {
			return i
		}
		s.sent++
	}
	return n
}

func (s *soakSource) free() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	switch {
	case s.fd != nil:
		s.fd.close()
	case s.pull != nil:
		_ = s.push.Close() // their linger is none: they tell of what nobody took
		_ = s.pull.Close()
	}
}
