package socket

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

func TestRouterGeneratesIDs(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		router := open(t, zmq4.Router, nil)
		ep = bind(t, router, ep)
		seen := map[string]bool{}
		for i := range 3 {
			d := open(t, zmq4.Dealer, nil)
			dial(t, d, ep)
			send(t, d, fmt.Sprint(i))
			m := recv(t, router)
			if id := m[0]; len(id) != 5 || id[0] != 0 || seen[id] {
				t.Fatalf("id %q", id)
			}
			seen[m[0]] = true
			send(t, router, m[0], "back", m[1])
			want(t, recv(t, d), "back", fmt.Sprint(i))
		}
	})
}

// TestRouterReadsInTurn is libzmq's fair queueing: one of each of five senders before a second of any.
func TestRouterReadsInTurn(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		router := open(t, zmq4.Router, nil)
		ep = bind(t, router, ep)
		for i := range 5 {
			d := open(t, zmq4.Dealer, &Config{RoutingID: fmt.Sprint("dealer", i)})
			dial(t, d, ep)
			for range 3 {
				send(t, d, "m")
			}
		}
		until(t, "all is there", func() bool { return router.Stats().In.Queued == 15 })
		for range 3 {
			round := map[string]bool{}
			for range 5 {
				round[recv(t, router)[0]] = true
			}
			if len(round) != 5 {
				t.Fatalf("a round served %v", round)
			}
		}
	})
}

func TestRouterUnknownPeer(t *testing.T) {
	router := open(t, zmq4.Router, nil)
	if err := sendErr(router, "nobody", "x"); err != nil {
		t.Fatal(err)
	}
	if st := router.Stats(); st.Dropped[DropUnroutable] != 1 || st.Out.Dropped != 1 || st.Out.Accepted != 1 {
		t.Fatalf("stats %+v", st)
	}
	wantErr(t, sendErr(router, "only an id"), ErrBadMessage)
	if err := router.SetOption("router_mandatory", 1); err != nil {
		t.Fatal(err)
	}
	wantErr(t, sendErr(router, "nobody", "x"), ErrUnroutable)
	wantErr(t, router.Send(zmq4.NewMsgFromString([]string{"nobody", "x"})), ErrUnroutable)
	if st := router.Stats(); st.Out.Accepted != 1 {
		t.Fatalf("an error accepted something: %+v", st.Out)
	}
}

// TestRouterMandatoryBlocks: a send to a full peer waits for that peer: for its room, or its end.
func TestRouterMandatoryBlocks(t *testing.T) {
	router := open(t, zmq4.Router, &Config{RouterMandatory: true, SendHWM: 1})
	ep := bind(t, router, "inproc://"+t.Name())
	peers := map[string]*Socket{}
	for _, id := range []string{"a", "b"} {
		peers[id] = open(t, zmq4.Dealer, &Config{RoutingID: id, RecvHWM: 1})
		dial(t, peers[id], ep)
	}
	waitPeers(t, router, 2)
	blocked := map[string]<-chan error{}
	for i, id := range []string{"a", "b"} {
		if n := trySends(t, router, id); n != 2 {
			t.Fatalf("%s took %d, want 2", id, n)
		}
		blocked[id] = meanwhile(t, func() error {
			return router.SendContext(testContext(t), zmq4.NewMsgFromString([]string{id, "2"}))
		})
		until(t, "the sender waits", func() bool { return waiters(router) == i+1 })
	}
	numbers(t, peers["b"], 3) // although a's sender has waited longer
	if err := await(t, "send to b", blocked["b"]); err != nil {
		t.Fatal(err)
	}
	closeNow(t, peers["a"])
	wantErr(t, await(t, "send to a", blocked["a"]), ErrUnroutable)
}

// TestRouterDuplicateIdentity: the second peer of a name stays connected and unread until the first goes.
func TestRouterDuplicateIdentity(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		router := open(t, zmq4.Router, nil)
		events := listen(t, router, monitor.Refused)
		ep = bind(t, router, ep)
		first, second := open(t, zmq4.Dealer, &Config{RoutingID: "same"}), open(t, zmq4.Dealer, &Config{RoutingID: "same"})
		dial(t, first, ep)
		waitPeers(t, router, 1)
		dial(t, second, ep)
		waitPeers(t, router, 2)
		send(t, second, "from the second")
		send(t, first, "from the first")
		want(t, recv(t, router), "same", "from the first")
		e := next(t, events, monitor.Refused)
		if e.Peer.Identity != "same" || e.Conn == 0 || e.Reason == "" {
			t.Fatalf("event %+v", e)
		}
		refused := 0
		for _, p := range router.Peers() {
			if p.Refused {
				refused++
				if p.Conn != e.Conn {
					t.Fatalf("refused %d, event %d", p.Conn, e.Conn)
				}
			}
		}
		nothing(t, router)
		if refused != 1 {
			t.Fatalf("%d refused", refused)
		}
		send(t, router, "same", "for the first")
		want(t, recv(t, first), "for the first")
		closeNow(t, first)
		want(t, recv(t, router), "same", "from the second")
		send(t, router, "same", "for the second")
		want(t, recv(t, second), "for the second")
	})
}

// TestRouterRefusedPeerGoes: a waiting peer that leaves gives up its place in the line, at the latest when its turn
// comes: a connection that is not read does not show its end.
func TestRouterRefusedPeerGoes(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		router := open(t, zmq4.Router, nil)
		ep = bind(t, router, ep)
		var peers []*Socket
		for i := range 3 {
			peers = append(peers, open(t, zmq4.Dealer, &Config{RoutingID: "same"}))
			dial(t, peers[i], ep)
			waitPeers(t, router, i+1)
		}
		closeNow(t, peers[1])
		closeNow(t, peers[0])
		send(t, peers[2], "last")
		want(t, recv(t, router), "same", "last")
		pat := router.pat.(*routerPattern)
		router.mu.Lock()
		defer router.mu.Unlock()
		if len(pat.waiting) != 0 || len(pat.routes) != 1 {
			t.Fatalf("%d wait, %d routes", len(pat.waiting), len(pat.routes))
		}
	})
}

// TestRouterHandover: the new peer takes the name, the old connection is closed, and what it had not read is lost and
// counted.
func TestRouterHandover(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		router := open(t, zmq4.Router, &Config{RouterHandover: true})
		ep = bind(t, router, ep)
		first, second := open(t, zmq4.Dealer, &Config{RoutingID: "same", ReconnectInterval: None}), open(t, zmq4.Dealer, &Config{RoutingID: "same"})
		dial(t, first, ep)
		send(t, first, "1")
		want(t, recv(t, router), "same", "1")
		dial(t, second, ep)
		send(t, second, "2")
		want(t, recv(t, router), "same", "2")
		until(t, "the first is gone", func() bool { return len(router.Peers()) == 1 && len(first.Peers()) == 0 })
		send(t, router, "same", "reply")
		want(t, recv(t, second), "reply")
		if refused := router.Peers()[0].Refused; refused {
			t.Fatal("the new one is refused")
		}
	})
}

func TestConnectRoutingID(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		router := open(t, zmq4.Router, &Config{ConnectRoutingID: "server", RouterMandatory: true})
		dealer, other := open(t, zmq4.Dealer, &Config{RoutingID: "own name"}), open(t, zmq4.Dealer, nil)
		dial(t, router, bind(t, dealer, ep))
		send(t, router, "server", "before the handshake") // the name is known at once
		want(t, recv(t, dealer), "before the handshake")
		send(t, dealer, "back")
		want(t, recv(t, router), "server", "back")
		if got, _ := router.GetOption("connect_routing_id"); got != "" {
			t.Fatalf("not used up: %q", got)
		}
		dial(t, router, bind(t, other, another(t, ep)))
		send(t, other, "generated")
		if m := recv(t, router); m[0] == "server" || m[0][0] != 0 {
			t.Fatalf("second peer is called %q", m[0])
		}
	})
}

func TestProbeRouter(t *testing.T) {
	for _, typ := range []zmq4.SocketType{zmq4.Dealer, zmq4.Router, zmq4.Req} {
		t.Run(string(typ), func(t *testing.T) {
			eachTransport(t, func(t *testing.T, ep string) {
				router, peer := pair(t, ep, zmq4.Router, typ, nil, &Config{ProbeRouter: true, RoutingID: "p"})
				want(t, recv(t, router), "p", "")
				nothing(t, router)
				if typ != zmq4.Req {
					send(t, router, "p", "hello")
					return
				}
				send(t, peer, "not disturbed")
				want(t, recv(t, router), "p", "", "not disturbed")
			})
		})
	}
}

// TestRouterIDBytes: any bytes, up to 255 of them, and an id may be all but a frame of its own.
func TestRouterIDBytes(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		router := open(t, zmq4.Router, nil)
		ep = bind(t, router, ep)
		for _, id := range []string{"\xff\x00\n", string(bytes.Repeat([]byte{1}, 255))} {
			d := open(t, zmq4.Dealer, nil)
			if err := d.SetOption("routing_id", []byte(id)); err != nil {
				t.Fatal(err)
			}
			dial(t, d, ep)
			send(t, d, "", "")
			want(t, recv(t, router), id, "", "")
			send(t, router, id, "", "x", "")
			want(t, recv(t, d), "", "x", "")
		}
	})
}
