package socket

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// patience bounds every wait of a test for something that does happen.
const patience = 20 * time.Second

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// open makes a socket that is closed with the test.
func open(t testing.TB, typ zmq4.SocketType, cfg *Config) *Socket {
	t.Helper()
	s, err := New(context.Background(), typ, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.CloseContext(ctx)
	})
	return s
}

// transports are the endpoints that pattern tests bind to.
func transports(t testing.TB) map[string]string {
	return map[string]string{
		"tcp":    "tcp://127.0.0.1:0",
		"ipc":    "ipc://" + filepath.Join(t.TempDir(), "s"),
		"inproc": "inproc://" + t.Name(),
	}
}

// bind listens and returns the endpoint to dial.
func bind(t testing.TB, s *Socket, ep string) string {
	t.Helper()
	if err := s.Listen(ep); err != nil {
		t.Fatal(err)
	}
	eps := s.Endpoints()
	return eps[len(eps)-1].Endpoint
}

func dial(t testing.TB, s *Socket, ep string) {
	t.Helper()
	if err := s.Dial(ep); err != nil {
		t.Fatal(err)
	}
}

func waitPeers(t testing.TB, s *Socket, n int) {
	t.Helper()
	if err := s.WaitPeers(testContext(t), n); err != nil {
		t.Fatalf("waiting for %d peers of %s: %v", n, s.Type(), err)
	}
}

// pair returns two sockets, the first bound, the second connected, both sure of each other.
func pair(t testing.TB, ep string, bindType, dialType zmq4.SocketType, bindCfg, dialCfg *Config) (*Socket, *Socket) {
	t.Helper()
	a, b := open(t, bindType, bindCfg), open(t, dialType, dialCfg)
	if dialType == zmq4.Sub {
		if err := b.Subscribe(""); err != nil {
			t.Fatal(err)
		}
	}
	dial(t, b, bind(t, a, ep))
	waitPeers(t, a, 1)
	if dialType != zmq4.Pub && dialType != zmq4.XPub {
		waitPeers(t, b, 1)
	}
	return a, b
}

func send(t testing.TB, s *Socket, frames ...string) {
	t.Helper()
	if err := s.SendContext(testContext(t), zmq4.NewMsgFromString(frames)); err != nil {
		t.Fatalf("%s: send %q: %v", s.Type(), frames, err)
	}
}

func recv(t testing.TB, s *Socket) []string {
	t.Helper()
	m, err := s.RecvContext(testContext(t))
	if err != nil {
		t.Fatalf("%s: recv: %v", s.Type(), err)
	}
	return frames(m)
}

func frames(m zmq4.Msg) []string {
	var out []string
	for _, f := range m.Frames {
		out = append(out, string(f))
	}
	return out
}

func want(t testing.TB, got []string, frames ...string) {
	t.Helper()
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", frames) {
		t.Fatalf("got %.200q, want %.200q", got, frames)
	}
}

// next returns the next event of one of the given types.
func next(t testing.TB, st *monitor.Stream, types monitor.Type) monitor.Event {
	t.Helper()
	for {
		e, err := st.Next(testContext(t))
		if err != nil {
			t.Fatalf("waiting for %v: %v", types, err)
		}
		if e.Type&types != 0 {
			return e
		}
	}
}

func yield() { runtime.Gosched() }

// transportOf returns an endpoint of ep's transport that the running subtest has for itself.
func transportOf(t testing.TB, ep string) string {
	scheme, _, _ := strings.Cut(ep, "://")
	return transports(t)[scheme]
}
