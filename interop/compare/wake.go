package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-zeromq/zmq4"
	lib "github.com/pebbe/zmq4"

	"zmqbus/poller"
	"zmqbus/socket"
)

// registered are the numbers of PULL sockets that a poller has; a message comes to the last one. libzmq needs a
// descriptor for each, and 1,024 is the usual limit.
var registered = []int{1, 100, 900}

// wakes per run, divided by wakeSystem.fewer for each registered socket.
const wakes = 20_000

// wakeSystem is a poller with n sockets.
type wakeSystem struct {
	name  string
	fewer func(registered int) int // divides the number of wakes
	open  func(registered int) (waker, error)
}

// waker sends one message, waits in the poller until it is told of it, and receives it.
type waker struct {
	wake  func() error
	close func() error
}

var wakeSystems = []wakeSystem{
	{"zmqbus poller", func(int) int { return 1 }, openOurPoller},
	{"pebbe/zmq4 poller", func(n int) int { return max(1, n/10) }, openLibPoller},
}

// compareWakes measures the wake-up of a poller, the systems in turn.
func compareWakes(c config) ([]result, error) {
	var results []result
	for _, n := range registered {
		samples := make([][]float64, len(wakeSystems))
		for range c.rounds {
			for i, s := range wakeSystems {
				count := max(10, c.wakes/s.fewer(n))
				took, err := measureWakes(s, n, count)
				if err != nil {
					return nil, fmt.Errorf("%s with %d sockets: %w", s.name, n, err)
				}
				samples[i] = append(samples[i], float64(took.Nanoseconds())/float64(count))
			}
		}
		for i, s := range wakeSystems {
			slices.Sort(samples[i])
			results = append(results, result{
				Case: fmt.Sprintf("wake-up/inproc/%d sockets", n), System: s.name,
				Messages: max(10, c.wakes/s.fewer(n)), Rounds: c.rounds,
				Median: median(samples[i]), Min: samples[i][0], Max: samples[i][c.rounds-1],
				Ratio: median(samples[i]) / median(samples[0]),
			})
		}
	}
	return results, nil
}

// measureWakes runs one system once. The first wake-up goes before the clock starts.
func measureWakes(s wakeSystem, registered, count int) (took time.Duration, err error) {
	w, err := s.open(registered)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.wake(); err != nil {
		return 0, err
	}
	start := time.Now()
	for range count {
		if err := w.wake(); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

var errWrongSocket = errors.New("the poller reports another socket")

func openOurPoller(n int) (waker, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	p, space := poller.New(), socket.NewInproc()
	var sockets []*socket.Socket
	w := waker{close: func() error {
		defer cancel()
		err := p.Close()
		for _, s := range sockets {
			err = errors.Join(err, s.Close())
		}
		return err
	}}
	open := func(t zmq4.SocketType) (*socket.Socket, error) {
		s, err := socket.New(ctx, t, &socket.Config{Inproc: space})
		if err == nil {
			sockets = append(sockets, s)
		}
		return s, err
	}
	var last *socket.Socket
	for range n {
		pull, err := open(zmq4.Pull)
		if err == nil {
			last, err = pull, p.Add(pull, poller.In, nil)
		}
		if err != nil {
			return w, errors.Join(err, w.close())
		}
	}
	push, err := open(zmq4.Push)
	if err == nil {
		err = errors.Join(last.Listen("inproc://last"), push.Dial("inproc://last"))
	}
	if err != nil {
		return w, errors.Join(err, w.close())
	}
	msg := zmq4.NewMsg(make([]byte, 64))
	w.wake = func() error {
		if err := push.Send(msg); err != nil {
			return err
		}
		ev, err := p.Wait(ctx, -1)
		if err == nil && ev.Socket != last {
			err = errWrongSocket
		}
		if err == nil {
			_, err = last.TryRecv()
		}
		return err
	}
	return w, nil
}

func openLibPoller(n int) (waker, error) {
	ctx, err := lib.NewContext()
	if err != nil {
		return waker{}, err
	}
	p := lib.NewPoller()
	var sockets []*lib.Socket
	w := waker{close: func() error {
		var err error
		for _, s := range sockets {
			err = errors.Join(err, s.SetLinger(0), s.Close())
		}
		return errors.Join(err, ctx.Term())
	}}
	open := func(t lib.Type) (*lib.Socket, error) {
		s, err := ctx.NewSocket(t)
		if err == nil {
			sockets = append(sockets, s)
		}
		return s, err
	}
	var last *lib.Socket
	for range n {
		if last, err = open(lib.PULL); err != nil {
			return w, errors.Join(err, w.close())
		}
		p.Add(last, lib.POLLIN)
	}
	push, err := open(lib.PUSH)
	if err == nil {
		err = errors.Join(last.Bind("inproc://last"), push.Connect("inproc://last"))
	}
	if err != nil {
		return w, errors.Join(err, w.close())
	}
	msg := make([]byte, 64)
	w.wake = func() error {
		if _, err := push.SendBytes(msg, 0); err != nil {
			return err
		}
		ready, err := p.Poll(patience)
		if err == nil && (len(ready) != 1 || ready[0].Socket != last) {
			err = errWrongSocket
		}
		if err == nil {
			_, err = last.RecvBytes(lib.DONTWAIT)
		}
		return err
	}
	return w, nil
}
