package interop

import (
	"context"
	"fmt"
	"strings"
	"testing"

	lib "github.com/pebbe/zmq4"

	"zmqbus/monitor"
)

// history is what a socket's monitor reported so far, ours or libzmq's.
type history struct {
	t    *testing.T
	next func() (monitor.Event, error)
	seen []monitor.Event
	err  error
}

// wait reads on to the next event of one of the types.
func (h *history) wait(types monitor.Type) monitor.Event {
	h.t.Helper()
	for h.err == nil {
		var e monitor.Event
		if e, h.err = h.next(); h.err != nil {
			break
		}
		h.seen = append(h.seen, e)
		if e.Type&types != 0 {
			return e
		}
	}
	h.t.Fatalf("waiting for %s after %s: %v", types, h, h.err)
	return monitor.Event{}
}

// finish reads on to MONITOR_STOPPED, of a socket that is closed.
func (h *history) finish() {
	h.t.Helper()
	for h.err == nil {
		if n := len(h.seen); n > 0 && h.seen[n-1].Type == monitor.MonitorStopped {
			return
		}
		var e monitor.Event
		if e, h.err = h.next(); h.err == nil {
			h.seen = append(h.seen, e)
		}
	}
	h.t.Errorf("no MONITOR_STOPPED after %s: %v", h, h.err)
}

// short are the names of CONFORMANCE's tables.
var short = map[monitor.Type]string{
	monitor.ConnectDelayed: "DELAYED", monitor.ConnectRetried: "RETRIED", monitor.HandshakeSucceeded: "HS_OK",
	monitor.HandshakeFailedNoDetail: "HSF_ERRNO", monitor.HandshakeFailedProtocol: "HSF_PROTO",
	monitor.HandshakeFailedAuth: "HSF_AUTH", monitor.MonitorStopped: "STOPPED",
}

// String is the sequence, in short names.
func (h *history) String() string {
	var names []string
	for _, e := range h.seen {
		name, ok := short[e.Type]
		if !ok {
			name = e.Type.String()
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func (o *ours) watch() *history {
	stream := o.Lifecycle(monitor.All)
	return &history{t: o.t, next: func() (monitor.Event, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return stream.Next(ctx)
	}}
}

// watch reads libzmq's own frames with our decoder.
func (l *libEnd) watch() *history {
	l.t.Helper()
	ep := fmt.Sprintf("inproc://monitor-%p", l)
	l.must(l.s.Monitor(ep, lib.EVENT_ALL))
	var err error
	l.mon, err = l.ctx.NewSocket(lib.PAIR)
	l.must(err)
	l.must(l.mon.SetRcvtimeo(patience))
	l.must(l.mon.SetLinger(0))
	l.must(l.mon.Connect(ep))
	l.log = &history{t: l.t, next: func() (monitor.Event, error) {
		frames, err := l.mon.RecvMessageBytes(0)
		if err != nil {
			return monitor.Event{}, err
		}
		return monitor.Decode(frames)
	}}
	return l.log
}
