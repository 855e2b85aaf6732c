package socket

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/go-zeromq/zmq4"
)

// TestBadInputToNew: an error, never a panic.
func TestBadInputToNew(t *testing.T) {
	for _, c := range []struct {
		name string
		ctx  context.Context
		typ  zmq4.SocketType
		cfg  *Config
		says string
		is   error
	}{
		{"nil context", nil, zmq4.Pull, nil, "context", nil},
		{"unknown type", t.Context(), "STREAMY", nil, "STREAMY", ErrOption},
		{"no type", t.Context(), "", nil, `""`, syscall.EINVAL},
		{"bad field", t.Context(), zmq4.Pull, &Config{RecvHWM: -7}, "RecvHWM", ErrOption},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := New(c.ctx, c.typ, c.cfg)
			var op *OpError
			if s != nil || !errors.As(err, &op) || op.Op != "new" || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v, %v", s, err)
			}
			if c.is != nil {
				wantErr(t, err, c.is)
			}
		})
	}
	closeNow(t, open(t, zmq4.Pull, nil)) // a nil Config is the defaults
}

// TestBadInputToCalls goes through every socket type: an error that names what was wrong, and no panic.
func TestBadInputToCalls(t *testing.T) {
	var none context.Context
	x := zmq4.NewMsgString("x")
	calls := []struct {
		name string
		call func(*Socket) error
		says string
		is   []error
	}{
		{"Send nothing", func(s *Socket) error { return s.Send(zmq4.Msg{}) }, "frames", []error{ErrBadMessage, syscall.EINVAL}},
		{"TrySend nothing", func(s *Socket) error { return s.TrySend(zmq4.Msg{}) }, "frames", []error{ErrBadMessage}},
		{"SendMulti nothing", func(s *Socket) error { return s.SendMulti(zmq4.NewMsgFrom()) }, "frames", []error{ErrBadMessage}},
		{"SendContext nil", func(s *Socket) error { return s.SendContext(none, x) }, "context", nil},
		{"RecvContext nil", func(s *Socket) error { _, err := s.RecvContext(none); return err }, "context", nil},
		{"RecvFrom nil", func(s *Socket) error { _, _, err := s.RecvFrom(none); return err }, "context", nil},
		{"WaitPeers nil", func(s *Socket) error { return s.WaitPeers(none, 1) }, "context", nil},
		{"CloseContext nil", func(s *Socket) error { return s.CloseContext(none) }, "context", nil},
		{"Dial nothing", func(s *Socket) error { return s.Dial("") }, "", []error{ErrBadEndpoint, syscall.EINVAL}},
		{"Dial without scheme", func(s *Socket) error { return s.Dial("127.0.0.1:5555") }, "127.0.0.1:5555", []error{ErrBadEndpoint, syscall.EINVAL}},
		{"Dial unknown scheme", func(s *Socket) error { return s.Dial("carrier://pigeon") }, "carrier", []error{ErrBadEndpoint, syscall.EPROTONOSUPPORT}},
		{"Dial without port", func(s *Socket) error { return s.Dial("tcp://127.0.0.1") }, "tcp://127.0.0.1", []error{ErrBadEndpoint, syscall.EINVAL}},
		{"Listen without scheme", func(s *Socket) error { return s.Listen("host") }, "host", []error{ErrBadEndpoint, syscall.EINVAL}},
		{"Listen unknown scheme", func(s *Socket) error { return s.Listen("x://y") }, "x", []error{ErrBadEndpoint, syscall.EPROTONOSUPPORT}},
		{"Unbind without scheme", func(s *Socket) error { return s.Unbind("host") }, "host", []error{ErrBadEndpoint}},
		{"Unbind unknown", func(s *Socket) error { return s.Unbind("inproc://nobody") }, "inproc://nobody", []error{ErrNoEndpoint, syscall.ENOENT}},
		{"Disconnect without scheme", func(s *Socket) error { return s.Disconnect("host") }, "host", []error{ErrBadEndpoint}},
		{"Disconnect unknown", func(s *Socket) error { return s.Disconnect("inproc://nobody") }, "inproc://nobody", []error{ErrNoEndpoint, syscall.ENOENT}},
		{"unknown option", func(s *Socket) error { return s.SetOption("colour", 1) }, "colour", []error{ErrOption, syscall.EINVAL}},
		{"nil value", func(s *Socket) error { return s.SetOption("sndhwm", nil) }, "sndhwm", []error{ErrOption, syscall.EINVAL}},
		{"strange value", func(s *Socket) error { return s.SetOption("linger", struct{}{}) }, "linger", []error{ErrOption, syscall.EINVAL}},
		{"nil topic", func(s *Socket) error { return s.SetOption("subscribe", nil) }, "subscribe", []error{ErrOption, syscall.EINVAL}},
		{"get unknown option", func(s *Socket) error { _, err := s.GetOption("colour"); return err }, "colour", []error{ErrOption, syscall.EINVAL}},
	}
	for _, typ := range allTypes {
		for _, c := range calls {
			s := open(t, typ, nil)
			err := c.call(s)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %s: %v", typ, c.name, err)
				continue
			}
			for _, is := range c.is {
				if !errors.Is(err, is) {
					t.Errorf("%s: %s: %v does not match %v", typ, c.name, err, is)
				}
			}
			var op *OpError
			if !errors.As(err, &op) || op.Op == "" {
				t.Errorf("%s: %s: %v is no OpError", typ, c.name, err)
			}
		}
	}
}

// TestCallsThatATypeHasNot return ErrNotSupported, at once.
func TestCallsThatATypeHasNot(t *testing.T) {
	for _, typ := range []zmq4.SocketType{zmq4.Pull, zmq4.Sub} {
		s := open(t, typ, nil)
		wantErr(t, s.Send(zmq4.NewMsgString("x")), ErrNotSupported, errors.ErrUnsupported)
		wantErr(t, sendErr(s, "x"), ErrNotSupported)
		wantErr(t, s.SendContext(t.Context(), zmq4.NewMsgString("x")), ErrNotSupported)
	}
	for _, typ := range []zmq4.SocketType{zmq4.Push, zmq4.Pub} {
		wantErr(t, recvErr(open(t, typ, nil)), ErrNotSupported)
	}
	for _, typ := range allTypes {
		if typ == zmq4.Sub || typ == zmq4.XSub {
			continue
		}
		s := open(t, typ, nil)
		wantErr(t, s.Subscribe("x"), ErrNotSupported)
		wantErr(t, s.Unsubscribe("x"), ErrNotSupported)
		wantErr(t, s.SetOption("subscribe", "x"), ErrNotSupported)
	}
}

// TestOddConversations: what a peer may say and a type does not expect is counted, and nothing else happens.
func TestOddConversations(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		xsub, pub := pair(t, ep, zmq4.XSub, zmq4.Pub, nil, nil)
		for _, m := range [][]string{{""}, {"\x02"}, {"\x01", "two frames"}, {"x", "y"}} {
			send(t, xsub, m...)
		}
		send(t, xsub, "\x01topic")
		waitPeers(t, pub, 1)
		until(t, "all is counted", func() bool { return pub.Stats().Dropped[DropUnexpected] == 4 })
		send(t, pub, "topic")
		want(t, recv(t, xsub), "topic")
	})
}
