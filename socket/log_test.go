package socket

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/memnet"
)

// callingHandler is a log handler that calls the socket it logs for.
type callingHandler struct {
	slog.Handler
	of     *atomic.Pointer[Socket]
	logged chan string
}

func (h callingHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h callingHandler) Handle(_ context.Context, r slog.Record) error {
	if s := h.of.Load(); s != nil {
		s.Stats()
		s.Peers()
	}
	h.logged <- r.Message
	return nil
}

// TestLogHandlerMayCallTheSocket: no handler runs under the socket's lock, and Close waits for the last record.
func TestLogHandlerMayCallTheSocket(t *testing.T) {
	inBubble(t, func(t *testing.T, net *memnet.Network) {
		h := callingHandler{slog.DiscardHandler, &atomic.Pointer[Socket]{}, make(chan string, 100)}
		s := open(t, zmq4.Pair, memConfig(net, Config{Logger: slog.New(h)}))
		h.of.Store(s)
		ep := bind(t, s, "tcp://127.0.0.1:0")
		for range 2 {
			dial(t, open(t, zmq4.Pair, memConfig(net, Config{})), ep)
		}
		if got := <-h.logged; got != "peer refused: another holds its place" {
			t.Fatalf("logged %q", got)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
