package socket

import (
	"fmt"
	"testing"

	"github.com/go-zeromq/zmq4"
)

// eachTransport runs a pattern's test over every built-in transport.
func eachTransport(t *testing.T, test func(t *testing.T, ep string)) {
	for name := range transports(t) {
		t.Run(name, func(t *testing.T) { test(t, transports(t)[name]) })
	}
}

func TestPushBalancesOverPulls(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		push := open(t, zmq4.Push, nil)
		ep = bind(t, push, ep)
		var pulls []*Socket
		for range 3 {
			p := open(t, zmq4.Pull, nil)
			dial(t, p, ep)
			pulls = append(pulls, p)
		}
		waitPeers(t, push, 3)
		for i := range 9 {
			send(t, push, fmt.Sprint(i))
		}
		for _, p := range pulls {
			for range 3 {
				recv(t, p)
			}
			if _, err := p.TryRecv(); err == nil {
				t.Fatal("a PULL got more than its third")
			}
		}
	})
}

func TestPullReadsItsPeersInTurn(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		pull := open(t, zmq4.Pull, nil)
		ep = bind(t, pull, ep)
		const peers = 5
		for i := range peers {
			p := open(t, zmq4.Push, nil)
			dial(t, p, ep)
			for range 3 {
				send(t, p, fmt.Sprint(i))
			}
		}
		for pull.Stats().In.Received < 3*peers {
			waitPeers(t, pull, peers)
			yield()
		}
		for round := range 3 {
			seen := map[string]bool{}
			for range peers {
				seen[recv(t, pull)[0]] = true
			}
			if len(seen) != peers {
				t.Fatalf("round %d served %v", round, seen)
			}
		}
	})
}

func TestRequestReply(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		rep, req := pair(t, ep, zmq4.Rep, zmq4.Req, nil, nil)
		for i := range 3 {
			send(t, req, "question", fmt.Sprint(i))
			want(t, recv(t, rep), "question", fmt.Sprint(i))
			send(t, rep, "answer", fmt.Sprint(i))
			want(t, recv(t, req), "answer", fmt.Sprint(i))
		}
	})
}

func TestRouterRoutes(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		router := open(t, zmq4.Router, nil)
		ep = bind(t, router, ep)
		a, b := open(t, zmq4.Dealer, &Config{RoutingID: "A"}), open(t, zmq4.Req, &Config{RoutingID: "B"})
		dial(t, a, ep)
		dial(t, b, ep)
		send(t, a, "from a")
		want(t, recv(t, router), "A", "from a")
		send(t, b, "from b")
		want(t, recv(t, router), "B", "", "from b")
		send(t, router, "B", "", "to b")
		send(t, router, "A", "to a")
		want(t, recv(t, a), "to a")
		want(t, recv(t, b), "to b")
	})
}

func TestDealerTalksToReps(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		rep, dealer := pair(t, ep, zmq4.Rep, zmq4.Dealer, nil, nil)
		send(t, dealer, "x", "y", "", "body")
		want(t, recv(t, rep), "body")
		send(t, rep, "reply")
		want(t, recv(t, dealer), "x", "y", "", "reply")
	})
}

func TestPairTalksBothWays(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		a, b := pair(t, ep, zmq4.Pair, zmq4.Pair, nil, nil)
		send(t, a, "1", "", "2")
		want(t, recv(t, b), "1", "", "2")
		send(t, b, "")
		want(t, recv(t, a), "")
	})
}

func TestPublisherFilters(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		for _, types := range [][2]zmq4.SocketType{{zmq4.Pub, zmq4.Sub}, {zmq4.XPub, zmq4.Sub}, {zmq4.Pub, zmq4.XSub}, {zmq4.XPub, zmq4.XSub}} {
			t.Run(fmt.Sprint(types), func(t *testing.T) {
				pub, sub := open(t, types[0], nil), open(t, types[1], nil)
				if err := sub.Subscribe("a"); err != nil {
					t.Fatal(err)
				}
				dial(t, sub, bind(t, pub, transportOf(t, ep)))
				waitPeers(t, pub, 1)
				send(t, pub, "b", "not wanted")
				send(t, pub, "ab", "wanted")
				want(t, recv(t, sub), "ab", "wanted")
				if types[0] == zmq4.XPub {
					want(t, recv(t, pub), "\x01a")
				}
				if err := sub.Unsubscribe("a"); err != nil {
					t.Fatal(err)
				}
				if types[0] == zmq4.XPub {
					want(t, recv(t, pub), "\x00a")
				}
			})
		}
	})
}

// TestXPubXSubProxy walks a subscription up and a message down through a chain of two.
func TestXSubSendsSubscriptionsAsMessages(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		xpub, xsub := open(t, zmq4.XPub, nil), open(t, zmq4.XSub, nil)
		dial(t, xsub, bind(t, xpub, ep))
		send(t, xsub, "\x01topic")
		want(t, recv(t, xpub), "\x01topic")
		send(t, xsub, "other", "message")
		want(t, recv(t, xpub), "other", "message")
		send(t, xpub, "topic", "down")
		want(t, recv(t, xsub), "topic", "down")
		send(t, xsub, "\x00topic")
		want(t, recv(t, xpub), "\x00topic")
	})
}
