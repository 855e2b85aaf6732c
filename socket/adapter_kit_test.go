package socket

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-zeromq/zmq4"
	"go.uber.org/goleak"
)

// zmq4s makes the sockets of zmq4 by type. PUB and XPUB are not there: each leaves a goroutine behind for ever.
var zmq4s = map[zmq4.SocketType]func(context.Context, ...zmq4.Option) zmq4.Socket{
	zmq4.Pair: zmq4.NewPair, zmq4.Sub: zmq4.NewSub, zmq4.XSub: zmq4.NewXSub, zmq4.Pull: zmq4.NewPull, zmq4.Push: zmq4.NewPush,
	zmq4.Dealer: zmq4.NewDealer, zmq4.Router: zmq4.NewRouter, zmq4.Req: zmq4.NewReq, zmq4.Rep: zmq4.NewRep,
}

// noLeaks fails the test if it leaves goroutines behind, after everything else was cleaned up.
func noLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// adapt adapts sock until the end of the test.
func adapt(t testing.TB, sock zmq4.Socket, cfg *AdapterConfig) *Adapter {
	t.Helper()
	a, err := NewAdapter(sock, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// adaptBound adapts a zmq4 socket of type typ that listens, and returns the endpoint.
func adaptBound(t testing.TB, ctx context.Context, typ zmq4.SocketType, cfg *AdapterConfig) (*Adapter, string) {
	t.Helper()
	sock := zmq4s[typ](ctx)
	if err := sock.Listen("tcp://127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if typ == zmq4.Sub {
		if err := sock.SetOption(zmq4.OptionSubscribe, ""); err != nil {
			t.Fatal(err)
		}
	}
	return adapt(t, sock, cfg), "tcp://" + sock.Addr().String()
}

// joined returns a socket of ours that is connected to ep.
func joined(t testing.TB, typ zmq4.SocketType, ep string) *Socket {
	t.Helper()
	s := open(t, typ, nil)
	dial(t, s, ep)
	waitPeers(t, s, 1)
	return s
}

func adaptedRecv(t testing.TB, a *Adapter) []string {
	t.Helper()
	m, err := a.RecvContext(testContext(t))
	if err != nil {
		t.Fatalf("%v: recv: %v", a, err)
	}
	return frames(m)
}

func adaptedSend(t testing.TB, a *Adapter, frames ...string) {
	t.Helper()
	if err := a.SendContext(testContext(t), zmq4.NewMsgFromString(frames)); err != nil {
		t.Fatalf("%v: send: %v", a, err)
	}
}

// stuckReaders counts the goroutines of zmq4 that cannot put what they have read into their socket's queue.
func stuckReaders() (n int) {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for g := range strings.SplitSeq(string(buf), "\n\n") {
		head, stack, _ := strings.Cut(g, "\n")
		if strings.Contains(head, "[chan send") && strings.Contains(stack, "zmq4.") && strings.Contains(stack, "eader).listen(") {
			n++
		}
	}
	return n
}

// scriptedSocket is somebody else's zmq4.Socket: its calls are told by the test.
type scriptedSocket struct {
	zmq4.Socket // nil: other calls fail the test
	typ         zmq4.SocketType
	recv        func() (zmq4.Msg, error) // nil: blocks until Close
	send        func(zmq4.Msg) error
	recvs       atomic.Int64
	closing     sync.Once
	closed      chan struct{}
	closeErr    error
}

var errScripted = errors.New("scripted")

func newScripted(typ zmq4.SocketType, recv func() (zmq4.Msg, error)) *scriptedSocket {
	return &scriptedSocket{typ: typ, recv: recv, closed: make(chan struct{})}
}

func (s *scriptedSocket) Type() zmq4.SocketType { return s.typ }

func (s *scriptedSocket) Recv() (zmq4.Msg, error) {
	s.recvs.Add(1)
	if s.recv != nil {
		return s.recv()
	}
	<-s.closed
	return zmq4.Msg{}, context.Canceled
}

func (s *scriptedSocket) Send(m zmq4.Msg) error {
	if s.send != nil {
		return s.send(m)
	}
	<-s.closed
	return context.Canceled
}

func (s *scriptedSocket) Close() error {
	s.closing.Do(func() { close(s.closed) })
	return s.closeErr
}
