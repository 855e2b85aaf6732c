package socket

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/go-zeromq/zmq4"
	"pgregory.net/rapid"
)

var errMidway = errors.New("a writer of a pipe that has ended still runs, or messages are lost")

// accounts checks that a socket's counters balance with what is really queued, now.
func accounts(s *Socket) error {
	s.mu.Lock()
	queuedOut, queuedIn := 0, 0
	s.eachPipe(func(p *pipe) { queuedOut += p.unsent() })
	for _, p := range s.in.pipes {
		queuedIn += p.in.Len()
	}
	if pair, ok := s.pat.(*pairPattern); ok {
		for _, p := range pair.waiting {
			queuedIn += p.in.Len()
		}
	}
	out, in, byReason := s.stats.out, s.stats.in, uint64(0)
	for reason, n := range s.stats.reasons {
		if reason != DropSubscription { // no message
			byReason += n
		}
	}
	s.mu.Unlock()
	switch {
	case out.Accepted > out.Written+out.Dropped+uint64(queuedOut):
		return errMidway // a pipe that has ended is no longer listed, while its writer finishes
	case out.Accepted < out.Written+out.Dropped+uint64(queuedOut):
		return fmt.Errorf("%s: out %+v, but %d queued", s.typ, out, queuedOut)
	case in.Received != in.Delivered+in.Dropped+uint64(queuedIn):
		return fmt.Errorf("%s: in %+v, but %d queued", s.typ, in, queuedIn)
	case byReason != out.Dropped+in.Dropped:
		return fmt.Errorf("%s: %d dropped by reason, %d and %d by direction", s.typ, byReason, out.Dropped, in.Dropped)
	}
	st := s.Stats()
	for _, p := range st.Peers {
		if p.Out.Accepted != p.Out.Written+p.Out.Dropped+p.Out.Queued {
			return fmt.Errorf("%s: peer out %+v", s.typ, p.Out)
		}
	}
	return nil
}

// ledger is what the program itself counts of one socket.
type ledger struct {
	*Socket
	name   string
	handed uint64 // messages that Recv and C gave
	closed bool
}

// TestStatsBalance runs random programs over sockets of every pair of types, with small marks, disconnects, second
// peers and closes, and checks at each step that nothing is counted twice or not at all.
func TestStatsBalance(t *testing.T) {
	pairs := [][2]zmq4.SocketType{
		{zmq4.Pull, zmq4.Push}, {zmq4.Pub, zmq4.XSub}, {zmq4.XPub, zmq4.Sub}, {zmq4.Router, zmq4.Dealer}, {zmq4.Router, zmq4.Router},
		{zmq4.Rep, zmq4.Req}, {zmq4.Rep, zmq4.Dealer}, {zmq4.Router, zmq4.Req}, {zmq4.Pair, zmq4.Pair}, {zmq4.Dealer, zmq4.Dealer},
	}
	for _, scheme := range []string{"tcp", "inproc"} {
		t.Run(scheme, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				types := rapid.SampledFrom(pairs).Draw(rt, "types")
				hwm := rapid.SampledFrom([]int{1, 2, 10}).Draw(rt, "hwm")
				cfg := Config{
					SendHWM: hwm, RecvHWM: hwm, Inproc: NewInproc(), Linger: None, RoutingID: "id",
					ReqRelaxed: rapid.Bool().Draw(rt, "relaxed"), Conflate: conflates(types[0]) && conflates(types[1]) && rapid.Bool().Draw(rt, "conflate"),
				}
				playAccounts(rt, t, types, &cfg, scheme)
			})
		})
	}
}

func playAccounts(t *rapid.T, tt *testing.T, types [2]zmq4.SocketType, cfg *Config, scheme string) {
	ep := map[string]string{"tcp": "tcp://127.0.0.1:0", "inproc": "inproc://x"}[scheme]
	ctx := testContext(tt)
	server := &ledger{Socket: open(tt, types[0], cfg), name: "server"}
	ep = bind(tt, server.Socket, ep)
	clientCfg := *cfg
	clientCfg.RoutingID = ""
	var all = []*ledger{server}
	newClient := func() *ledger {
		c := &ledger{Socket: open(tt, types[1], &clientCfg), name: fmt.Sprint("client ", len(all))}
		if types[1] == zmq4.Sub || types[1] == zmq4.XSub {
			_ = c.Subscribe("")
		}
		all = append(all, c)
		return c
	}
	if err := newClient().Dial(ep); err != nil {
		t.Fatal(err)
	}
	any := func(t *rapid.T) *ledger { return rapid.SampledFrom(all).Draw(t, "socket") }
	check := func(t *rapid.T) {
		for _, l := range all {
			err := accounts(l.Socket)
			for err == errMidway && ctx.Err() == nil {
				yield()
				err = accounts(l.Socket)
			}
			if err != nil {
				t.Fatalf("%s: %v", l.name, err)
			}
		}
	}
	t.Repeat(map[string]func(*rapid.T){
		"": check,
		"send": func(t *rapid.T) {
			l := any(t)
			frames := rapid.SliceOfN(rapid.SampledFrom([]string{"id", "", "body", "\x01a", "\x00a"}), 1, 4).Draw(t, "frames")
			for range rapid.IntRange(1, 5).Draw(t, "times") {
				_ = l.TrySend(zmq4.NewMsgFromString(frames))
			}
		},
		"recv": func(t *rapid.T) {
			l := any(t)
			for range rapid.IntRange(1, 5).Draw(t, "times") {
				if _, err := l.TryRecv(); err == nil {
					l.handed++
				}
			}
		},
		"C": func(t *rapid.T) { any(t).C() },
		"dial": func(t *rapid.T) {
			if len(all) > 3 {
				t.Skip("the model is in no state for this step: another is drawn")
			}
			_ = newClient().Dial(ep)
		},
		"disconnect":  func(t *rapid.T) { _ = any(t).Disconnect(ep) },
		"hwm":         func(t *rapid.T) { _ = any(t).SetOption("hwm", rapid.IntRange(1, 5).Draw(t, "hwm")) },
		"subscribe":   func(t *rapid.T) { _ = any(t).Subscribe("a") },
		"unsubscribe": func(t *rapid.T) { _ = any(t).Unsubscribe("a") },
		"close": func(t *rapid.T) {
			if rapid.IntRange(0, 4).Draw(t, "seldom") == 0 {
				endAccount(t, any(t))
			}
		},
	})
	for _, l := range all {
		endAccount(t, l)
	}
	check(t)
}

// endAccount closes a socket and looks at its last balance: nothing queued, and what Close says is what was counted.
func endAccount(t *rapid.T, l *ledger) {
	if l.closed {
		return
	}
	l.closed = true
	before := l.Stats()
	err := l.Close()
	st := l.Stats()
	if st.Out.Queued != 0 || st.In.Queued != 0 {
		t.Fatalf("%s: queued after Close: %+v %+v", l.name, st.Out, st.In)
	}
	var unsent *UnsentError
	if err != nil && !errors.As(err, &unsent) {
		t.Fatal(err)
	}
	lost := 0
	if unsent != nil {
		lost = unsent.Messages
	}
	if got := st.Out.Dropped - before.Out.Dropped; uint64(lost) > got {
		t.Fatalf("%s: Close says %d, %d counted", l.name, lost, got)
	}
	if c := l.C(); c != nil {
		for range c {
			l.handed++
		}
	}
	if l.handed > st.In.Delivered && l.typ != zmq4.XPub { // an end of subscriptions is nobody's message
		t.Fatalf("%s: %d handed out, %d counted", l.name, l.handed, st.In.Delivered)
	}
}

// TestUnsentErrorCounts: messages and bytes that no peer took, each once.
func TestUnsentErrorCounts(t *testing.T) {
	push := open(t, zmq4.Push, nil)
	dial(t, push, "inproc://"+t.Name())
	for range 5 {
		send(t, push, "123", "4567")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := push.CloseContext(ctx)
	var unsent *UnsentError
	if !errors.As(err, &unsent) || unsent.Messages != 5 || unsent.Bytes != 35 {
		t.Fatalf("got %v", err)
	}
	if st := push.Stats(); st.Out.Dropped != 5 || st.Dropped[DropLinger] != 5 || st.Out.Queued != 0 || st.Out.AcceptedBytes != 35 {
		t.Fatalf("stats %+v, %v", st.Out, st.Dropped)
	}
	if again := push.Close(); again != err {
		t.Fatalf("the second Close says %v", again)
	}
}

// TestStatsPerPeer tells the peers apart, by messages and bytes.
func TestStatsPerPeer(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		router := open(t, zmq4.Router, nil)
		ep = bind(t, router, ep)
		for _, id := range []string{"a", "bb"} {
			d := open(t, zmq4.Dealer, &Config{RoutingID: id})
			dial(t, d, ep)
			for range len(id) {
				send(t, d, "12345")
				recv(t, router)
				send(t, router, id, "123")
				recv(t, d)
			}
			until(t, "it is counted", func() bool { return d.Stats().Out.Queued == 0 })
			if st := d.Stats(); st.Out.WrittenBytes != uint64(5*len(id)) || st.In.DeliveredBytes != uint64(3*len(id)) {
				t.Fatalf("%s: out %+v in %+v", id, st.Out, st.In)
			}
		}
		until(t, "it is counted", func() bool { return router.Stats().Out.Queued == 0 })
		for _, p := range router.Stats().Peers {
			n := uint64(len(p.Peer.Identity))
			if p.In.Delivered != n || p.In.DeliveredBytes != n*(5+n) || p.Out.Written != n || p.Out.WrittenBytes != 3*n || !p.Accepted || p.Since.IsZero() {
				t.Fatalf("peer %+v", p)
			}
		}
	})
}
