package socket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

func TestAdapterIsRefused(t *testing.T) {
	pull := func() zmq4.Socket { return newScripted(zmq4.Pull, nil) }
	for _, c := range []struct {
		name string
		sock zmq4.Socket
		cfg  *AdapterConfig
		want error
	}{
		{"nil", nil, nil, errNilSocket},
		{"our own", open(t, zmq4.Pull, nil), nil, ErrNotSupported},
		{"our own, nil", (*Socket)(nil), nil, ErrNotSupported},
		{"unknown type", newScripted("STREAM", nil), nil, ErrNotSupported},
		{"negative queue", pull(), &AdapterConfig{Queue: -1}, ErrOption},
		{"huge queue", pull(), &AdapterConfig{Queue: maxAdapterQueue + 1}, ErrOption},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewAdapter(c.sock, c.cfg)
			wantErr(t, err, c.want)
		})
	}
	if a := adapt(t, pull(), nil); cap(a.ch) != 1000 || a.String() != "adapted PULL" || a.Type() != zmq4.Pull {
		t.Errorf("queue %d of %q, type %s", cap(a.ch), a, a.Type())
	}
}

// TestAdapterReceives lets a socket of ours, and one of zmq4, send to each type, on the channel and by call.
func TestAdapterReceives(t *testing.T) {
	for _, c := range []struct {
		typ, peer zmq4.SocketType
		sent, got []string // got nil: as sent
	}{
		{zmq4.Pull, zmq4.Push, []string{"a", "", "c"}, nil},
		{zmq4.Pair, zmq4.Pair, []string{"a"}, nil},
		{zmq4.Dealer, zmq4.Router, []string{"", "a"}, nil},
		{zmq4.Router, zmq4.Dealer, []string{"a"}, []string{"name", "a"}},
		{zmq4.Rep, zmq4.Req, []string{"a"}, nil},
		{zmq4.Sub, zmq4.Pub, []string{"topic", "a"}, nil},
		{zmq4.XSub, zmq4.Pub, []string{"topic", "a"}, nil},
	} {
		if c.got == nil {
			c.got = c.sent
		}
		t.Run(string(c.typ)+" from ours", func(t *testing.T) {
			noLeaks(t)
			a, ep := adaptBound(t, t.Context(), c.typ, nil)
			peer := open(t, c.peer, &Config{RoutingID: "name"})
			events := peer.Lifecycle(monitor.HandshakeSucceeded | monitor.Subscribed)
			dial(t, peer, ep)
			next(t, events, monitor.HandshakeSucceeded)
			sent := c.sent
			switch c.typ {
			case zmq4.XSub:
				adaptedSend(t, a, "\x01") // all topics
				fallthrough
			case zmq4.Sub:
				next(t, events, monitor.Subscribed)
			case zmq4.Dealer:
				waitPeers(t, peer, 1)
				sent = append([]string{peer.Peers()[0].Peer.Identity}, sent...)
			}
			send(t, peer, sent...)
			want(t, frames(await(t, "message", a.C())), c.got...)
		})
		if c.peer == zmq4.Pub || c.peer == zmq4.Router {
			continue // one leaks, and the other needs the adapted socket's generated name
		}
		t.Run(string(c.typ)+" from zmq4", func(t *testing.T) {
			noLeaks(t)
			a, ep := adaptBound(t, t.Context(), c.typ, nil)
			peer := zmq4s[c.peer](t.Context(), zmq4.WithID(zmq4.SocketIdentity("name")))
			out := adapt(t, peer, nil)
			if err := peer.Dial(ep); err != nil {
				t.Fatal(err)
			}
			adaptedSend(t, out, c.sent...)
			want(t, adaptedRecv(t, a), c.got...)
		})
	}
}

// A peer that goes is counted, and the others are heard.
func TestAdapterOutlivesPeers(t *testing.T) {
	noLeaks(t)
	a, ep := adaptBound(t, t.Context(), zmq4.Pull, nil)
	for i := range 3 {
		peer := joined(t, zmq4.Push, ep)
		send(t, peer, fmt.Sprint(i))
		if err := peer.Close(); err != nil {
			t.Fatal(err)
		}
		want(t, adaptedRecv(t, a), fmt.Sprint(i))
		until(t, "the loss is counted", func() bool { return a.Stats().PeerErrors == uint64(i+1) })
	}
	st := a.Stats()
	wantErr(t, st.LastError, io.EOF)
	if st.Received != 3 || st.Queued != 0 || st.Dropped != 0 {
		t.Errorf("%+v", st)
	}
	if _, err := a.TryRecv(); !errors.Is(err, ErrAgain) {
		t.Errorf("TryRecv: %v", err)
	}
}

// What zmq4 hands up without being a message does not reach the user.
func TestAdapterDropsCommands(t *testing.T) {
	noLeaks(t)
	a, ep := adaptBound(t, t.Context(), zmq4.Pull, nil)
	peer := open(t, zmq4.Push, &Config{HeartbeatInterval: 1e6, HeartbeatTimeout: None})
	dial(t, peer, ep)
	until(t, "PINGs are counted", func() bool { return a.Stats().Commands > 2 })
	send(t, peer, "a")
	want(t, adaptedRecv(t, a), "a")
}

// A REP's request may lack its body, by the fault of a peer.
func TestAdapterCountsBrokenRequests(t *testing.T) {
	noLeaks(t)
	a, ep := adaptBound(t, t.Context(), zmq4.Rep, nil)
	peer := joined(t, zmq4.Dealer, ep)
	send(t, peer, "no delimiter")
	send(t, peer, "")
	send(t, peer, "", "a")
	want(t, adaptedRecv(t, a), "a")
	if st := a.Stats(); st.PeerErrors != 2 || st.Received != 1 || !errors.Is(st.LastError, errNoFrames) {
		t.Errorf("%+v", st)
	}
}

// A full queue stops the receiving, and loses nothing.
func TestAdapterPushesBack(t *testing.T) {
	noLeaks(t)
	const messages = 100
	a, ep := adaptBound(t, t.Context(), zmq4.Pull, &AdapterConfig{Queue: 2})
	peer := joined(t, zmq4.Push, ep)
	for i := range messages {
		send(t, peer, fmt.Sprint(i))
	}
	full := func() bool { // one is in the pump's hand
		st := a.Stats()
		return st.Received == 3 && st.Queued == 2 && stuckReaders() == 1
	}
	until(t, "all queues are full", full)
	for range 100 {
		if yield(); !full() {
			t.Fatalf("it goes on: %+v", a.Stats())
		}
	}
	for i := range messages {
		want(t, adaptedRecv(t, a), fmt.Sprint(i))
	}
	if st := a.Stats(); st.Received != messages || st.Dropped != 0 {
		t.Errorf("%+v", st)
	}
}

func TestAdapterContexts(t *testing.T) {
	a := adapt(t, newScripted(zmq4.Dealer, nil), nil)
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	live, end := context.WithCancelCause(t.Context())
	waiting := meanwhile(t, func() error { _, err := a.RecvContext(live); return err })
	end(cause)
	wantErr(t, await(t, "RecvContext", waiting), cause)
	_, err := a.RecvContext(ctx)
	wantErr(t, err, cause)
	wantErr(t, a.SendContext(ctx, zmq4.NewMsgString("a")), cause)
	var none context.Context
	_, err = a.RecvContext(none)
	wantErr(t, err, errNilContext)
	wantErr(t, a.SendContext(none, zmq4.NewMsgString("a")), errNilContext)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = a.Recv()
	wantErr(t, err, ErrClosed, net.ErrClosed)
}
