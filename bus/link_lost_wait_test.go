package bus

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
	"zmqbus/socket"
)

// TestLinkLosesSubscribed: a wait for subscribers ends although the event that tells of the subscription was lost, and
// no other comes that tells of one.
func TestLinkLosesSubscribed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inproc := socket.NewInproc()
		b, err := New(t.Context(), &Config{Link: &socket.Config{Inproc: inproc, SendHWM: 1}})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close(context.Background())
		l, err := b.Export("inproc://a")
		if err != nil {
			t.Fatal(err)
		}
		peer, err := socket.New(t.Context(), zmq4.Sub, &socket.Config{Inproc: inproc, RecvHWM: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		if err := peer.Dial("inproc://a"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		waited := make(chan error, 1)
		go func() { waited <- b.WaitSubscribers(t.Context(), "topic", 1) }() // ends with the wait, or the test's context
		synctest.Wait()
		going := make(chan struct{})
		if err := b.reactor.Post(func() { <-going }); err != nil {
			t.Fatal(err)
		}
		own := l.sock.Lifecycle(monitor.Subscribed | monitor.Full | monitor.Relieved)
		defer own.Stop()
		if err := peer.Subscribe("topic"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if e := <-own.C(); e.Type != monitor.Subscribed || e.Topic != "topic" {
			t.Fatalf("told %+v", e)
		}
		linkLostFill(t, l.sock, peer, own)
		close(going)
		synctest.Wait()
		select {
		case err := <-waited:
			if err != nil {
				t.Error(err)
			}
		default:
			t.Errorf("the wait goes on, with %d subscribers", b.subscribers("topic"))
		}
	})
}

// linkLostFill fills the pipe of a slow peer and lets it read all, until that made more events than a stream holds.
func linkLostFill(t *testing.T, pub, peer *socket.Socket, own *monitor.Stream) {
	t.Helper()
	for n := 0; n <= monitor.DefaultBuffer; {
		for full := false; !full; {
			if err := pub.Send(zmq4.NewMsgFromString([]string{"topic", ""})); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			select {
			case e := <-own.C():
				full = e.Type == monitor.Full
				n++
			default:
			}
		}
		for {
			if _, err := peer.TryRecv(); err != nil {
				break
			}
			synctest.Wait()
		}
	}
}
