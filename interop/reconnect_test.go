package interop

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
	"zmqbus/socket"
)

// fast is a subscriber that comes back quickly.
func fast() *socket.Config {
	return &socket.Config{Linger: socket.None, ReconnectInterval: tick, RecvTimeout: patience}
}

// until publishes on the topics until the subscriber has one of each wanted topic, and fails when a topic arrives
// that is not wanted.
func until(t *testing.T, pub, sub end, wanted, unwanted []string) {
	t.Helper()
	seen := map[string]bool{}
	eventually(t, fmt.Sprintf("messages on %q", wanted), func() bool {
		for _, topic := range slices.Concat(unwanted, wanted) {
			pub.send([][]byte{[]byte(topic), []byte("body")})
		}
		for m := sub.tryRecv(); m != nil; m = sub.tryRecv() {
			topic := string(m[0])
			if slices.Contains(unwanted, topic) {
				t.Fatalf("received %q, which is not subscribed", topic)
			}
			seen[topic] = true
			if len(seen) == len(wanted) {
				return true
			}
		}
		return false
	})
}

// drain takes what is left of an earlier round.
func drain(e end) {
	for e.tryRecv() != nil {
	}
}

func TestOurSubscriberKeepsSubscriptions(t *testing.T) {
	for _, transport := range []string{"tcp", "ipc"} {
		t.Run(transport, func(t *testing.T) {
			pub := newLib(t, zmq4.Pub, options{})
			ep := pub.bind(endpoint(t, transport))
			sub := newOurs(t, zmq4.Sub, fast())
			events := sub.watch()
			sub.subscribe("a")
			sub.subscribe("b")
			sub.connect(ep)
			until(t, pub, sub, []string{"a", "b"}, []string{"c", "d"})

			pub.close()
			lost := events.wait(monitor.Disconnected)
			if !lost.Retry {
				t.Errorf("%v says that no retry follows", lost)
			}
			sub.subscribe("c")
			sub.unsubscribe("a")
			drain(sub)

			pub = newLib(t, zmq4.Pub, options{})
			pub.bind(ep)
			events.wait(monitor.HandshakeSucceeded)
			until(t, pub, sub, []string{"b", "c"}, []string{"a", "d"})
		})
	}
}

// TestOurSubscriptionsAfterReconnect reads at an XPUB what exactly our SUB sends to a publisher that came back.
func TestOurSubscriptionsAfterReconnect(t *testing.T) {
	pub := newLib(t, zmq4.XPub, options{})
	ep := pub.bind("tcp://127.0.0.1:*")
	sub := newOurs(t, zmq4.Sub, fast())
	sub.subscribe("a")
	sub.subscribe("b")
	sub.subscribe("b")
	sub.connect(ep)
	told(t, pub, "\x01a", "\x01b")

	pub.close()
	pub = newLib(t, zmq4.XPub, options{})
	pub.s.SetXpubVerboser(1) // hands up duplicates too
	pub.bind(ep)
	told(t, pub, "\x01a", "\x01b")
	sub.unsubscribe("b") // there is a second one
	sub.unsubscribe("a")
	sub.subscribe("z")
	told(t, pub, "\x00a", "\x01z")
}

// told checks the next subscription messages of an XPUB, in any order.
func told(t *testing.T, pub end, want ...string) {
	t.Helper()
	var got []string
	for range want {
		got = append(got, string(bytes.Join(pub.recv(), nil)))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Fatalf("the publisher was told %q, want %q", got, want)
	}
}

func TestLibSubscriberOfOurPublisher(t *testing.T) {
	for _, transport := range []string{"tcp", "ipc"} {
		t.Run(transport, func(t *testing.T) {
			pub := newOurs(t, zmq4.Pub, nil)
			ep := pub.bind(endpoint(t, transport))
			sub := newLib(t, zmq4.Sub, options{})
			if err := sub.s.SetReconnectIvl(tick); err != nil {
				t.Fatal(err)
			}
			sub.subscribe("a")
			sub.subscribe("b")
			sub.connect(ep)
			pub.must(pub.WaitPeers(testContext(t), 1))
			until(t, pub, sub, []string{"a", "b"}, []string{"c", "d"})

			pub.close()
			drain(sub)
			sub.subscribe("c")
			sub.unsubscribe("a")

			pub = newOurs(t, zmq4.Pub, nil)
			pub.bind(ep)
			until(t, pub, sub, []string{"b", "c"}, []string{"a", "d"})
		})
	}
}

// TestQueueOutlivesConnection: what a dialled socket accepted while its peer was away arrives when the peer is back,
// in order.
func TestQueueOutlivesConnection(t *testing.T) {
	for _, pushOurs := range []bool{true, false} {
		t.Run("push="+pick(pushOurs, "ours", "libzmq"), func(t *testing.T) {
			pull := newEnd(t, !pushOurs, zmq4.Pull, options{})
			ep := pull.bind("tcp://127.0.0.1:*")
			push := newEnd(t, pushOurs, zmq4.Push, options{})
			events := push.watch()
			push.connect(ep)
			push.send([][]byte{[]byte("first")})
			pull.recv()
			events.wait(monitor.HandshakeSucceeded)
			pull.close()
			events.wait(monitor.Disconnected)
			for i := range 100 {
				push.send([][]byte{fmt.Append(nil, i)})
			}
			pull = newEnd(t, !pushOurs, zmq4.Pull, options{})
			pull.bind(ep)
			for i := range 100 {
				if got := string(pull.recv()[0]); got != fmt.Sprint(i) {
					t.Fatalf("message %d is %q", i, got)
				}
			}
		})
	}
}
