package bus

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
	"zmqbus/socket"
)

// heldImport returns a bus with an import that holds an event for a subscription with no room.
func heldImport(t *testing.T) (*Bus, *Link) {
	t.Helper()
	inproc := socket.NewInproc()
	b, err := New(context.Background(), &Config{Link: &socket.Config{Inproc: inproc}})
	if err != nil {
		t.Fatal(err)
	}
	topic, err := NewTopic[string](b, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := topic.Subscribe(context.Background(), WithPolicy(Block), Buffer(1)); err != nil {
		t.Fatal(err)
	}
	pub, err := socket.New(context.Background(), zmq4.Pub, &socket.Config{Inproc: inproc})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pub.Close() })
	if err := pub.Listen("inproc://x"); err != nil {
		t.Fatal(err)
	}
	l, err := b.Import("inproc://x")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	for range 5 {
		if err := pub.Send(zmq4.NewMsgFrom([]byte("a"), []byte("v"))); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Wait()
	if st := l.Stats(); !st.Paused || st.Received != 3 {
		t.Fatalf("stats %+v", st)
	}
	return b, l
}

// TestCloseCountsWhatALinkHolds, also that of one that was closed before, and however late the reactor comes to it.
func TestCloseCountsWhatALinkHolds(t *testing.T) {
	for name, before := range map[string]func(t *testing.T, b *Bus, l *Link) (after func()){
		"as it is": func(*testing.T, *Bus, *Link) func() { return func() {} },
		"link closed before": func(t *testing.T, _ *Bus, l *Link) func() {
			if err := l.Close(t.Context()); err != nil {
				t.Error(err)
			}
			return func() {}
		},
		"reactor late": func(t *testing.T, b *Bus, _ *Link) func() {
			going := make(chan struct{})
			if err := b.reactor.Post(func() { <-going }); err != nil {
				t.Error(err)
			}
			return func() { close(going) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, l := heldImport(t)
				after := before(t, b, l)
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				result := make(chan error, 1)
				go func() { result <- b.Close(ctx) }() // ends when the reactor goes on
				synctest.Wait()
				after()
				var left *UndeliveredError
				if err := <-result; !errors.As(err, &left) || left.Events != 2 { // one in the subscription's buffer
					t.Errorf("Close returned %v", err)
				}
			})
		})
	}
}

// TestSnapshotAfterLoss: a peer that came while lifecycle events were lost is told after all, once.
func TestSnapshotAfterLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inproc := socket.NewInproc()
		b, err := New(t.Context(), &Config{Link: &socket.Config{Inproc: inproc}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = b.Close(context.Background()) }()
		if _, err := b.Export("inproc://a"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		going := make(chan struct{})
		if err := b.reactor.Post(func() { <-going }); err != nil {
			t.Fatal(err)
		}
		events := b.Lifecycle(monitor.Accepted)
		comes := linkLostPeer(t, inproc, "comes")
		synctest.Wait()
		for i := range 2 * monitor.DefaultBuffer {
			if err := comes.Subscribe(string(rune('a' + i))); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		linkLostPeer(t, inproc, "later") // its events are in the stream
		synctest.Wait()
		close(going)
		synctest.Wait()
		peers := b.Peers()
		stands := b.Lifecycle(monitor.Accepted, monitor.WithSnapshot())
		if len(peers) != 2 || len(stands.C()) != 2 || len(events.C()) != 2 {
			t.Errorf("%d peers, %d in the snapshot, %d told", len(peers), len(stands.C()), len(events.C()))
		}
	})
}
