package socket

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"zmqbus/monitor"
)

// orderFaults checks the history of one socket, from its start to its end, against the ordering that libzmq keeps
// in every run.
func orderFaults(events []monitor.Event) []string {
	o := orderCheck{conns: map[monitor.ConnID][]monitor.Event{}, owed: map[string]int{}}
	for i, e := range events {
		o.last = i == len(events)-1
		o.see(e)
		o.before = e
	}
	if o.before.Type != monitor.MonitorStopped {
		o.fault("the last event is %v, not MONITOR_STOPPED", o.before.Type)
	}
	return o.faults
}

type orderCheck struct {
	conns  map[monitor.ConnID][]monitor.Event
	owed   map[string]int // CONNECT_RETRIED that DISCONNECTED and CLOSED have promised, by endpoint
	before monitor.Event
	last   bool
	faults []string
}

func (o *orderCheck) fault(format string, args ...any) {
	o.faults = append(o.faults, fmt.Sprintf(format, args...))
}

func (o *orderCheck) see(e monitor.Event) {
	if e.Seq != o.before.Seq+1 || e.Time.Before(o.before.Time) {
		o.fault("%v has number %d at %v, after %d at %v", e.Type, e.Seq, e.Time, o.before.Seq, o.before.Time)
	}
	switch e.Type {
	case monitor.MonitorStopped:
		if !o.last || e.Value != 0 || e.Endpoint != "" {
			o.fault("MONITOR_STOPPED is not last, or says something: %v", e)
		}
	case monitor.ConnectDelayed:
		if e.Value != int64(syscall.EINPROGRESS) || e.Conn != 0 {
			o.fault("CONNECT_DELAYED with value %d of connection %d", e.Value, e.Conn)
		}
	case monitor.ConnectRetried:
		o.seeRetry(e)
	case monitor.Closed:
		if l := o.conns[e.Conn]; e.Conn != 0 && (len(l) != 1 || l[0].Value != e.Value || l[0].Endpoint != e.Endpoint) {
			o.fault("%v of listener %v", e, l)
		}
		if e.Retry {
			o.owed[e.Endpoint]++
		}
	case monitor.Connected, monitor.Accepted, monitor.Listening:
		if len(o.conns[e.Conn]) > 0 || e.Conn == 0 || e.Value < 0 {
			o.fault("%v again, or without a connection: %v", e.Type, e)
		}
		o.conns[e.Conn] = []monitor.Event{e}
	case monitor.HandshakeSucceeded, monitor.HandshakeFailedNoDetail, monitor.HandshakeFailedProtocol, monitor.HandshakeFailedAuth, monitor.Disconnected:
		o.seeConn(e)
	}
}

// seeRetry: CONNECT_RETRIED follows what it retries; only a name that did not resolve had no event before.
func (o *orderCheck) seeRetry(e monitor.Event) {
	var dns *net.DNSError
	switch {
	case e.Value < 1 || !e.Retry:
		o.fault("%v after %d ms", e, e.Value)
	case o.owed[e.Endpoint] > 0:
		o.owed[e.Endpoint]--
	case !errors.As(e.Err, &dns):
		o.fault("CONNECT_RETRIED %s follows nothing that is retried", e.Endpoint)
	}
}

// seeConn: CONNECTED or ACCEPTED, then the handshake's one event, then DISCONNECTED, all of one descriptor.
func (o *orderCheck) seeConn(e monitor.Event) {
	history := o.conns[e.Conn]
	if len(history) == 0 {
		o.fault("%v before its connection", e.Type)
		return
	}
	first, prev := history[0], history[len(history)-1]
	switch {
	case e.Endpoint != first.Endpoint:
		o.fault("%v at %s of a connection at %s", e.Type, e.Endpoint, first.Endpoint)
	case prev.Type == monitor.Disconnected:
		o.fault("%v after DISCONNECTED", e.Type)
	case e.Type == monitor.Disconnected:
		if e.Value != first.Value {
			o.fault("DISCONNECTED fd %d, connected as %d", e.Value, first.Value)
		}
		if e.Retry {
			o.owed[e.Endpoint]++
		}
	case len(history) > 1:
		o.fault("%v after %v", e.Type, prev.Type)
	}
	o.conns[e.Conn] = append(history, e)
}

// TestOrderFaults: the check that all scripts go through finds what it is for.
func TestOrderFaults(t *testing.T) {
	now := time.Now()
	const ep = "tcp://127.0.0.1:5555"
	ev := func(typ monitor.Type, value int64, conn monitor.ConnID, retry bool) monitor.Event {
		return monitor.Event{Type: typ, Value: value, Endpoint: ep, Conn: conn, Retry: retry}
	}
	var (
		delayed = ev(monitor.ConnectDelayed, int64(syscall.EINPROGRESS), 0, false)
		up      = ev(monitor.Connected, 7, 1, false)
		ok      = ev(monitor.HandshakeSucceeded, 0, 1, false)
		failed  = ev(monitor.HandshakeFailedNoDetail, 32, 1, true)
		down    = ev(monitor.Disconnected, 7, 1, true)
		final   = ev(monitor.Disconnected, 7, 1, false)
		retried = ev(monitor.ConnectRetried, 100, 0, true)
		refused = ev(monitor.Closed, 7, 0, true)
		stopped = monitor.Event{Type: monitor.MonitorStopped}
	)
	for _, test := range []struct {
		name   string
		good   bool
		events []monitor.Event
	}{
		{"good", true, []monitor.Event{delayed, refused, retried, delayed, up, ok, down, retried, stopped}},
		{"failed handshake", true, []monitor.Event{delayed, up, failed, down, retried, stopped}},
		{"not stopped", false, []monitor.Event{delayed, up, ok}},
		{"stopped twice", false, []monitor.Event{stopped, stopped}},
		{"stopped in between", false, []monitor.Event{stopped, up}},
		{"handshake first", false, []monitor.Event{delayed, ok, up, stopped}},
		{"two handshakes", false, []monitor.Event{delayed, up, ok, ok, stopped}},
		{"lost before it came", false, []monitor.Event{down, stopped}},
		{"lost twice", false, []monitor.Event{up, ok, down, down, stopped}},
		{"handshake after the end", false, []monitor.Event{up, final, ok, stopped}},
		{"retried for no reason", false, []monitor.Event{retried, stopped}},
		{"retried after the last", false, []monitor.Event{up, ok, final, retried, stopped}},
		{"retried at once", false, []monitor.Event{delayed, refused, ev(monitor.ConnectRetried, 0, 0, true), stopped}},
		{"other descriptor", false, []monitor.Event{up, ok, ev(monitor.Disconnected, 8, 1, false), stopped}},
		{"delayed with another errno", false, []monitor.Event{ev(monitor.ConnectDelayed, 1, 0, false), stopped}},
		{"no such listener", false, []monitor.Event{ev(monitor.Closed, 7, 9, false), stopped}},
		{"other listener", false, []monitor.Event{ev(monitor.Listening, 7, 9, false), ev(monitor.Closed, 8, 9, false), stopped}},
	} {
		for i := range test.events {
			test.events[i].Seq, test.events[i].Time = uint64(i+1), now
		}
		if faults := orderFaults(test.events); (len(faults) == 0) != test.good {
			t.Errorf("%s: %q", test.name, faults)
		}
		test.events[len(test.events)-1].Seq++
		if test.good && len(orderFaults(test.events)) == 0 {
			t.Errorf("%s: a gap is no fault", test.name)
		}
	}
}
