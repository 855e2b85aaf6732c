package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/go-zeromq/zmq4"
	lib "github.com/pebbe/zmq4"

	"zmqbus/socket"
)

// patience ends a run in which messages were lost.
const patience = time.Minute

// link is a PUSH and a PULL that are connected. send is called by one goroutine, recv by another.
type link struct {
	send  func([]byte) error
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

// send sends n messages, numbered from first. Every message is a slice of its own, since ours and go-zeromq's may
// keep it: the same work for all.
func send(l link, first, n, size int) error {
	for i := first; i < first+n; i++ {
		b := make([]byte, size)
		binary.LittleEndian.PutUint64(b, uint64(i))
		if err := l.send(b); err != nil {
			return fmt.Errorf("sending message %d: %w", i, err)
		}
	}
	return nil
}

// receive takes n messages and checks number and length of each.
func receive(l link, first, n, size int) error {
	for i := first; i < first+n; i++ {
		b, err := l.recv()
		if err != nil {
			return fmt.Errorf("receiving message %d: %w", i, err)
		}
		if len(b) != size {
			return fmt.Errorf("message %d has %d bytes, want %d", i, len(b), size)
		}
		if got := binary.LittleEndian.Uint64(b); got != uint64(i) {
			return fmt.Errorf("message %d came as number %d", i, got)
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
		send:  func(b []byte) error { return push.Send(zmq4.NewMsg(b)) },
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
		send:  func(b []byte) error { _, err := push.SendBytes(b, 0); return err },
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
		send: func(b []byte) error { return push.Send(zmq4.NewMsg(b)) },
		close: func() error {
			defer cancel()
			return errors.Join(push.Close(), pull.Close())
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
