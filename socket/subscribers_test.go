package socket

import (
	"testing"
	"testing/synctest"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/memnet"
)

// subscribersAre wants so many subscribers of a topic, when nothing more happens in the bubble.
func subscribersAre(t *testing.T, s *Socket, topic string, n int) {
	t.Helper()
	synctest.Wait()
	if got := s.Subscribers([]byte(topic)); got != n {
		t.Fatalf("%d subscribers of %q, want %d", got, topic, n)
	}
}

// TestSubscribersCountsPeers: each once, if one prefix or several match; as they subscribe, unsubscribe, come and go.
func TestSubscribersCountsPeers(t *testing.T) {
	for _, typ := range []zmq4.SocketType{zmq4.Pub, zmq4.XPub} {
		for _, ep := range []string{"tcp://" + at, "inproc://" + t.Name()} {
			inBubble(t, func(t *testing.T, net *memnet.Network) {
				pub := open(t, typ, memConfig(net, Config{}))
				subscribersAre(t, pub, "", 0)
				one, two := open(t, zmq4.Sub, memConfig(net, Config{})), open(t, zmq4.XSub, memConfig(net, Config{}))
				for _, topic := range []string{"a", "ab", ""} {
					subscribe(t, one, topic)
				}
				bind(t, pub, ep)
				dial(t, one, ep)
				dial(t, two, ep)
				subscribersAre(t, pub, "abc", 1)
				send(t, two, "\x01abc")
				subscribersAre(t, pub, "abc", 2)
				subscribersAre(t, pub, "ab", 1)
				subscribersAre(t, pub, "", 1)
				for _, topic := range []string{"a", "ab", ""} {
					subscribersAre(t, pub, "x", 1)
					if err := one.Unsubscribe(topic); err != nil {
						t.Fatal(err)
					}
				}
				subscribersAre(t, pub, "abc", 1)
				subscribersAre(t, pub, "x", 0)
				send(t, pub, "abc", "to one") // counting has left nothing behind
				want(t, recv(t, two), "abc", "to one")
				closeNow(t, two)
				subscribersAre(t, pub, "abc", 0)
				subscribe(t, one, "a")
				subscribersAre(t, pub, "abc", 1)
				closeNow(t, pub)
				subscribersAre(t, pub, "abc", 0)
			})
		}
	}
}

// TestSubscribersInverted: with InvertMatching those count who are sent what does not match.
func TestSubscribersInverted(t *testing.T) {
	inBubble(t, func(t *testing.T, net *memnet.Network) {
		pub, sub := open(t, zmq4.Pub, memConfig(net, Config{InvertMatching: true})), open(t, zmq4.Sub, memConfig(net, Config{InvertMatching: true}))
		subscribe(t, sub, "a")
		bind(t, pub, "tcp://"+at)
		dial(t, sub, "tcp://"+at)
		subscribersAre(t, pub, "a", 0)
		subscribersAre(t, pub, "b", 1)
	})
}

// TestSubscribersOfOtherTypes: none.
func TestSubscribersOfOtherTypes(t *testing.T) {
	for _, types := range [][2]zmq4.SocketType{{zmq4.Push, zmq4.Pull}, {zmq4.Sub, zmq4.Pub}, {zmq4.XSub, zmq4.XPub}, {zmq4.Router, zmq4.Dealer}, {zmq4.Pair, zmq4.Pair}} {
		inBubble(t, func(t *testing.T, net *memnet.Network) {
			s, peer := open(t, types[0], memConfig(net, Config{})), open(t, types[1], memConfig(net, Config{}))
			bind(t, s, "tcp://"+at)
			dial(t, peer, "tcp://"+at)
			subscribersAre(t, s, "", 0)
		})
	}
}

// TestSubscribersAllocatesNothing: a bus asks before each event.
func TestSubscribersAllocatesNothing(t *testing.T) {
	pub, _ := pair(t, "inproc://"+t.Name(), zmq4.Pub, zmq4.Sub, nil, nil)
	topic := []byte("topic")
	if n := testing.AllocsPerRun(100, func() { pub.Subscribers(topic) }); n > 0 {
		t.Fatalf("%v allocations", n)
	}
}

// TestIdlePipeKeepsNoMessages: what was written is not kept alive by a pipe that has nothing more to write.
func TestIdlePipeKeepsNoMessages(t *testing.T) {
	for _, ep := range []string{"tcp://" + at, "inproc://" + t.Name()} {
		inBubble(t, func(t *testing.T, net *memnet.Network) {
			push, pull := open(t, zmq4.Push, memConfig(net, Config{})), open(t, zmq4.Pull, memConfig(net, Config{}))
			bind(t, pull, ep)
			dial(t, push, ep)
			synctest.Wait()
			for range 10 {
				send(t, push, "a")
			}
			synctest.Wait()
			push.mu.Lock()
			defer push.mu.Unlock()
			push.eachPipe(func(p *pipe) {
				if p.batch != nil || p.out != nil {
					t.Errorf("%s keeps %v and %v", ep, p.batch, p.out)
				}
			})
		})
	}
}

func subscribe(t *testing.T, s *Socket, topic string) {
	t.Helper()
	if err := s.Subscribe(topic); err != nil {
		t.Fatal(err)
	}
}
