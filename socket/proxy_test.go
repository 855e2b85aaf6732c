package socket

import (
	"context"
	"fmt"
	"testing"

	"github.com/go-zeromq/zmq4"
)

// startProxy runs zmq4's proxy over two of our sockets. When the test ends they close, and the proxy must end too.
func startProxy(t *testing.T, front, back *Socket) {
	t.Helper()
	ctx, cancel := context.WithCancel(testContext(t))
	ended := meanwhile(t, zmq4.NewProxy(ctx, front, back, nil).Run)
	t.Cleanup(func() {
		cancel() // before the sockets close: else it would try again until it is told
		closeNow(t, front)
		closeNow(t, back)
		wantErr(t, <-ended, context.Canceled)
	})
}

// TestProxyOfRequests runs clients and workers around a ROUTER and a DEALER of ours, moved by zmq4.NewProxy.
func TestProxyOfRequests(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		front, back := open(t, zmq4.Router, nil), open(t, zmq4.Dealer, nil)
		frontEP, backEP := bind(t, front, ep), bind(t, back, another(t, ep))
		startProxy(t, front, back)
		for i := range 2 {
			rep := open(t, zmq4.Rep, nil)
			dial(t, rep, backEP)
			served := meanwhile(t, func() error {
				for {
					m, err := rep.Recv()
					if err != nil {
						return err
					}
					if err := rep.Send(zmq4.NewMsgFromString([]string{fmt.Sprint("worker ", i), string(m.Frames[0])})); err != nil {
						return err
					}
				}
			})
			t.Cleanup(func() {
				closeNow(t, rep)
				wantErr(t, <-served, ErrClosed)
			})
		}
		waitPeers(t, back, 2)
		workers := map[string]int{}
		for client := range 2 {
			req := open(t, zmq4.Req, nil)
			dial(t, req, frontEP)
			for i := range 10 {
				text := fmt.Sprint(client, i)
				send(t, req, text)
				m := recv(t, req)
				want(t, m[1:], text)
				workers[m[0]]++
			}
		}
		if workers["worker 0"] != 10 || workers["worker 1"] != 10 {
			t.Fatalf("shared as %v", workers)
		}
	})
}

// TestProxyOfSubscriptions forwards subscriptions up and messages down through an XPUB and an XSUB of ours.
func TestProxyOfSubscriptions(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		front, back := open(t, zmq4.XSub, nil), open(t, zmq4.XPub, nil)
		frontEP, backEP := bind(t, front, ep), bind(t, back, another(t, ep))
		startProxy(t, front, back)
		pub, sub := open(t, zmq4.Pub, nil), open(t, zmq4.Sub, nil)
		dial(t, pub, frontEP)
		dial(t, sub, backEP)
		for i := range 3 {
			topic := fmt.Sprint("topic ", i)
			if err := sub.Subscribe(topic); err != nil {
				t.Fatal(err)
			}
			waitPeers(t, pub, 1) // the subscription went all the way
			send(t, pub, "other")
			send(t, pub, topic, "down")
			want(t, recv(t, sub), topic, "down")
			if err := sub.Unsubscribe(topic); err != nil {
				t.Fatal(err)
			}
			until(t, "its end too", func() bool { return pub.Peers()[0].Subscriptions == 0 })
		}
		if n := pub.Stats().Out.Accepted; n != 3 {
			t.Fatalf("%d messages left the publisher", n)
		}
	})
}

// TestProxyFromPush: PUSH never receives, and PULL never sends; a proxy between them does not spin.
func TestProxyFromPullToPush(t *testing.T) {
	front, back := open(t, zmq4.Pull, nil), open(t, zmq4.Push, nil)
	frontEP, backEP := bind(t, front, "inproc://"+t.Name()), bind(t, back, "inproc://"+t.Name()+"2")
	startProxy(t, front, back)
	push, pull := open(t, zmq4.Push, nil), open(t, zmq4.Pull, nil)
	dial(t, push, frontEP)
	dial(t, pull, backEP)
	for i := range 100 {
		send(t, push, fmt.Sprint(i))
	}
	numbers(t, pull, 100)
}
