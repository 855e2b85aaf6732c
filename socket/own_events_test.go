package socket

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/memnet"
	"zmqbus/monitor"
)

// TestFullAndRelieved: one FULL when a pipe reaches its mark, one RELIEVED when it is half empty, however often in
// between; and only for who asks.
func TestFullAndRelieved(t *testing.T) {
	inBubble(t, func(t *testing.T, net *memnet.Network) {
		net.Buffer(1 << 10)
		push, pull := open(t, zmq4.Push, memConfig(net, Config{SendHWM: 8})), open(t, zmq4.Pull, memConfig(net, Config{RecvHWM: 1}))
		asked, all := listen(t, push, monitor.Full|monitor.Relieved), listen(t, push, 0)
		dial(t, push, "tcp://"+at)
		trySends(t, push)
		wantErr(t, sendErr(push, "x"), ErrAgain)
		if e := next(t, asked, monitor.Full|monitor.Relieved); e.Type != monitor.Full || e.Endpoint != "tcp://"+at {
			t.Fatalf("event %+v", e)
		}
		bind(t, pull, "tcp://"+at)
		if e := next(t, asked, monitor.Full|monitor.Relieved); e.Type != monitor.Relieved || e.Conn == 0 {
			t.Fatalf("event %+v", e)
		}
		numbers(t, pull, 8)
		synctest.Wait()
		select {
		case e := <-asked.C():
			t.Fatalf("one more event: %v", e)
		default:
		}
		closeNow(t, push)
		for e := range all.C() {
			if e.Type&(monitor.Full|monitor.Relieved|monitor.Dropped) != 0 {
				t.Fatalf("not asked for: %v", e)
			}
		}
	})
}

// TestDroppedCoalesces: many drops in a short time are one event for each peer and reason, and the counts add up.
func TestDroppedCoalesces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := &Config{Inproc: NewInproc(), SendHWM: 1, RecvHWM: 1}
		pub := open(t, zmq4.Pub, cfg)
		bind(t, pub, "inproc://x")
		for range 2 {
			sub := open(t, zmq4.Sub, cfg)
			if err := sub.Subscribe(""); err != nil {
				t.Fatal(err)
			}
			dial(t, sub, "inproc://x")
		}
		waitPeers(t, pub, 2)
		events := listen(t, pub, monitor.Dropped)
		start := time.Now()
		for i := range 100 {
			send(t, pub, fmt.Sprint(i))
		}
		counts := map[monitor.ConnID]uint64{}
		for range 2 {
			e := next(t, events, monitor.Dropped)
			if e.Reason != DropFull || time.Since(start) != dropNoteDelay {
				t.Fatalf("after %v: %+v", time.Since(start), e)
			}
			counts[e.Conn] += e.Count
		}
		for _, p := range pub.Peers() {
			if counts[p.Conn] != 98 {
				t.Fatalf("counts %v", counts)
			}
		}
		send(t, pub, "one more")
		closeNow(t, pub) // does not swallow what is pending
		for range 2 {
			if e := next(t, events, monitor.Dropped); e.Count != 1 {
				t.Fatalf("event %+v", e)
			}
		}
	})
}

// TestDroppedReasons: an event for drops that no pipe had.
func TestDroppedReasons(t *testing.T) {
	router := open(t, zmq4.Router, nil)
	events := listen(t, router, monitor.Dropped)
	send(t, router, "nobody", "x")
	send(t, router, "nobody", "y")
	n := uint64(0)
	for n < 2 {
		e := next(t, events, monitor.Dropped)
		if e.Reason != DropUnroutable || e.Conn != 0 {
			t.Fatalf("event %+v", e)
		}
		n += e.Count
	}
}

// TestSubscribedWhenInForce: a message sent after SUBSCRIBED arrives, one sent after UNSUBSCRIBED does not.
func TestSubscribedWhenInForce(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		pub, xsub := open(t, zmq4.Pub, nil), open(t, zmq4.XSub, nil)
		events := listen(t, pub, monitor.Subscribed|monitor.Unsubscribed)
		dial(t, xsub, bind(t, pub, ep))
		for i := range 5 {
			send(t, xsub, "\x01a")
			e := next(t, events, monitor.Subscribed)
			send(t, pub, "a", fmt.Sprint(i))
			m, id, err := xsub.RecvFrom(testContext(t))
			if err != nil || string(m.Frames[1]) != fmt.Sprint(i) {
				t.Fatalf("%q, %v", m.Frames, err)
			}
			if e.Topic != "a" || e.Conn != pub.Peers()[0].Conn || id != xsub.Peers()[0].Conn || e.Peer.Type != zmq4.XSub {
				t.Fatalf("event %+v, received on %d", e, id)
			}
			send(t, xsub, "\x00a")
			if e := next(t, events, monitor.Unsubscribed); e.Topic != "a" {
				t.Fatalf("event %+v", e)
			}
			send(t, pub, "a", "not wanted")
		}
		nothing(t, xsub)
	})
}

// TestRecvFromNamesTheConnection that events name, also after a reconnect.
func TestRecvFromNamesTheConnection(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		pull := open(t, zmq4.Pull, &Config{InprocEvents: true})
		events := listen(t, pull, monitor.HandshakeSucceeded|monitor.Accepted)
		ep = bind(t, pull, ep)
		seen := map[monitor.ConnID]bool{}
		for i := range 3 {
			push := open(t, zmq4.Push, nil)
			dial(t, push, ep)
			send(t, push, fmt.Sprint(i))
			m, id, err := pull.RecvFrom(testContext(t))
			if err != nil || string(m.Frames[0]) != fmt.Sprint(i) {
				t.Fatalf("%q, %v", m.Frames, err)
			}
			if e := next(t, events, monitor.Accepted); e.Conn != id || id == 0 || seen[id] {
				t.Fatalf("received on %d, event %+v", id, e)
			}
			seen[id] = true
			closeNow(t, push)
		}
	})
}
