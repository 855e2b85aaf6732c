package socket

import (
	"bytes"
	"testing"

	"github.com/go-zeromq/zmq4"
)

// TestReceivedFramesAreTheReceivers: one receiver may append to and reorder what it got; the other receiver and the
// sender see nothing of it. Every frame ends where its memory ends.
func TestReceivedFramesAreTheReceivers(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		pub := open(t, zmq4.Pub, nil)
		ep = bind(t, pub, ep)
		var subs []*Socket
		for range 2 {
			s := open(t, zmq4.Sub, nil)
			if err := s.Subscribe(""); err != nil {
				t.Fatal(err)
			}
			dial(t, s, ep)
			subs = append(subs, s)
		}
		waitPeers(t, pub, 2)
		room := append(make([]byte, 0, 100), "first"...) // a sender's frame with room behind it
		sent := zmq4.Msg{Frames: append(make([][]byte, 0, 10), room, []byte("second"))}
		for _, use := range []func(*Socket) (zmq4.Msg, error){
			func(s *Socket) (zmq4.Msg, error) { return s.RecvContext(testContext(t)) },
			func(s *Socket) (zmq4.Msg, error) { return await(t, "message", s.C()), nil },
		} {
			if err := pub.Send(sent); err != nil {
				t.Fatal(err)
			}
			for _, s := range subs {
				m, err := use(s)
				if err != nil {
					t.Fatal(err)
				}
				want(t, frames(m), "first", "second")
				for i, f := range m.Frames {
					if cap(f) != len(f) {
						t.Fatalf("frame %d has %d bytes and room for %d", i, len(f), cap(f))
					}
				}
				_ = append(m.Frames[0], "spoilt"...)
				m.Frames[0], m.Frames[1] = m.Frames[1], nil
				_ = append(m.Frames, []byte("more"))
			}
			if string(room[:11]) != "first\x00\x00\x00\x00\x00\x00" || len(sent.Frames) != 2 || string(sent.Frames[1]) != "second" {
				t.Fatalf("the sender's message became %q", sent.Frames)
			}
		}
	})
}

// TestFramesAddedOnTheWayAreExact: routing ids, delimiters and request numbers too.
func TestFramesAddedOnTheWayAreExact(t *testing.T) {
	exact := func(t *testing.T, s *Socket) zmq4.Msg {
		t.Helper()
		m, err := s.RecvContext(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range m.Frames {
			if cap(f) != len(f) {
				t.Fatalf("%s: frame %d of %q has room for %d", s.Type(), i, m.Frames, cap(f))
			}
		}
		return m
	}
	for _, id := range []string{"", "name"} {
		eachTransport(t, func(t *testing.T, ep string) {
			router, req := pair(t, ep, zmq4.Router, zmq4.Req, nil, &Config{RoutingID: id, ReqCorrelate: true})
			send(t, req, "question")
			m := exact(t, router)
			if len(m.Frames) != 4 {
				t.Fatalf("got %q", m.Frames)
			}
			m.Frames[3] = []byte("answer")
			if err := router.Send(m); err != nil {
				t.Fatal(err)
			}
			exact(t, req)
			xpub, sub := open(t, zmq4.XPub, nil), open(t, zmq4.Sub, nil)
			dial(t, sub, bind(t, xpub, another(t, ep)))
			if err := sub.Subscribe("topic"); err != nil {
				t.Fatal(err)
			}
			exact(t, xpub)
			closeNow(t, sub)
			exact(t, xpub)
		})
	}
}

// TestMessagesArriveWhole, of any shape: no frame is lost, merged or cut.
func TestMessagesArriveWhole(t *testing.T) {
	many := zmq4.Msg{}
	for i := range 1000 {
		many.Frames = append(many.Frames, bytes.Repeat([]byte{byte(i)}, i%3))
	}
	shapes := []zmq4.Msg{
		zmq4.NewMsg(nil), zmq4.NewMsgFrom([]byte{}, nil, []byte{}), many,
		zmq4.NewMsg(make([]byte, 255)), zmq4.NewMsg(make([]byte, 256)), zmq4.NewMsg(make([]byte, 65535)),
		zmq4.NewMsgFrom([]byte("small"), make([]byte, 3<<20), []byte("tail")),
	}
	eachTransport(t, func(t *testing.T, ep string) {
		pull, push := pair(t, ep, zmq4.Pull, zmq4.Push, nil, nil)
		for _, m := range shapes {
			if err := push.SendMulti(m); err != nil {
				t.Fatal(err)
			}
		}
		for i, m := range shapes {
			got, err := pull.RecvContext(testContext(t))
			if err != nil || len(got.Frames) != len(m.Frames) {
				t.Fatalf("message %d: %d frames, %v; want %d", i, len(got.Frames), err, len(m.Frames))
			}
			for j, f := range m.Frames {
				if !bytes.Equal(got.Frames[j], f) {
					t.Fatalf("message %d: frame %d differs", i, j)
				}
			}
		}
	})
}

// TestInprocMessageOutlivesItsSender: nothing that a receiver holds is reused by whoever sent it.
func TestInprocMessageOutlivesItsSender(t *testing.T) {
	eachTransport(t, func(t *testing.T, ep string) {
		pull, push := pair(t, ep, zmq4.Pull, zmq4.Push, nil, nil)
		var kept []zmq4.Msg
		for i := range 300 {
			if err := push.Send(zmq4.NewMsg(bytes.Repeat([]byte{byte(i)}, 50))); err != nil {
				t.Fatal(err)
			}
			m, err := pull.RecvContext(testContext(t))
			if err != nil {
				t.Fatal(err)
			}
			kept = append(kept, m)
		}
		closeNow(t, push)
		for i, m := range kept {
			if !bytes.Equal(m.Frames[0], bytes.Repeat([]byte{byte(i)}, 50)) {
				t.Fatalf("message %d became %q", i, m.Frames[0])
			}
		}
	})
}
