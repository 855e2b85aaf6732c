package bus

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
	"zmqbus/socket"
)

// TestLinkLosesLifecycle: when more happens than a link's own stream holds before the reactor has time for it, a later
// snapshot still tells only what stands, and the log tells of the loss.
func TestLinkLosesLifecycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		inproc := socket.NewInproc()
		b, err := New(t.Context(), &Config{
			Link: &socket.Config{Inproc: inproc, InprocEvents: true}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close(context.Background())
		_, err = b.Export("inproc://a")
		if err != nil {
			t.Fatal(err)
		}
		gone, stays := linkLostPeer(t, inproc, "gone"), linkLostPeer(t, inproc, "stays")
		synctest.Wait()
		going := make(chan struct{})
		if err := b.reactor.Post(func() { <-going }); err != nil {
			t.Fatal(err)
		}
		if err := gone.Close(); err != nil {
			t.Fatal(err)
		}
		for i := range 2 * monitor.DefaultBuffer {
			if err := stays.Subscribe(fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		close(going)
		synctest.Wait()
		st := b.Lifecycle(0, monitor.WithSnapshot())
		st.Stop()
		var accepted []monitor.ConnID
		for e := range st.C() {
			if e.Type == monitor.Accepted {
				accepted = append(accepted, e.Conn)
			}
		}
		if peers := b.Peers(); len(peers) != 1 || len(accepted) != 1 || accepted[0] != peers[0].Conn {
			t.Errorf("%v stands, of %+v", accepted, peers)
		}
		if !strings.Contains(log.String(), "lifecycle events of a link are lost") {
			t.Errorf("in the log: %s", log.String())
		}
		if err := b.WaitSubscribers(t.Context(), fmt.Sprint(2*monitor.DefaultBuffer-1), 1); err != nil {
			t.Error(err)
		}
	})
}

func linkLostPeer(t *testing.T, inproc *socket.Inproc, topic string) *socket.Socket {
	t.Helper()
	s, err := socket.New(context.Background(), zmq4.Sub, &socket.Config{Inproc: inproc})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Subscribe(topic); err != nil {
		t.Fatal(err)
	}
	if err := s.Dial("inproc://a"); err != nil {
		t.Fatal(err)
	}
	return s
}
