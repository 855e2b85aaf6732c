package socket

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/zmtp"
	"zmqbus/monitor"
)

// fuzzTypes are the sockets that are attacked, and a peer that each gets on with.
var fuzzTypes = []struct{ own, peer zmq4.SocketType }{
	{zmq4.Pull, zmq4.Push}, {zmq4.XPub, zmq4.Sub}, {zmq4.Router, zmq4.Dealer}, {zmq4.Rep, zmq4.Req},
	{zmq4.XSub, zmq4.Pub}, {zmq4.Dealer, zmq4.Router}, {zmq4.Pub, zmq4.XSub}, {zmq4.Sub, zmq4.XPub},
}

// FuzzRawPeer sends any bytes after a valid handshake.
func FuzzRawPeer(f *testing.F) {
	for _, c := range badFrames {
		f.Add(c.wire[:min(len(c.wire), 1000)], byte(0))
	}
	f.Add(slices.Concat(rawCommand("SUBSCRIBE", "a"), zmtp.AppendFrame(nil, 0, []byte("\x01b")), rawCommand("CANCEL", "a")), byte(1))
	f.Add(zmtp.AppendMessage(nil, [][]byte{{}, []byte("request")}), byte(3))
	f.Add(slices.Concat([]byte{1, 1, 'x'}, rawCommand("PING", "\x00\x01ctx"), []byte{0, 0}), byte(2))
	f.Fuzz(func(t *testing.T, wire []byte, kind byte) {
		types := fuzzTypes[int(kind)%len(fuzzTypes)]
		fuzzSocket(t, types.own, slices.Concat(rawGreeting(3, 0, "NULL"), rawReady("Socket-Type", string(types.peer)), wire), kind)
	})
}

// FuzzRawHandshake sends any bytes from the start.
func FuzzRawHandshake(f *testing.F) {
	greeting := rawGreeting(3, 0, "NULL")
	for _, c := range badHandshakes {
		if c.greeting != nil {
			f.Add(c.greeting, byte(0))
		} else {
			f.Add(slices.Concat(greeting, c.wire), byte(0))
		}
	}
	f.Add(slices.Concat(greeting, rawReady("Socket-Type", "REQ", "Identity", "me")), byte(2))
	f.Fuzz(func(t *testing.T, wire []byte, kind byte) {
		fuzzSocket(t, fuzzTypes[int(kind)%len(fuzzTypes)].own, wire, kind)
	})
}

// fuzzSocket attacks a socket, and a second one that dials the attacker. Both go on serving good peers, and leave
// nothing behind: the bubble reports a goroutine that stays.
func fuzzSocket(t *testing.T, typ zmq4.SocketType, wire []byte, kind byte) {
	synctest.Test(t, func(t *testing.T) {
		p := newPit(t, typ, Config{Linger: None, MaxMsgSize: 4096, MaxFrames: 20, RecvBytes: 8192, MaxSubscriptions: 10})
		ln, err := p.net.Listen(context.Background(), "127.0.0.1:6666")
		if err != nil {
			t.Fatal(err)
		}
		dial(t, p.s, "tcp://127.0.0.1:6666")
		nc, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		for _, a := range []*attacker{p.attack(), rawPeer(t, nc)} {
			_ = a.SetDeadline(time.Time{})
			a.while(a.drain)
			piece := len(wire) + 1
			if kind&0x80 != 0 {
				piece = 1
			}
			for part := range slices.Chunk(wire, piece) {
				a.say(part)
				synctest.Wait()
			}
			if kind&0x40 != 0 {
				a.Close()
			}
		}
		serves(t, p, typ)
		if err := p.s.Close(); err != nil && !errors.As(err, new(*UnsentError)) {
			t.Error(err)
		}
		if faults := orderFaults(p.passed()); len(faults) > 0 {
			t.Errorf("%v", faults)
		}
	})
}

// serves checks that a good peer gets on with the socket.
func serves(t *testing.T, p *pit, typ zmq4.SocketType) {
	t.Helper()
	var peer *Socket
	for _, types := range fuzzTypes {
		if types.own == typ {
			peer = p.join(types.peer)
		}
	}
	life := peer.Lifecycle(monitor.HandshakeSucceeded, monitor.WithSnapshot())
	next(t, life, monitor.HandshakeSucceeded)
	synctest.Wait()
	switch typ {
	case zmq4.Pull, zmq4.Router, zmq4.Rep:
		send(t, peer, "good")
		for f := recvIn(t, p.s, time.Minute); f[len(f)-1] != "good"; f = recvIn(t, p.s, time.Minute) {
			if typ == zmq4.Rep {
				send(t, p.s, "to the attacker")
			}
		}
	case zmq4.Pub, zmq4.XPub:
		subscribeAll(t, peer)
		synctest.Wait()
		send(t, p.s, "good")
		want(t, recvIn(t, peer, time.Minute), "good")
	case zmq4.Sub, zmq4.XSub:
		subscribeAll(t, p.s)
		synctest.Wait()
		send(t, peer, "good")
		for f := recvIn(t, p.s, time.Minute); f[0] != "good"; f = recvIn(t, p.s, time.Minute) {
		}
	}
}

func subscribeAll(t *testing.T, s *Socket) {
	t.Helper()
	if err := s.Subscribe(""); err != nil {
		t.Fatal(err)
	}
}
