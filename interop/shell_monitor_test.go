package interop

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"zmqbus/monitor"
)

// eventLine is what the command line promises of an event's JSON.
type eventLine struct {
	Kind, Event, Endpoint string
	ID                    uint64
	Value                 int64
	Peer                  struct{ Type, Mechanism string }
}

// eventLog reads the events that "zmqbus monitor --json" prints.
type eventLog struct {
	p    *proc
	seen []eventLine
}

func (l *eventLog) add(line string) eventLine {
	l.p.t.Helper()
	var e eventLine
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		l.p.t.Fatalf("%s: %q: %v", l.p.name, line, err)
	}
	if types, err := monitor.ParseTypes(e.Event); err != nil || uint64(types) != e.ID || e.Kind != "event" {
		l.p.t.Fatalf("%s: %q: kind, event and id do not fit (%v)", l.p.name, line, err)
	}
	l.seen = append(l.seen, e)
	return e
}

// wait reads on to the named event.
func (l *eventLog) wait(event string) eventLine {
	l.p.t.Helper()
	for {
		if e := l.add(l.p.line()); e.Event == event {
			return e
		}
	}
}

func (l *eventLog) names() string {
	var names []string
	for _, e := range l.seen {
		names = append(names, e.Event)
	}
	return strings.Join(names, " ")
}

// stop interrupts the command, which must report the rest, and checks the sequence.
func (l *eventLog) stop(want string) {
	l.p.t.Helper()
	for _, line := range l.p.signal() {
		l.add(line)
	}
	if got := l.names(); !regexp.MustCompile("^" + want + "$").MatchString(got) {
		l.p.t.Errorf("printed %s\nlibzmq: %s", got, want)
	}
}

func TestShellMonitorOfClient(t *testing.T) {
	pub := pyzmq(t, "pub", "bind", anyPort)
	ep := pub.endpoint()
	log := &eventLog{p: zmqbus(t, "monitor", "sub", "-c", ep, "--json")}
	if e := log.wait("HANDSHAKE_SUCCEEDED"); e.Peer.Type != "PUB" || e.Peer.Mechanism != "NULL" || e.Endpoint != ep {
		t.Errorf("the event says %+v", e)
	}
	pub.end()
	if e := log.wait("CONNECT_RETRIED"); e.Value < 100 || e.Value >= 200 {
		t.Errorf("retries after %d ms, want 100 to 200", e.Value)
	}
	log.wait("CLOSED")
	log.stop(`CONNECT_DELAYED CONNECTED HANDSHAKE_SUCCEEDED DISCONNECTED CONNECT_RETRIED CONNECT_DELAYED CLOSED` +
		`( CONNECT_RETRIED| CONNECT_DELAYED| CLOSED)* MONITOR_STOPPED`)
}

func TestShellMonitorOfServer(t *testing.T) {
	log := &eventLog{p: zmqbus(t, "monitor", "pull", "-b", anyPort, "--json")}
	ep := log.wait("LISTENING").Endpoint
	push := pyzmq(t, "push", "connect", ep)
	if e := log.wait("HANDSHAKE_SUCCEEDED"); e.Peer.Type != "PUSH" || e.Endpoint != ep {
		t.Errorf("the event says %+v", e)
	}
	push.end()
	log.wait("DISCONNECTED")
	log.stop(`LISTENING ACCEPTED HANDSHAKE_SUCCEEDED DISCONNECTED CLOSED MONITOR_STOPPED`)
}

func TestShellMonitorOfWrongType(t *testing.T) {
	log := &eventLog{p: zmqbus(t, "monitor", "pub", "-b", anyPort, "--json")}
	ep := log.wait("LISTENING").Endpoint
	push := pyzmq(t, "push", "connect", ep)
	log.wait("DISCONNECTED")
	push.stdin.Close()
	log.stop(`LISTENING ACCEPTED (HANDSHAKE_FAILED_NO_DETAIL )?DISCONNECTED CLOSED MONITOR_STOPPED`)
}
