package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
	"zmqbus/socket"
)

// side is one socket of a proxy: its name, what the command line said, and what went out through it.
type side struct {
	name string
	kind kind
	endpointFlags
	sock     *socket.Socket
	messages atomic.Uint64
	bytes    atomic.Uint64
	dropped  atomic.Uint64 // in hand when the proxy ended, with no room for it
}

// forwards reports whether messages can go from s to other.
func (s *side) forwards(other *side) bool { return s.kind.receives && other.kind.sends }

func (s *side) total() string {
	text := fmt.Sprintf("messages %d (bytes %d)", s.messages.Load(), s.bytes.Load())
	if n := s.dropped.Load(); n > 0 {
		text += fmt.Sprintf(", dropped at the end %d", n)
	}
	return text
}

// parseSide reads the flag of one side.
func parseSide(name, value string) (*side, error) {
	k, eps, err := parseTypeEndpoints(name, value, false)
	if err != nil {
		return nil, err
	}
	if k.topics = k.typ == zmq4.Sub; k.topics {
		eps.topics = []string{""} // an XSUB gets its subscriptions from the other side
	}
	return &side{name: name, kind: k, endpointFlags: eps}, nil
}

// parseTypeEndpoints reads TYPE,EP[,EP...], where each EP starts with @ (bind), > (connect) or neither (as connect says).
func parseTypeEndpoints(flag, value string, connect bool) (kind, endpointFlags, error) {
	var f endpointFlags
	typ, eps, found := strings.Cut(value, ",")
	if !found {
		return kind{}, f, usagef("--%s %q: must be TYPE,EP such as xsub,@tcp://*:5559", flag, value)
	}
	k, err := findKind(typ)
	if err != nil {
		return kind{}, f, usagef("--%s: %w", flag, err)
	}
	for ep := range strings.SplitSeq(eps, ",") {
		list := &f.bind
		if strings.HasPrefix(ep, ">") || connect && !strings.HasPrefix(ep, "@") {
			list = &f.connect
		}
		if ep = strings.TrimLeft(ep, "@>"); ep == "" {
			return kind{}, f, usagef("--%s %q: an endpoint is missing", flag, value)
		}
		*list = append(*list, ep)
	}
	return k, f, nil
}

// open creates the socket of one side. Its events are followed until it has closed.
func (p *proxy) open(s *side, mask monitor.Type, events *sync.WaitGroup, capture bool) error {
	cfg := &socket.Config{Logger: p.log}
	if !capture {
		var err error
		if cfg, err = p.config(s.kind, p.log); err != nil {
			return err
		}
	}
	sock, err := socket.New(context.Background(), s.kind.typ, cfg)
	if err != nil {
		return err
	}
	s.sock = sock
	if mask != 0 {
		stream := sock.Lifecycle(mask)
		// Owned by run, which waits for it after it closed the socket.
		events.Go(func() { p.out.follow(stream, s.name) })
	}
	if err := s.attach(sock, s.kind, func(string, ...any) {}); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	for _, e := range sock.Endpoints() {
		verb := "connects to"
		if e.Bound {
			verb = "bound to"
		}
		p.out.note("proxy: %s %s %s %s", s.name, s.kind.name(), verb, e.Endpoint)
	}
	return nil
}

// forwardBoth forwards in both directions until ctx ends or one of them fails.
func forwardBoth(ctx context.Context, front, back, capture *side, log *slog.Logger) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var loops sync.WaitGroup
	for _, d := range [][2]*side{{front, back}, {back, front}} {
		if d[0].kind.receives {
			// Owned by this call, which waits for it; ends with ctx or with its own error.
			loops.Go(func() { stop(forward(ctx, d[0], d[1], capture, log)) })
		}
	}
	loops.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, errSignal) && !errors.Is(cause, errDuration) {
		return cause
	}
	return nil
}

// forward moves messages from one side to the other. What the other side's type cannot send is taken and dropped, so
// that the peers are not held up.
func forward(ctx context.Context, from, to, capture *side, log *slog.Logger) error {
	for {
		msg, err := from.sock.RecvContext(ctx)
		if err != nil {
			return err
		}
		if from.kind.typ == zmq4.XPub {
			logSubscription(ctx, log, msg)
		}
		if capture != nil {
			if err := capture.send(ctx, zmq4.NewMsgFrom(msg.Frames...)); err != nil {
				return fmt.Errorf("capture: %w", err)
			}
		}
		if !from.forwards(to) {
			continue
		}
		// ErrUnroutable: a peer that has gone, which a ROUTER drops without router_mandatory.
		if err := to.send(ctx, msg); err != nil && !errors.Is(err, socket.ErrUnroutable) {
			return fmt.Errorf("%s: %w", to.name, err)
		}
	}
}

// send passes a message on. When ctx ends while it waits for room, one last try decides whether the message is lost;
// a lost one is counted.
func (s *side) send(ctx context.Context, msg zmq4.Msg) error {
	size := 0
	for _, f := range msg.Frames {
		size += len(f)
	}
	err := s.sock.SendContext(ctx, msg)
	if err != nil && ctx.Err() != nil {
		if err = s.sock.TrySend(msg); err != nil {
			s.dropped.Add(1)
		}
	}
	if err != nil {
		return err
	}
	s.messages.Add(1)
	s.bytes.Add(uint64(size))
	return nil
}

// logSubscription shows with -v what subscribers ask for.
func logSubscription(ctx context.Context, log *slog.Logger, msg zmq4.Msg) {
	if len(msg.Frames) != 1 || len(msg.Frames[0]) == 0 || msg.Frames[0][0] > 1 {
		return
	}
	what := "unsubscribe"
	if msg.Frames[0][0] == 1 {
		what = "subscribe"
	}
	log.DebugContext(ctx, what, "topic", string(appendPrintable(nil, msg.Frames[0][1:])))
}
