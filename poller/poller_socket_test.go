package poller

import (
	"errors"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/socket"
)

// pollerSockets opens sockets on one inproc hub.
type pollerSockets struct {
	pollerRun
	t   *testing.T
	hub *socket.Inproc
}

func withPollerSockets(t *testing.T) *pollerSockets {
	p := New()
	t.Cleanup(func() { p.Close() })
	return &pollerSockets{pollerRun{Poller: p, ctx: t.Context()}, t, socket.NewInproc()}
}

func (r *pollerSockets) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *pollerSockets) open(typ zmq4.SocketType, hwm int) *socket.Socket {
	s, err := socket.New(r.t.Context(), typ, &socket.Config{Inproc: r.hub, SendHWM: hwm, RecvHWM: hwm})
	r.must(err)
	r.t.Cleanup(func() { s.Close() })
	return s
}

// libzmq's own test: a PUSH and a PULL, the sink is reported until its message is read.
func TestPollerPushPull(t *testing.T) {
	r := withPollerSockets(t)
	sink, vent := r.open(zmq4.Pull, 0), r.open(zmq4.Push, 0)
	r.must(r.Add(sink, In, "sink"))
	if got := r.wait(0); got != "EAGAIN" {
		t.Fatal(got)
	}
	r.must(sink.Listen("inproc://sink"))
	r.must(vent.Dial("inproc://sink"))
	for range 3 {
		r.must(vent.Send(zmq4.NewMsgString("hello")))
		for range 2 {
			ev, err := r.Wait(r.ctx, -1)
			if want := (Event{Socket: sink, FD: -1, Events: In, UserData: "sink"}); ev != want || err != nil {
				t.Fatalf("got %+v, %v; want %+v", ev, err, want)
			}
		}
		m, err := sink.TryRecv()
		if err != nil || string(m.Bytes()) != "hello" {
			t.Fatal(m, err)
		}
		if got := r.wait(0); got != "EAGAIN" {
			t.Fatal(got)
		}
	}
}

// A full PUSH is told when there is room again, a PAIR for both directions.
func TestPollerRoom(t *testing.T) {
	r := withPollerSockets(t)
	sink, vent := r.open(zmq4.Pull, 5), r.open(zmq4.Push, 5)
	r.must(sink.Listen("inproc://sink"))
	r.must(vent.Dial("inproc://sink"))
	r.must(r.Add(vent, Out, "vent"))
	sent := 0
	for ; sent < 10; sent++ { // what both queues hold
		if got := r.wait(-1); got != "vent:OUT" {
			t.Fatal(got)
		}
		r.must(vent.TrySend(zmq4.NewMsgString("x")))
		if sent == 0 {
			r.must(r.Add(sink, In, "sink"))
			for r.wait(-1) != "sink:IN" { // the connection is there
			}
			r.must(r.Remove(sink))
		}
	}
	if err := vent.TrySend(zmq4.NewMsgString("x")); !errors.Is(err, socket.ErrAgain) {
		t.Fatal("not full:", err)
	}
	if got := r.wait(0); got != "EAGAIN" {
		t.Fatal(got)
	}
	done := make(chan string, 1)
	go func() { done <- r.wait(-1) }() // ends with the wait
	for range sent {
		if _, err := sink.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	if got := <-done; got != "vent:OUT" {
		t.Error(got)
	}
}

// A socket that is closed wakes the waiter; the error names it, and matches the socket's own.
func TestPollerSocketCloses(t *testing.T) {
	r := withPollerSockets(t)
	s := r.open(zmq4.Pair, 0)
	r.must(s.Listen("inproc://pair"))
	r.must(r.Add(s, In, "mine"))
	done := make(chan error, 1)
	go func() { // ends with the wait
		_, err := r.Wait(r.ctx, -1)
		done <- err
	}()
	r.must(s.Close())
	err := <-done
	var op *OpError
	if !errors.As(err, &op) || op.Socket != s || op.UserData != "mine" || !errors.Is(err, socket.ErrClosed) {
		t.Fatalf("%#v", err)
	}
	if err := r.Modify(s, Out); err != nil {
		t.Error(err)
	}
	if err := r.Remove(s); err != nil {
		t.Error(err)
	}
	if err := r.Add(s, In, nil); !errors.Is(err, socket.ErrClosed) {
		t.Error(err)
	}
}
