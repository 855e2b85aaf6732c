package socket

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// TestInprocConnectBeforeBind: everybody who waits for a name is served when it is bound, in the order of the dials.
func TestInprocConnectBeforeBind(t *testing.T) {
	ep := "inproc://" + t.Name()
	var pushes []*Socket
	for i := range 3 {
		p := open(t, zmq4.Push, nil)
		dial(t, p, ep)
		send(t, p, fmt.Sprint(i))
		if st := p.Endpoints()[0]; st.State != Connecting || st.Conns != 0 {
			t.Fatalf("endpoint %+v", st)
		}
		pushes = append(pushes, p)
	}
	pull := open(t, zmq4.Pull, nil)
	bind(t, pull, ep)
	got := map[string]bool{}
	for range 3 {
		got[recv(t, pull)[0]] = true
	}
	if len(got) != 3 {
		t.Fatalf("got %v", got)
	}
	for _, p := range pushes {
		if st := p.Endpoints()[0]; st.State != Connected || st.Conns != 1 || st.Endpoint != ep {
			t.Fatalf("endpoint %+v", st)
		}
	}
	if st := pull.Endpoints()[0]; st.State != Bound || st.Conns != 3 {
		t.Fatalf("endpoint %+v", st)
	}
	if a := pull.Addr(); a.Network() != "inproc" || "inproc://"+a.String() != ep {
		t.Fatalf("address %v", a)
	}
}

func TestInprocNames(t *testing.T) {
	ep := "inproc://" + t.Name()
	a, b := open(t, zmq4.Pull, nil), open(t, zmq4.Pull, nil)
	bind(t, a, ep)
	wantErr(t, b.Listen(ep), syscall.EADDRINUSE)
	wantErr(t, a.Listen(ep), syscall.EADDRINUSE)
	other := open(t, zmq4.Pull, &Config{Inproc: NewInproc()})
	bind(t, other, ep) // a registry of its own
	push := open(t, zmq4.Push, nil)
	dial(t, push, ep)
	waitPeers(t, push, 1)
	if err := a.Unbind(ep); err != nil {
		t.Fatal(err)
	}
	wantErr(t, a.Unbind(ep), ErrNoEndpoint)
	until(t, "Unbind ends its pipes", func() bool { return len(push.Peers()) == 0 && len(push.Endpoints()) == 0 })
	bind(t, b, ep) // the name is free
	dial(t, push, ep)
	send(t, push, "to b")
	want(t, recv(t, b), "to b")
	closeNow(t, b)
	bind(t, a, ep) // Close frees it too
	if len(other.Peers()) != 0 || len(a.Peers()) != 0 {
		t.Fatal("somebody crossed a border")
	}
}

// TestInprocPeerCloses: the pipe ends, what it held for the user stays, and inproc does not reconnect.
func TestInprocPeerCloses(t *testing.T) {
	ep := "inproc://" + t.Name()
	for _, closer := range []string{"dialled", "bound"} {
		t.Run(closer, func(t *testing.T) {
			bound, dialled := pair(t, ep, zmq4.Dealer, zmq4.Dealer, nil, nil)
			goes, stays := dialled, bound
			if closer == "bound" {
				goes, stays = bound, dialled
			}
			for i := range 3 {
				send(t, goes, fmt.Sprint(i))
			}
			if err := goes.Close(); err != nil {
				t.Fatal(err)
			}
			until(t, "the end is seen", func() bool { return len(stays.Peers()) == 0 })
			wantErr(t, sendErr(stays, "x"), ErrAgain)
			numbers(t, stays, 3)
			if closer == "bound" {
				bind(t, open(t, zmq4.Dealer, nil), ep)
				if n := len(stays.Endpoints()); n != 0 {
					t.Fatalf("%d endpoints", n)
				}
			}
		})
	}
}

// TestInprocCloseHandsOver: Close waits for the peer to take what is beyond its high-water mark.
func TestInprocCloseHandsOver(t *testing.T) {
	for _, how := range []string{"Close", "Disconnect"} {
		t.Run(how, func(t *testing.T) {
			ep := "inproc://" + t.Name()
			pull, push := pair(t, ep, zmq4.Pull, zmq4.Push, &Config{RecvHWM: 2}, nil)
			for i := range 50 {
				send(t, push, fmt.Sprint(i))
			}
			if how == "Close" {
				if err := push.Close(); err != nil {
					t.Fatal(err)
				}
			} else {
				if err := push.Disconnect(ep); err != nil {
					t.Fatal(err)
				}
				wantErr(t, push.Disconnect(ep), ErrNoEndpoint)
				until(t, "the endpoint is gone", func() bool { return len(push.Endpoints()) == 0 && len(pull.Peers()) == 0 })
			}
			numbers(t, pull, 50)
			if st := push.Stats(); st.Out.Written != 50 || st.Out.Dropped != 0 {
				t.Fatalf("out %+v", st.Out)
			}
		})
	}
}

// TestInprocWrongTypes: Dial says it; a bind that finds such a peer waiting goes on without it.
func TestInprocWrongTypes(t *testing.T) {
	ep := "inproc://" + t.Name()
	pull, sub := open(t, zmq4.Pull, nil), open(t, zmq4.Sub, nil)
	bind(t, pull, ep)
	err := sub.Dial(ep)
	var op *OpError
	if !errors.As(err, &op) || op.Endpoint != ep || !errors.Is(err, syscall.EPROTOTYPE) {
		t.Fatalf("got %v", err)
	}
	if len(sub.Endpoints()) != 0 || len(pull.Peers()) != 0 {
		t.Fatal("something is left")
	}
	early, push := open(t, zmq4.Sub, nil), open(t, zmq4.Push, nil)
	dial(t, early, ep+"2")
	dial(t, push, ep+"2")
	bind(t, pull, ep+"2")
	send(t, push, "x")
	want(t, recv(t, pull), "x")
	if n := len(pull.Peers()); n != 1 {
		t.Fatalf("%d peers", n)
	}
}

// TestInprocEvents come behind their option, with value -1, the peer, and one id per connection.
func TestInprocEvents(t *testing.T) {
	ep := "inproc://" + t.Name()
	cfg := &Config{InprocEvents: true}
	pull, push := open(t, zmq4.Pull, cfg), open(t, zmq4.Push, &Config{InprocEvents: true, RoutingID: "me"})
	silent := open(t, zmq4.Push, nil)
	atPull, atPush, atSilent := listen(t, pull, 0), listen(t, push, 0), listen(t, silent, 0)
	bind(t, pull, ep)
	dial(t, push, ep)
	for st, typ := range map[*monitor.Stream]monitor.Type{atPull: monitor.Accepted, atPush: monitor.Connected} {
		e := next(t, st, monitor.All)
		if e.Type != typ || e.Value != -1 || e.Endpoint != ep || e.Conn == 0 {
			t.Fatalf("want %v, got %+v", typ, e)
		}
	}
	if e := pull.Peers()[0]; e.Peer.Identity != "me" || e.Peer.Type != zmq4.Push || e.Since.After(time.Now()) {
		t.Fatalf("peer %+v", e)
	}
	closeNow(t, push)
	if e := next(t, atPull, monitor.All); e.Type != monitor.Disconnected || e.Value != -1 || !errors.Is(e.Err, monitor.ErrEOF) || e.Retry {
		t.Fatalf("got %+v", e)
	}
	if e := next(t, atPush, monitor.All); e.Type != monitor.MonitorStopped {
		t.Fatalf("an end of its own was told: %+v", e)
	}
	dial(t, silent, ep)
	waitPeers(t, silent, 1)
	closeNow(t, silent)
	if e := next(t, atSilent, monitor.All); e.Type != monitor.MonitorStopped {
		t.Fatalf("not asked for: %+v", e)
	}
}

// TestInprocJoinsWhole: a socket that talks the moment it is bound is heard with its identity and from a known
// connection, though the other end is still joining.
func TestInprocJoinsWhole(t *testing.T) {
	for i := range 200 {
		ep := fmt.Sprint("inproc://", t.Name(), i)
		router, dealer := open(t, zmq4.Router, nil), open(t, zmq4.Dealer, &Config{RoutingID: "d"})
		var wg sync.WaitGroup
		wg.Go(func() { // owner: the test; ends when dealer has a peer
			if err := dealer.SendContext(testContext(t), zmq4.NewMsgString("x")); err != nil {
				t.Error(err)
			}
		})
		bind(t, dealer, ep)
		dial(t, router, ep)
		m, id, err := router.RecvFrom(testContext(t))
		wg.Wait()
		if err != nil || id == 0 || id != router.Peers()[0].Conn {
			t.Fatalf("from %d, %v", id, err)
		}
		want(t, frames(m), "d", "x")
		closeNow(t, router)
		closeNow(t, dealer)
	}
}

// TestInprocSenderWaitsForTheOtherEndToJoin is the same, in the order that chance seldom gives.
func TestInprocSenderWaitsForTheOtherEndToJoin(t *testing.T) {
	router, dealer := open(t, zmq4.Router, nil), open(t, zmq4.Dealer, &Config{RoutingID: "d"})
	dial(t, router, "inproc://"+t.Name()+" unbound")
	bind(t, dealer, "inproc://"+t.Name())
	dialled, b := router.endpoints[0].pipe, dealer.endpoints[0]
	accepted := newPipe(dealer, b, true)
	accepted.peer, accepted.inprocID = dialled, newConnID()
	if !b.admitInproc(accepted, router.inprocSelf()) {
		t.Fatal("not admitted")
	}
	send(t, dealer, "x")
	self := dealer.inprocSelf()
	until(t, "the sender waits", func() bool {
		router.mu.Lock()
		defer router.mu.Unlock()
		return len(dialled.inRoom.waiting) == 1
	})
	router.mu.Lock()
	dialled.inprocID = newConnID()
	dialled.joinInproc(accepted, self, monitor.Connected)
	router.mu.Unlock()
	want(t, recv(t, router), "d", "x")
}

// TestInprocChurn binds, unbinds, dials and closes from several goroutines at once; what remains is an empty registry.
func TestInprocChurn(t *testing.T) {
	registry := NewInproc()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { // owner: the test; ends after its rounds
			for i := range 30 {
				cfg := &Config{Inproc: registry, Linger: None}
				a, b := open(t, zmq4.Dealer, cfg), open(t, zmq4.Dealer, cfg)
				ep := fmt.Sprint("inproc://", i%3)
				_ = a.Listen(ep) // EADDRINUSE is fine
				_ = b.Dial(ep)
				_ = sendErr(b, "x")
				_ = a.Unbind(ep)
				_ = a.Dial(ep)
				_ = b.Disconnect(ep)
				closeNow(t, b)
				closeNow(t, a)
			}
		})
	}
	wg.Wait()
	if len(registry.bound) != 0 || len(registry.waiting) != 0 {
		t.Fatalf("left: %v, %v", registry.bound, registry.waiting)
	}
}
