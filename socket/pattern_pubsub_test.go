package socket

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/memnet"
	"zmqbus/monitor"
)

// TestSubFiltersWhatWasOnItsWay: after Unsubscribe returns, nothing of that topic arrives any more.
func TestSubFiltersWhatWasOnItsWay(t *testing.T) {
	inBubble(t, func(t *testing.T, net *memnet.Network) {
		pub, sub := open(t, zmq4.Pub, memConfig(net, Config{})), open(t, zmq4.Sub, memConfig(net, Config{RecvHWM: 1}))
		for _, topic := range []string{"a", "b"} {
			if err := sub.Subscribe(topic); err != nil {
				t.Fatal(err)
			}
		}
		bind(t, pub, "tcp://"+at)
		dial(t, sub, "tcp://"+at)
		synctest.Wait()
		for range 3 {
			send(t, pub, "a")
		}
		send(t, pub, "b")
		synctest.Wait() // one is queued, the others are held back behind it
		if err := sub.Unsubscribe("a"); err != nil {
			t.Fatal(err)
		}
		want(t, recv(t, sub), "a") // it had arrived before
		want(t, recv(t, sub), "b")
		if d := sub.Stats().Dropped[DropFiltered]; d != 2 {
			t.Fatalf("%d filtered", d)
		}
	})
}

// TestXSubGivesToEveryPublisher: also when one of them is at its mark, and the message goes to each of the others once.
func TestXSubGivesToEveryPublisher(t *testing.T) {
	xsub := open(t, zmq4.XSub, &Config{SendHWM: 2})
	var xpubs []*Socket
	for i := range 3 {
		x := open(t, zmq4.XPub, &Config{RecvHWM: 1 + 10*i})
		dial(t, xsub, bind(t, x, fmt.Sprint("inproc://", t.Name(), i)))
		xpubs = append(xpubs, x)
	}
	for i := range 12 {
		send(t, xsub, "up", fmt.Sprint(i))
	}
	numbers(t, xpubs[0], 3)
	nothing(t, xpubs[0])
	numbers(t, xpubs[1], 12)
	numbers(t, xpubs[2], 12)
	if st := xsub.Stats(); st.Dropped[DropFull] != 9 || st.Out.Accepted != 36 {
		t.Fatalf("stats %+v", st)
	}
}

// TestToggledWhileDisconnected: a publisher that comes back is told what holds now and nothing of what changed
// meanwhile.
func TestToggledWhileDisconnected(t *testing.T) {
	inBubble(t, func(t *testing.T, net *memnet.Network) {
		sub := open(t, zmq4.Sub, memConfig(net, Config{}))
		xpub := open(t, zmq4.XPub, memConfig(net, Config{XPubVerboser: true}))
		events := listen(t, sub, monitor.HandshakeSucceeded|monitor.Disconnected)
		bind(t, xpub, "tcp://"+at)
		dial(t, sub, "tcp://"+at)
		for _, topic := range []string{"kept", "ended"} {
			if err := sub.Subscribe(topic); err != nil {
				t.Fatal(err)
			}
		}
		upward(t, xpub, 2)
		closeNow(t, xpub)
		for next(t, events, monitor.Disconnected|monitor.HandshakeSucceeded).Type != monitor.Disconnected {
		}
		if err := sub.Unsubscribe("ended"); err != nil {
			t.Fatal(err)
		}
		for i := range 3000 {
			topic := fmt.Sprint("topic ", i%100)
			if err := sub.Subscribe(topic); err != nil {
				t.Fatal(err)
			}
			if err := sub.Unsubscribe(topic); err != nil {
				t.Fatal(err)
			}
		}
		if err := sub.Subscribe("new"); err != nil {
			t.Fatal(err)
		}
		xpub = open(t, zmq4.XPub, memConfig(net, Config{XPubVerboser: true}))
		bind(t, xpub, "tcp://"+at)
		want(t, upward(t, xpub, 2), "+kept", "+new")
		synctest.Wait()
		nothing(t, xpub)
		send(t, xpub, "ended")
		send(t, xpub, "kept")
		send(t, xpub, "new")
		want(t, recv(t, sub), "kept")
		want(t, recv(t, sub), "new")
	})
}

// TestToggledWhileThePublisherReadsNothing: the difference stays small, and adds up.
func TestToggledWhileThePublisherReadsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, net *memnet.Network) {
		net.Buffer(512)
		sub, xpub := open(t, zmq4.Sub, memConfig(net, Config{})), open(t, zmq4.XPub, memConfig(net, Config{XPubVerboser: true}))
		bind(t, xpub, "tcp://"+at)
		dial(t, sub, "tcp://"+at)
		synctest.Wait()
		// The publisher's read loop waits for the lock at its first subscription; the writer fills the pipe and waits.
		xpub.mu.Lock()
		for i := range 5000 {
			topic := fmt.Sprint("topic ", i%50)
			if err := sub.Subscribe(topic); err != nil {
				t.Fatal(err)
			}
			yield()
			if i%50 != 7 || i < 4950 {
				if err := sub.Unsubscribe(topic); err != nil {
					t.Fatal(err)
				}
			}
		}
		xpub.mu.Unlock()
		synctest.Wait()
		if p := xpub.Peers()[0]; p.Subscriptions != 1 {
			t.Fatalf("%d topics in force", p.Subscriptions)
		}
		send(t, xpub, "topic 8")
		send(t, xpub, "topic 7")
		want(t, recv(t, sub), "topic 7")
	})
}

// TestPublisherKeepsNothingOfAGonePeer, neither filters nor pipes.
func TestPublisherKeepsNothingOfAGonePeer(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		pub := open(t, zmq4.XPub, &Config{XPubManual: true})
		ep = bind(t, pub, ep)
		for range 3 {
			sub := open(t, zmq4.Sub, nil)
			if err := sub.Subscribe("a"); err != nil {
				t.Fatal(err)
			}
			dial(t, sub, ep)
			want(t, upward(t, pub, 1), "+a")
			if err := pub.Subscribe("a"); err != nil {
				t.Fatal(err)
			}
			waitPeers(t, pub, 1)
			closeNow(t, sub)
			want(t, upward(t, pub, 1), "-a")
		}
		until(t, "the pipes are gone", func() bool {
			pub.mu.Lock()
			defer pub.mu.Unlock()
			d := pub.pat.(*publisher)
			return d.table.tree.Len() == 0 && len(d.asked) == 0 && d.subscribers == 0 && len(pub.in.pipes) == 0
		})
	})
}

// TestDialledPublisher: it may be the PUB that dials; its filters end with the connection, not with the pipe.
func TestDialledPublisher(t *testing.T) {
	inBubble(t, func(t *testing.T, net *memnet.Network) {
		pub := open(t, zmq4.Pub, memConfig(net, Config{}))
		dial(t, pub, "tcp://"+at)
		for _, topic := range []string{"a", "b"} {
			sub := open(t, zmq4.Sub, memConfig(net, Config{}))
			if err := sub.Subscribe(topic); err != nil {
				t.Fatal(err)
			}
			bind(t, sub, "tcp://"+at)
			waitPeers(t, pub, 1)
			send(t, pub, "a")
			send(t, pub, "b")
			want(t, recv(t, sub), topic)
			closeNow(t, sub)
			synctest.Wait()
		}
		send(t, pub, "a")
		if st := pub.Stats(); st.Out.Accepted != 2 || st.Out.Queued != 0 {
			t.Fatalf("out %+v", st.Out)
		}
	})
}
