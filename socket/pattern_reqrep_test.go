package socket

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-zeromq/zmq4"
)

func recvErr(s *Socket) error { _, err := s.TryRecv(); return err }

// TestReqState walks the state machine of CONFORMANCE 3.3, through Recv and through C.
func TestReqState(t *testing.T) {
	for _, through := range []string{"Recv", "C"} {
		t.Run(through, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, ep string) {
				rep, req := pair(t, ep, zmq4.Rep, zmq4.Req, nil, nil)
				if through == "C" {
					req.C()
					rep.C()
				}
				wantErr(t, recvErr(req), ErrState)
				wantErr(t, recvX(req), ErrState)
				for i := range 3 {
					wantErr(t, sendErr(rep, "nobody asked"), ErrState)
					send(t, req, "question")
					wantErr(t, sendErr(req, "again"), ErrState)
					wantErr(t, recvErr(req), ErrAgain)
					want(t, recv(t, rep), "question")
					wantErr(t, recvErr(rep), ErrState)
					wantErr(t, recvX(rep), ErrState)
					send(t, rep, fmt.Sprint(i))
					wantErr(t, sendErr(rep, "twice"), ErrState)
					until(t, "the reply is there", func() bool { return req.Stats().In.Received == uint64(i+1) })
					wantErr(t, sendErr(req, "unread reply"), ErrState)
					want(t, recv(t, req), fmt.Sprint(i))
					wantErr(t, recvErr(req), ErrState)
				}
			})
		})
	}
}

// TestRepStateChangesWhenTheRequestLeavesC: "received" is when it left the channel.
func TestRepStateChangesWhenTheRequestLeavesC(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		rep := open(t, zmq4.Rep, nil)
		ep = bind(t, rep, ep)
		c := rep.C()
		if cap(c) != 1 {
			t.Fatalf("capacity %d", cap(c))
		}
		var reqs []*Socket
		for i := range 3 {
			reqs = append(reqs, open(t, zmq4.Req, nil))
			dial(t, reqs[i], ep)
			send(t, reqs[i], fmt.Sprint(i))
		}
		until(t, "all requests are there", func() bool { return rep.Stats().In.Received == 3 })
		until(t, "one is in the channel", func() bool { return len(c) == 1 })
		for i := range 3 {
			wantErr(t, sendErr(rep, "too early"), ErrState)
			m := await(t, "request", c)
			if rep.Stats().In.Queued != uint64(2-i) || len(c) != 0 {
				t.Fatalf("after request %d: %d queued, %d in the channel", i, rep.Stats().In.Queued, len(c))
			}
			send(t, rep, "re: "+string(m.Frames[0]))
			until(t, "the next is in the channel", func() bool { return len(c) == 1 || i == 2 })
		}
		for i, req := range reqs {
			want(t, recv(t, req), fmt.Sprint("re: ", i))
		}
	})
}

// TestRepGoesOnWithoutItsPeer: the next request comes after the loss of the pipe of the one before, also when nobody
// replies; a reply to nobody is dropped and counted.
func TestRepGoesOnWithoutItsPeer(t *testing.T) {
	for _, through := range []string{"Recv", "C"} {
		t.Run(through, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, ep string) {
				rep := open(t, zmq4.Rep, nil)
				ep = bind(t, rep, ep)
				if through == "C" {
					rep.C()
				}
				ask := func(text string) *Socket {
					req := open(t, zmq4.Req, nil)
					dial(t, req, ep)
					send(t, req, text)
					return req
				}
				first := ask("1")
				want(t, recv(t, rep), "1")
				ask("2")
				until(t, "it is there", func() bool { return rep.Stats().In.Received == 2 })
				wantErr(t, recvErr(rep), ErrState)
				closeNow(t, first)
				until(t, "the loss is seen", func() bool { return len(rep.Peers()) == 1 })
				want(t, recv(t, rep), "2")
				send(t, rep, "reply to 2")
				third := ask("3")
				want(t, recv(t, rep), "3")
				closeNow(t, third)
				until(t, "its loss too", func() bool { return len(rep.Peers()) == 1 })
				send(t, rep, "to nobody")
				if st := rep.Stats(); st.Dropped[DropDisconnected] != 1 {
					t.Fatalf("dropped %v", st.Dropped)
				}
				wantErr(t, sendErr(rep, "twice"), ErrState)
			})
		})
	}
}

// TestRepAnswersWhoLeft: requests of a peer that is gone are read all the same, one after another.
func TestRepReadsWhatAGonePeerAsked(t *testing.T) {
	for _, through := range []string{"Recv", "C"} {
		t.Run(through, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, ep string) {
				rep, dealer := pair(t, ep, zmq4.Rep, zmq4.Dealer, nil, nil)
				for i := range 3 {
					send(t, dealer, "", fmt.Sprint(i))
				}
				until(t, "all is there", func() bool { return rep.Stats().In.Received == 3 })
				closeNow(t, dealer)
				until(t, "the loss is seen", func() bool { return len(rep.Peers()) == 0 })
				for i := range 3 {
					if through == "C" {
						if m := await(t, "request", rep.C()); string(m.Frames[0]) != fmt.Sprint(i) {
							t.Fatalf("got %q", m.Frames)
						}
						continue
					}
					want(t, recv(t, rep), fmt.Sprint(i))
				}
			})
		})
	}
}

// TestReqBalancesOverReps is libzmq's: five REPs, served in the order in which they were connected.
func TestReqBalancesOverReps(t *testing.T) {
	for _, typ := range []zmq4.SocketType{zmq4.Req, zmq4.Dealer} {
		eachTransport(t, func(t *testing.T, ep string) {
			req := open(t, typ, nil)
			var reps []*Socket
			for range 5 {
				rep := open(t, zmq4.Rep, nil)
				dial(t, req, bind(t, rep, ep))
				ep = another(t, ep)
				reps = append(reps, rep)
			}
			for round := range 2 {
				for i, rep := range reps {
					text := fmt.Sprint(round, i)
					if typ == zmq4.Req {
						send(t, req, text)
					} else {
						send(t, req, "", text)
					}
					want(t, recv(t, rep), text)
					send(t, rep, "re", text)
					m := recv(t, req)
					want(t, m[len(m)-2:], "re", text)
				}
			}
		})
	}
}

// TestEnvelopes are test_spec_rep's: REP keeps everything up to the first empty frame and puts it back.
func TestEnvelopes(t *testing.T) {
	for _, c := range []struct{ in, body, out string }{
		{"|A", "A", "|reply"}, {"X|Y||A", "A", "X|Y||reply"}, {"X||", "", "X||reply"}, {"||A|B", "|A|B", "|reply"},
	} {
		t.Run(c.in, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, ep string) {
				rep, dealer := pair(t, ep, zmq4.Rep, zmq4.Dealer, nil, nil)
				send(t, dealer, strings.Split(c.in, "|")...)
				want(t, recv(t, rep), strings.Split(c.body, "|")...)
				send(t, rep, "reply")
				want(t, recv(t, dealer), strings.Split(c.out, "|")...)
			})
		})
	}
}

// TestMalformedRequestsAndReplies are dropped and counted; what follows goes on.
func TestMalformedRequestsAndReplies(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		rep, dealer := pair(t, ep, zmq4.Rep, zmq4.Dealer, nil, nil)
		send(t, dealer, "no delimiter")
		send(t, dealer, "no body", "")
		send(t, dealer, "", "good")
		want(t, recv(t, rep), "good")
		if d := rep.Stats().Dropped[DropMalformed]; d != 2 {
			t.Fatalf("%d malformed requests", d)
		}
		router, req := pair(t, another(t, ep), zmq4.Router, zmq4.Req, nil, nil)
		send(t, req, "question")
		id := recv(t, router)[0]
		send(t, router, id, "no delimiter", "x")
		send(t, router, id, "")
		send(t, router, id, "", "good")
		want(t, recv(t, req), "good")
		if d := req.Stats().Dropped[DropMalformed]; d != 2 {
			t.Fatalf("%d malformed replies", d)
		}
	})
}

// TestStaleReplies: only the peer that was asked can answer, once.
func TestStaleReplies(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		req := open(t, zmq4.Req, nil)
		a, b := open(t, zmq4.Router, nil), open(t, zmq4.Router, nil)
		dial(t, req, bind(t, a, ep))
		dial(t, req, bind(t, b, another(t, ep)))
		send(t, req, "1")
		toA := recv(t, a)[0]
		send(t, a, toA, "", "one")
		send(t, a, toA, "", "one again")
		want(t, recv(t, req), "one")
		send(t, req, "2")
		toB := recv(t, b)[0]
		send(t, a, toA, "", "not asked")
		until(t, "all is discarded", func() bool { return req.Stats().Dropped[DropStale] == 2 })
		nothing(t, req)
		send(t, b, toB, "", "two")
		want(t, recv(t, req), "two")
	})
}

// TestRelaxedReq sends again before the reply; with correlation the late reply is told from the awaited one.
func TestRelaxedReq(t *testing.T) {
	for _, through := range []string{"Recv", "C"} {
		t.Run(through, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, ep string) {
				router, req := pair(t, ep, zmq4.Router, zmq4.Req, nil, &Config{ReqRelaxed: true, ReqCorrelate: true})
				if through == "C" {
					req.C()
				}
				send(t, req, "1")
				first := recv(t, router)
				if len(first) != 4 || len(first[1]) != 4 || first[2] != "" {
					t.Fatalf("envelope %q", first)
				}
				send(t, req, "2")
				second := recv(t, router)
				if first[1] == second[1] {
					t.Fatal("two requests, one id")
				}
				send(t, router, first[0], first[1], "", "late")
				send(t, router, first[0], second[1], "", "two")
				want(t, recv(t, req), "two")
				if d := req.Stats().Dropped[DropStale]; d != 1 {
					t.Fatalf("%d stale", d)
				}
				send(t, req, "3")
				third := recv(t, router)
				send(t, router, third[0], third[1], "", "never read")
				until(t, "the reply is there", func() bool { return req.Stats().In.Received == 3 })
				send(t, req, "4")
				fourth := recv(t, router)
				send(t, router, fourth[0], fourth[1], "", "four")
				want(t, recv(t, req), "four")
				if st := req.Stats(); st.Dropped[DropStale] != 2 || st.In.Delivered != 2 || st.In.Queued != 0 {
					t.Fatalf("stats %+v", st)
				}
			})
		})
	}
}
