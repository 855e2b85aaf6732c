package poller

import (
	"context"
	"errors"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
	"zmqbus/socket"
)

// pollable is one kind of source: how it is made, dialling ep, made ready by the PUSH there, emptied, and ended.
type pollable struct {
	name  string
	open  func(t *testing.T, r *pollerSockets, ep string) (src Pollable, end func() error)
	ready func(push *socket.Socket) error
	take  func(src Pollable) error
	ended error
}

var pollables = []pollable{
	{
		name: "socket",
		open: func(t *testing.T, r *pollerSockets, ep string) (Pollable, func() error) {
			s := r.open(zmq4.Pull, 0)
			r.must(s.Dial(ep))
			return s, s.Close
		},
		ready: pushOne,
		take:  func(src Pollable) error { _, err := src.(*socket.Socket).TryRecv(); return err },
		ended: socket.ErrClosed,
	},
	{
		name: "adapter of a zmq4.Socket",
		open: func(t *testing.T, r *pollerSockets, ep string) (Pollable, func() error) {
			plain := zmq4.NewPull(context.Background())
			a, err := socket.NewAdapter(plain, nil)
			r.must(err)
			t.Cleanup(func() { _ = a.Close() })
			r.must(plain.Dial(ep))
			return a, a.Close
		},
		ready: pushOne,
		take:  func(src Pollable) error { _, err := src.(*socket.Adapter).TryRecv(); return err },
		ended: socket.ErrClosed,
	},
	{
		name: "lifecycle stream",
		open: func(t *testing.T, r *pollerSockets, ep string) (Pollable, func() error) {
			s := r.open(zmq4.Pull, 0)
			stream := s.Lifecycle(monitor.Disconnected)
			r.must(s.Dial(ep))
			return stream, func() error { stream.Stop(); return nil }
		},
		ready: (*socket.Socket).Close,
		take:  func(src Pollable) error { <-src.(*monitor.Stream).C(); return nil },
		ended: monitor.ErrClosed,
	},
}

func pushOne(push *socket.Socket) error { return push.Send(zmq4.NewMsgString("a")) }

// TestPollables takes each kind of source through a Poller and Poll: idle, ready, taken, ended.
func TestPollables(t *testing.T) {
	for _, c := range pollables {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), pollPatience)
			defer cancel()
			r := withPollerSockets(t)
			push := r.open(zmq4.Push, 0)
			r.must(push.Listen("tcp://127.0.0.1:0"))
			src, end := c.open(t, r, push.Endpoints()[0].Endpoint)
			p := New()
			defer p.Close()
			r.must(errors.Join(push.WaitPeers(ctx, 1), p.Add(src, In, "data")))
			if _, err := p.Wait(ctx, 0); !errors.Is(err, ErrAgain) {
				t.Fatalf("idle: %v", err)
			}
			r.must(c.ready(push))
			ev, err := p.Wait(ctx, -1)
			if err != nil || ev.Socket != src || ev.Events != In || ev.UserData != "data" {
				t.Fatalf("ready: %+v, %v", ev, err)
			}
			items := []Item{{Socket: src, Events: In}}
			if n, err := Poll(ctx, items, 0); n != 1 || err != nil || items[0].Revents != In {
				t.Fatalf("Poll of the ready: %d %+v, %v", n, items, err)
			}
			r.must(c.take(src))
			if _, err := p.Wait(ctx, 0); !errors.Is(err, ErrAgain) {
				t.Fatalf("taken: %v", err)
			}
			r.must(end())
			var op *OpError
			if _, err := p.Wait(ctx, -1); !errors.Is(err, c.ended) || !errors.As(err, &op) || op.Socket != src || op.UserData != "data" {
				t.Fatalf("ended: %v", err)
			}
			if _, err := Poll(ctx, items, -1); !errors.Is(err, c.ended) {
				t.Fatalf("Poll of the ended: %v", err)
			}
		})
	}
}
