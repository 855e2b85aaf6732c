package socket

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/memnet"
	"zmqbus/monitor"
)

// inBubble runs test in a synctest bubble with a network of its own; what it opens is closed before the bubble ends.
func inBubble(t *testing.T, test func(t *testing.T, net *memnet.Network)) {
	synctest.Test(t, func(t *testing.T) { test(t, memnet.New()) })
}

// trySends sends numbered messages until the socket takes no more, and returns how many it took.
func trySends(t testing.TB, s *Socket, prefix ...string) int {
	t.Helper()
	for n := range 100_000 {
		err := s.TrySend(zmq4.NewMsgFromString(append(prefix[:len(prefix):len(prefix)], fmt.Sprint(n))))
		if errors.Is(err, ErrAgain) {
			return n
		}
		if err != nil {
			t.Fatalf("send %d: %v", n, err)
		}
	}
	t.Fatal("no limit")
	return 0
}

// numbers receives the messages 0 to n-1, whose last frame is the number.
func numbers(t testing.TB, s *Socket, n int) {
	t.Helper()
	for i := range n {
		m := recv(t, s)
		if m[len(m)-1] != fmt.Sprint(i) {
			t.Fatalf("message %d of %d: got %q", i, n, m)
		}
	}
}

func nothing(t testing.TB, s *Socket) {
	t.Helper()
	if m, err := s.TryRecv(); !errors.Is(err, ErrAgain) {
		t.Fatalf("%s: got %q, %v; want nothing", s.Type(), m.Frames, err)
	}
}

// until waits for a state that no event announces.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx := testContext(t)
	for !ok() {
		if ctx.Err() != nil {
			t.Fatalf("waited in vain: %s", what)
		}
		yield()
	}
}

func wantErr(t testing.TB, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Fatalf("got error %v, want %v", err, target)
		}
	}
}

func sendErr(s *Socket, frames ...string) error { return s.TrySend(zmq4.NewMsgFromString(frames)) }

// meanwhile runs f on a goroutine that the test waits for, and returns a channel with its result.
func meanwhile[T any](t testing.TB, f func() T) <-chan T {
	t.Helper()
	done := make(chan T, 1)
	ended := make(chan struct{})
	go func() { // owner: the test; ends with f
		defer close(ended)
		done <- f()
	}()
	t.Cleanup(func() { <-ended })
	return done
}

func await[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v, ok := <-c:
		if !ok {
			t.Fatalf("%s: channel closed", what)
		}
		return v
	case <-testContext(t).Done():
		t.Fatalf("%s: nothing came", what)
	}
	panic("unreachable")
}

// listen returns a stream of s's events that ends with the test.
func listen(t testing.TB, s *Socket, mask monitor.Type) *monitor.Stream {
	st := s.Lifecycle(mask)
	t.Cleanup(st.Stop)
	return st
}

// closeNow closes without linger.
func closeNow(t testing.TB, s *Socket) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var unsent *UnsentError
	if err := s.CloseContext(ctx); err != nil && !errors.As(err, &unsent) {
		t.Fatal(err)
	}
}

// another returns one more endpoint of ep's transport.
func another(t testing.TB, ep string) string {
	t.Helper()
	if strings.HasPrefix(ep, "tcp:") {
		return ep
	}
	return ep + "2"
}
