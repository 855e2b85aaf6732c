package socket

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/memnet"
	"zmqbus/monitor"
)

// TestInprocRoomAfterRaisedMark: a receiver that raises or lowers its mark after the two ends met does not leave the
// sender asleep when everything was taken.
func TestInprocRoomAfterRaisedMark(t *testing.T) {
	for _, mark := range []int{100, 1} {
		t.Run(fmt.Sprint(mark), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ns := NewInproc()
				push, pull := pair(t, "inproc://mark", zmq4.Push, zmq4.Pull, &Config{Inproc: ns, SendHWM: 10}, &Config{Inproc: ns, RecvHWM: 10})
				if err := pull.SetOption("rcvhwm", mark); err != nil {
					t.Fatal(err)
				}
				fill(t, push)
				for pull.Stats().In.Queued > 0 {
					recv(t, pull)
					synctest.Wait()
				}
				send(t, push, "one more")
			})
		})
	}
}

// fill sends until neither queue nor connection takes more.
func fill(t *testing.T, s *Socket, prefix ...string) {
	t.Helper()
	for trySends(t, s, prefix...) > 0 {
		synctest.Wait()
	}
}

// blockedSend starts a Send that has to wait, and returns its result.
func blockedSend(t *testing.T, s *Socket, frames ...string) <-chan error {
	t.Helper()
	sent := meanwhile(t, func() error { return s.Send(zmq4.NewMsgFromString(frames)) })
	synctest.Wait()
	select {
	case err := <-sent:
		t.Fatalf("did not wait: %v", err)
	default:
	}
	return sent
}

func answered(t *testing.T, sent <-chan error) error {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-sent:
		return err
	default:
		t.Fatal("still waits")
	}
	return nil
}

// TestNoDropUnsubscribe: a sender that waits for a full subscriber goes on when that one no longer wants the message.
func TestNoDropUnsubscribe(t *testing.T) {
	bubble(t, func(g *stage) {
		t := g.t
		g.net.Buffer(64)
		pub := g.actor("pub", zmq4.XPub, Config{NoDrop: true, SendHWM: 1})
		pub.listen(g.ep)
		peer := g.connect()
		peer.shake(zmq4.Sub)
		peer.write([]byte("\x00\x02\x01a"))
		want(t, recv(t, pub.Socket), "\x01a")
		fill(t, pub.Socket, "a", strings.Repeat("x", 100))
		sent := blockedSend(t, pub.Socket, "a")
		peer.write([]byte("\x00\x02\x00a"))
		if err := answered(t, sent); err != nil {
			t.Fatal(err)
		}
	})
}

// TestMandatoryWaiterSeesRouteGo: a mandatory ROUTER's sender that waits for a full peer is told when the peer's endpoint
// gives up or is disconnected.
func TestMandatoryWaiterSeesRouteGo(t *testing.T) {
	for name, leave := range map[string]func(*stage, *actor, *handmade){
		"gave up": func(_ *stage, _ *actor, h *handmade) { h.write([]byte("\xff\xff")) },
		"disconnected": func(g *stage, router *actor, _ *handmade) {
			if err := router.Disconnect(g.ep); err != nil {
				g.t.Fatal(err)
			}
		},
		"lost, immediate": func(_ *stage, router *actor, h *handmade) {
			if err := router.SetOption("immediate", 1); err != nil {
				panic(err)
			}
			h.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(g *stage) {
				t := g.t
				g.net.Buffer(64)
				l := g.handmadeServer()
				router := g.actor("router", zmq4.Router, Config{RouterMandatory: true, ConnectRoutingID: "peer", SendHWM: 1, Linger: time.Minute})
				router.dial(g.ep)
				h := g.accept(l)
				h.shake(zmq4.Dealer)
				router.await(monitor.HandshakeSucceeded)
				fill(t, router.Socket, "peer", strings.Repeat("x", 100))
				sent := blockedSend(t, router.Socket, "peer", "late")
				leave(g, router, h)
				wantErr(t, answered(t, sent), ErrUnroutable)
				closeNow(t, router.Socket)
			})
		})
	}
}

// TestHandoverOfLostPeer: a name that belongs to a dialled peer which is away for now passes to a new one for good: the
// old endpoint does not come back and take it again.
func TestHandoverOfLostPeer(t *testing.T) {
	inBubble(t, func(t *testing.T, net *memnet.Network) {
		router := open(t, zmq4.Router, memConfig(net, Config{RouterHandover: true, RouterMandatory: true, ConnectRoutingID: "same"}))
		first, second := open(t, zmq4.Dealer, memConfig(net, Config{})), open(t, zmq4.Dealer, memConfig(net, Config{RoutingID: "same"}))
		old := bind(t, first, "tcp://127.0.0.1:7001")
		dial(t, router, old)
		waitPeers(t, router, 1)
		if err := first.Unbind(old); err != nil {
			t.Fatal(err)
		}
		events := listen(t, router, 0)
		next(t, events, monitor.ConnectRetried)
		dial(t, second, bind(t, router, "tcp://127.0.0.1:7002"))
		waitPeers(t, router, 1)
		bind(t, first, old)
		for range 20 {
			if peers := router.Peers(); len(peers) != 1 || !peers[0].Accepted {
				t.Fatalf("peers: %+v", peers)
			}
			send(t, router, "same", "x")
			want(t, recv(t, second), "x")
			sleepInBubble()
		}
		if eps := router.Endpoints(); len(eps) != 1 || !eps[0].Bound {
			t.Fatalf("endpoints: %+v", eps)
		}
	})
}
