package socket

import (
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

func TestEndpointErrors(t *testing.T) {
	s := open(t, zmq4.Dealer, nil)
	ep := bind(t, s, "tcp://127.0.0.1:*")
	for _, test := range []struct {
		name string
		call func() error
		want []error
	}{
		{"disconnect unknown", func() error { return s.Disconnect("tcp://127.0.0.1:1") }, []error{ErrNoEndpoint, syscall.ENOENT}},
		{"disconnect a listener", func() error { return s.Disconnect(ep) }, []error{ErrNoEndpoint}},
		{"disconnect garbage", func() error { return s.Disconnect("garbage") }, []error{ErrBadEndpoint, syscall.EINVAL}},
		{"unbind unknown", func() error { return s.Unbind("tcp://127.0.0.1:1") }, []error{ErrNoEndpoint, syscall.ENOENT}},
		{"unbind garbage", func() error { return s.Unbind("garbage") }, []error{ErrBadEndpoint, syscall.EINVAL}},
		{"unbind as given", func() error { return s.Unbind("tcp://127.0.0.1:*") }, nil},
		{"unbind twice", func() error { return s.Unbind("tcp://127.0.0.1:*") }, []error{ErrNoEndpoint}},
		{"bind and unbind as resolved", func() error { return s.Unbind(bind(t, s, "tcp://127.0.0.1:*")) }, nil},
		{"dial", func() error { return s.Dial("tcp://127.0.0.1:1") }, nil},
		{"disconnect", func() error { return s.Disconnect("tcp://127.0.0.1:1") }, nil},
		{"disconnect twice", func() error { return s.Disconnect("tcp://127.0.0.1:1") }, []error{ErrNoEndpoint}},
	} {
		err := test.call()
		var op *OpError
		if (err != nil) != (test.want != nil) || err != nil && (!errors.As(err, &op) || op.Endpoint == "") {
			t.Errorf("%s: %v", test.name, err)
		}
		for _, w := range test.want {
			if !errors.Is(err, w) {
				t.Errorf("%s: %v is not %v", test.name, err, w)
			}
		}
	}
}

func TestEndpointStates(t *testing.T) {
	bubble(t, func(g *stage) {
		c := g.actor("client", zmq4.Dealer, Config{ReconnectStop: StopHandshakeFailed})
		expect := func(want EndpointInfo) {
			g.t.Helper()
			synctest.Wait()
			if eps := c.Endpoints(); len(eps) != 1 || eps[0] != want {
				t.Errorf("endpoints %v, want %v", eps, want)
			}
		}
		g.net.Delay(at, time.Second)
		c.dial(g.ep)
		expect(EndpointInfo{g.ep, false, Connecting, 0})
		c.await(monitor.ConnectRetried)
		expect(EndpointInfo{g.ep, false, Retrying, 0})
		g.net.Delay(at, 0)
		s := g.actor("server", zmq4.Dealer, Config{})
		s.listen("tcp://*:5555")
		if eps := s.Endpoints(); len(eps) != 1 || eps[0] != (EndpointInfo{"tcp://0.0.0.0:5555", true, Bound, 0}) {
			t.Errorf("endpoints %v", eps)
		}
		c.await(monitor.HandshakeSucceeded)
		expect(EndpointInfo{g.ep, false, Connected, 1})
		if eps := s.Endpoints(); eps[0].Conns != 1 {
			t.Errorf("endpoints %v", eps)
		}
		s.end()
		l := g.handmadeServer()
		h := g.accept(l)
		expect(EndpointInfo{g.ep, false, Connecting, 1})
		h.skip(64)
		h.Close()
		expect(EndpointInfo{g.ep, false, GaveUp, 0})
		if err := c.Disconnect(g.ep); err != nil || len(c.Endpoints()) != 0 {
			t.Errorf("disconnecting what gave up: %v, %v", err, c.Endpoints())
		}
	})
}
