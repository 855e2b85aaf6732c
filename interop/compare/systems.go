package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-zeromq/zmq4"
	lib "github.com/pebbe/zmq4"

	"zmqbus/socket"
)

// patience ends a run in which messages were lost.
const patience = time.Minute

// link is a PUSH and a PULL that are connected. send is called by one goroutine, recv by another.
type link struct {
	send  func(zmq4.Msg) error
	recv  func() ([]byte, error)
	close func() error
}

type system struct {
	name  string
	fewer int // divides the number of messages
	open  func() (link, error)
}

// systems are measured in this order; the ratio refers to the first.
var systems = []system{
	{"zmqbus C()", 1, func() (link, error) { return openOurs(true) }},
	{"zmqbus Recv", 1, func() (link, error) { return openOurs(false) }},
	{"pebbe/zmq4", 1, openLib},
	{"go-zeromq/zmq4", 10, openGoZeroMQ},
}

// prepare makes the messages that a run sends in turn, so that what is measured is the library and not the making of
// messages. They are at most 64 Ki, and about 32 MiB.
func prepare(size int) []zmq4.Msg {
	messages := make([]zmq4.Msg, min(max(32<<20/size, 64), 1<<16))
	for i := range messages {
		b := make([]byte, size)
		binary.LittleEndian.PutUint64(b, uint64(i))
		messages[i] = zmq4.NewMsg(b)
	}
	return messages
}

// send sends n messages, beginning with the given one.
func send(l link, messages []zmq4.Msg, first, n int) error {
	for i := first; i < first+n; i++ {
		if err := l.send(messages[i%len(messages)]); err != nil {
			return fmt.Errorf("sending message %d: %w", i, err)
		}
	}
	return nil
}

// receive takes n messages and checks number and length of each.
func receive(l link, messages []zmq4.Msg, first, n int) error {
	size := len(messages[0].Frames[0])
	for i := first; i < first+n; i++ {
		b, err := l.recv()
		if err != nil {
			return fmt.Errorf("receiving message %d: %w", i, err)
		}
		if len(b) != size {
			return fmt.Errorf("message %d has %d bytes, want %d", i, len(b), size)
		}
		if got, want := binary.LittleEndian.Uint64(b), uint64(i%len(messages)); got != want {
			return fmt.Errorf("message %d has number %d, want %d", i, got, want)
		}
	}
	return nil
}

func openOurs(channel bool) (link, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	pull, err := socket.New(ctx, zmq4.Pull, nil)
	if err != nil {
		cancel()
		return link{}, err
	}
	push, err := socket.New(ctx, zmq4.Push, nil)
	if err != nil {
		cancel()
		return link{}, errors.Join(err, pull.Close())
	}
	l := link{
		send:  push.Send,
		close: func() error { defer cancel(); return errors.Join(push.Close(), pull.Close()) },
		recv: func() ([]byte, error) {
			m, err := pull.Recv()
			if err != nil {
				return nil, err
			}
			return m.Frames[0], nil
		},
	}
	if channel {
		c := pull.C()
		l.recv = func() ([]byte, error) {
			m, ok := <-c
			if !ok {
				return nil, socket.ErrClosed
			}
			return m.Frames[0], nil
		}
	}
	if err = pull.Listen("tcp://127.0.0.1:*"); err == nil {
		err = push.Dial(pull.Endpoints()[0].Endpoint)
	}
	if err == nil {
		err = push.WaitPeers(ctx, 1)
	}
	if err != nil {
		return link{}, errors.Join(err, l.close())
	}
	return l, nil
}

// openLib receives one by one, which is libzmq's fastest way in Go.
func openLib() (link, error) {
	ctx, err := lib.NewContext()
	if err != nil {
		return link{}, err
	}
	pull, err := ctx.NewSocket(lib.PULL)
	if err != nil {
		return link{}, errors.Join(err, ctx.Term())
	}
	push, err := ctx.NewSocket(lib.PUSH)
	if err != nil {
		return link{}, errors.Join(err, pull.Close(), ctx.Term())
	}
	l := link{
		send:  func(m zmq4.Msg) error { _, err := push.SendBytes(m.Frames[0], 0); return err },
		recv:  func() ([]byte, error) { return pull.RecvBytes(0) },
		close: func() error { return errors.Join(push.Close(), pull.Close(), ctx.Term()) },
	}
	if err := connectLib(push, pull); err != nil {
		return link{}, errors.Join(err, l.close())
	}
	return l, nil
}

func connectLib(push, pull *lib.Socket) error {
	if err := errors.Join(push.SetLinger(0), pull.SetRcvtimeo(patience), push.SetSndtimeo(patience)); err != nil {
		return err
	}
	if err := pull.Bind("tcp://127.0.0.1:*"); err != nil {
		return err
	}
	ep, err := pull.GetLastEndpoint()
	if err != nil {
		return err
	}
	return push.Connect(ep)
}

func openGoZeroMQ() (link, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	pull, push := zmq4.NewPull(ctx), zmq4.NewPush(ctx)
	l := link{
		send: push.Send,
		close: func() error {
			defer cancel()
			return errors.Join(closeGoZeroMQ(push), closeGoZeroMQ(pull))
		},
		recv: func() ([]byte, error) {
			m, err := pull.Recv()
			if err != nil {
				return nil, err
			}
			return m.Frames[0], nil
		},
	}
	err := pull.Listen("tcp://127.0.0.1:0")
	if err == nil {
		err = push.Dial("tcp://" + pull.Addr().String())
	}
	if err != nil {
		return link{}, errors.Join(err, l.close())
	}
	return l, nil
}

// closeGoZeroMQ closes s. Its readers close a connection that ended too, and Close then reports that one as closed
// already; by then all messages were counted.
func closeGoZeroMQ(s zmq4.Socket) error {
	if err := s.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
