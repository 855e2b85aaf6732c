// Package zmqbus_test walks the promises of README.md end to end, through public packages only.
package zmqbus_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
	"go.uber.org/goleak"

	"zmqbus/bus"
	"zmqbus/monitor"
	"zmqbus/socket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

func open(t *testing.T, ctx context.Context, typ zmq4.SocketType, cfg *socket.Config) *socket.Socket {
	t.Helper()
	s, err := socket.New(ctx, typ, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func listen(t *testing.T, s *socket.Socket, ep string) string {
	t.Helper()
	if err := s.Listen(ep); err != nil {
		t.Fatal(err)
	}
	eps := s.Endpoints()
	return eps[len(eps)-1].Endpoint
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

type quote struct{ Bid, Ask float64 }

func newBus(t *testing.T, ctx context.Context) (*bus.Bus, *bus.Topic[quote]) {
	t.Helper()
	b, err := bus.New(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close(context.Background()) })
	quotes, err := bus.NewTopic[quote](b, "md.quote.", nil)
	if err != nil {
		t.Fatal(err)
	}
	return b, quotes
}

// Promise: the program at the top, and its other end: typed values between two buses, and what happens to the link.
func TestBusOverALinkInOneSelect(t *testing.T) {
	ctx := deadline(t)
	there, publish := newBus(t, ctx)
	export, err := there.Export("@tcp://127.0.0.1:*")
	if err != nil {
		t.Fatal(err)
	}
	b, quotes := newBus(t, ctx)
	links := b.Lifecycle(0)
	if _, err := b.Import(">" + export.Endpoint()); err != nil {
		t.Fatal(err)
	}
	eur, err := quotes.Subscribe(ctx, bus.Prefix("EUR"))
	if err != nil {
		t.Fatal(err)
	}
	if err := there.WaitSubscribers(ctx, "md.quote.EURUSD", 1); err != nil {
		t.Fatal(err)
	}
	for _, symbol := range []string{"USDJPY", "EURUSD"} { // the first is not asked for
		if err := publish.Publish(ctx, symbol, quote{Bid: 1.0841}); err != nil {
			t.Fatal(err)
		}
	}
	var value, connected, lost bool
	for !value || !connected || !lost {
		select {
		case ev := <-eur.C():
			value = ev.Topic == "md.quote.EURUSD" && ev.Value.Bid == 1.0841 && ev.Source.Link == export.Endpoint()
			if !value {
				t.Fatalf("received %+v", ev)
			}
			if err := export.Close(ctx); err != nil {
				t.Fatal(err)
			}
		case e := <-links.C():
			connected = connected || e.Type == monitor.HandshakeSucceeded
			lost = lost || e.Type == monitor.Disconnected && e.Retry
		case <-ctx.Done():
			t.Fatalf("value %v, connected %v, lost %v", value, connected, lost)
		}
	}
}

// Promise: a slow subscriber hurts nobody, and its losses are counted.
func TestSlowSubscriberHurtsNobody(t *testing.T) {
	ctx := deadline(t)
	_, quotes := newBus(t, ctx)
	slow, err := quotes.Subscribe(ctx, bus.WithPolicy(bus.DropOldest), bus.Buffer(2))
	if err != nil {
		t.Fatal(err)
	}
	fast, err := quotes.Subscribe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 100 {
		if err := quotes.Publish(ctx, "EURUSD", quote{Bid: float64(n)}); err != nil {
			t.Fatal(err)
		}
		if ev := <-fast.C(); ev.Value.Bid != float64(n) || ev.Lost != 0 {
			t.Fatalf("the fast one received %+v as number %d", ev, n)
		}
	}
	first, second := <-slow.C(), <-slow.C()
	if first.Value.Bid != 98 || first.Lost != 98 || second.Value.Bid != 99 {
		t.Fatalf("the slow one received %+v and %+v", first, second)
	}
	if st := slow.Stats(); st.Dropped != 98 || st.Accepted != 100 {
		t.Fatalf("its losses are counted as %+v", st)
	}
}

// Promise: one select over messages, lifecycle and a context.
func TestMessagesAndLifecycleInOneSelect(t *testing.T) {
	ctx := deadline(t)
	pub, sub := open(t, ctx, zmq4.Pub, nil), open(t, ctx, zmq4.Sub, nil)
	events := sub.Lifecycle(0)
	if err := errors.Join(sub.Subscribe("quotes."), sub.Dial(listen(t, pub, "tcp://127.0.0.1:0"))); err != nil {
		t.Fatal(err)
	}
	if err := pub.WaitPeers(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := pub.Send(zmq4.NewMsgFromString([]string{"quotes.eur", "1.08"})); err != nil {
		t.Fatal(err)
	}
	var seen []monitor.Type
	message := ""
	for message == "" || len(seen) < 3 {
		select {
		case msg := <-sub.C():
			message = string(msg.Frames[1])
		case ev := <-events.C():
			seen = append(seen, ev.Type)
		case <-ctx.Done():
			t.Fatalf("message %q, events %v", message, seen)
		}
	}
	want := []monitor.Type{monitor.ConnectDelayed, monitor.Connected, monitor.HandshakeSucceeded}
	for i, typ := range want {
		if seen[i] != typ {
			t.Fatalf("events %v, want %v", seen, want)
		}
	}
	if message != "1.08" {
		t.Fatalf("message %q", message)
	}
}

// Promise: a peer that goes and comes back is seen to, and its subscriptions work again without a call.
func TestPeerThatGoesAndComesBack(t *testing.T) {
	ctx := deadline(t)
	sub := open(t, ctx, zmq4.Sub, &socket.Config{ReconnectInterval: 10 * time.Millisecond})
	if err := sub.Subscribe(""); err != nil {
		t.Fatal(err)
	}
	events := sub.Lifecycle(monitor.Disconnected | monitor.ConnectRetried | monitor.HandshakeSucceeded)
	expect := func(want monitor.Type) monitor.Event {
		for {
			ev, err := events.Next(ctx)
			if err != nil {
				t.Fatalf("waiting for %v: %v", want, err)
			}
			if ev.Type == want {
				return ev
			}
		}
	}
	first := open(t, ctx, zmq4.Pub, nil)
	ep := listen(t, first, "tcp://127.0.0.1:0")
	if err := sub.Dial(ep); err != nil {
		t.Fatal(err)
	}
	expect(monitor.HandshakeSucceeded)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if ev := expect(monitor.Disconnected); !errors.Is(ev.Err, monitor.ErrEOF) && !errors.Is(ev.Err, monitor.ErrReset) || !ev.Retry {
		t.Fatalf("lost connection told as %v", ev)
	}
	expect(monitor.ConnectRetried)
	second := open(t, ctx, zmq4.Pub, nil)
	listen(t, second, ep)
	expect(monitor.HandshakeSucceeded)
	if err := second.WaitPeers(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := second.Send(zmq4.NewMsgString("back")); err != nil {
		t.Fatal(err)
	}
	if msg, err := sub.RecvContext(ctx); err != nil || string(msg.Frames[0]) != "back" {
		t.Fatal(msg, err)
	}
}

// Promise: cancelling a context ends everything it was given to. TestMain sees that no goroutine is left.
func TestCancellationEndsEverything(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	pull, push := open(t, ctx, zmq4.Pull, nil), open(t, ctx, zmq4.Push, nil)
	if err := push.Dial(listen(t, pull, "tcp://127.0.0.1:0")); err != nil {
		t.Fatal(err)
	}
	events := pull.Lifecycle(0)
	blocked := make(chan error, 1)
	go func() { // ends with the socket
		_, err := pull.Recv()
		blocked <- err
	}()
	if err := push.WaitPeers(deadline(t), 1); err != nil {
		t.Fatal(err)
	}
	cancel(why)
	for _, s := range []*socket.Socket{pull, push} {
		select {
		case <-s.Done():
		case <-time.After(patience):
			t.Fatal("a cancelled socket did not end")
		}
	}
	if err := <-blocked; !errors.Is(err, socket.ErrClosed) || !errors.Is(err, net.ErrClosed) || !errors.Is(err, why) {
		t.Fatalf("blocked Recv returned %v", err)
	}
	last := monitor.Event{}
	for ev := range events.C() { // ends: the stream is closed
		last = ev
	}
	if last.Type != monitor.MonitorStopped {
		t.Fatalf("the last event is %v", last)
	}
}

// Promise: a closed socket's channel ends a range, and what was sent before is flushed.
func TestCloseEndsARange(t *testing.T) {
	ctx := deadline(t)
	pull, push := open(t, ctx, zmq4.Pull, nil), open(t, ctx, zmq4.Push, nil)
	if err := push.Dial(listen(t, pull, "tcp://127.0.0.1:0")); err != nil {
		t.Fatal(err)
	}
	const count = 5000
	go func() { // ends when all is sent
		for range count {
			if push.SendContext(ctx, zmq4.NewMsgString("work")) != nil {
				return
			}
		}
		push.Close()
	}()
	n := 0
	for range pull.C() {
		if n++; n == count {
			go pull.Close() // ends when the socket has ended
		}
	}
	if n != count {
		t.Fatalf("got %d of %d", n, count)
	}
}
