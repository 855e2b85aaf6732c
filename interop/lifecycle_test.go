package interop

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// party is a socket with its history.
type party struct {
	end
	*history
}

// scenario is a row of CONFORMANCE section 2: what the two sides do, and the sequences that libzmq's monitor
// reports for it over tcp. Over ipc there is no DELAYED.
type scenario struct {
	name           string
	client, server zmq4.SocketType
	play           func(client, server party)
	wantClient     string
	wantServer     string
}

func clientClosesFirst(c, s party) {
	c.wait(monitor.HandshakeSucceeded)
	s.wait(monitor.HandshakeSucceeded)
	c.close()
	s.wait(monitor.Disconnected)
	s.close()
}

func serverClosesFirst(c, s party) {
	c.wait(monitor.HandshakeSucceeded)
	s.wait(monitor.HandshakeSucceeded)
	s.close()
	c.wait(monitor.Closed) // the first attempt to come back is refused
	c.wait(monitor.ConnectRetried)
	c.close()
}

// refused: the types do not fit.
func refused(c, s party) {
	c.wait(monitor.Disconnected)
	s.wait(monitor.Disconnected)
	c.close()
	s.close()
}

const (
	served = `LISTENING ACCEPTED HS_OK DISCONNECTED CLOSED STOPPED`
	came   = `DELAYED CONNECTED HS_OK STOPPED`
	// The side that reads the other's type first ends the connection silently and for good. The other may have read
	// it too, or sees only the end, and then the client comes again: libzmq does either, depending on who is faster.
	mismatchServer = `LISTENING (ACCEPTED (HSF_ERRNO )?DISCONNECTED )+(ACCEPTED (HSF_ERRNO )?)?CLOSED STOPPED`
	mismatchClient = `(DELAYED CONNECTED HSF_ERRNO DISCONNECTED RETRIED )*(DELAYED (CONNECTED (DISCONNECTED )?)?)?STOPPED`
)

var scenarios = []scenario{
	{"client_closes_first", zmq4.Dealer, zmq4.Dealer, clientClosesFirst, came, served},
	{"server_closes_first", zmq4.Dealer, zmq4.Dealer, serverClosesFirst,
		`DELAYED CONNECTED HS_OK DISCONNECTED RETRIED DELAYED CLOSED RETRIED (DELAYED (CLOSED (RETRIED )?)?)*STOPPED`,
		`LISTENING ACCEPTED HS_OK CLOSED STOPPED`},
	{"PUSH_to_PUB", zmq4.Push, zmq4.Pub, refused, mismatchClient, mismatchServer},
	{"REQ_to_REQ", zmq4.Req, zmq4.Req, refused, mismatchClient, mismatchServer},
	{"SUB_to_PULL", zmq4.Sub, zmq4.Pull, refused, mismatchClient, mismatchServer},
	{"DEALER_to_PAIR", zmq4.Dealer, zmq4.Pair, refused, mismatchClient, mismatchServer},
	{"PAIR_to_PAIR", zmq4.Pair, zmq4.Pair, clientClosesFirst, came, served},
	{"REQ_to_ROUTER", zmq4.Req, zmq4.Router, clientClosesFirst, came, served},
}

// TestLifecycle plays each scenario with our socket on either side, and with libzmq on both, which shows that the
// expectation is true of the reference on this machine.
func TestLifecycle(t *testing.T) {
	for _, sc := range scenarios {
		for _, transport := range []string{"tcp", "ipc"} {
			for _, who := range []struct {
				name           string
				client, server bool
			}{{"client", true, false}, {"server", false, true}, {"none", false, false}} {
				t.Run(sc.name+"/"+transport+"/ours="+who.name, func(t *testing.T) {
					sc.run(t, transport, who.client, who.server)
				})
			}
		}
	}
}

func (sc scenario) run(t *testing.T, transport string, clientOurs, serverOurs bool) {
	s := newEnd(t, serverOurs, sc.server, options{})
	c := newEnd(t, clientOurs, sc.client, options{})
	server, client := party{s, s.watch()}, party{c, c.watch()}
	ep := s.bind(endpoint(t, transport))
	c.connect(ep)
	sc.play(client, server)
	server.finish()
	client.finish()
	compare(t, "client", transport, client.history, sc.wantClient)
	compare(t, "server", transport, server.history, sc.wantServer)
	for _, h := range []*history{client.history, server.history} {
		for _, e := range h.seen {
			checkEvent(t, e, ep)
		}
	}
}

func compare(t *testing.T, side, transport string, h *history, want string) {
	t.Helper()
	if transport == "ipc" {
		want = strings.ReplaceAll(want, "DELAYED ", "")
	}
	if !regexp.MustCompile(`^` + want + `$`).MatchString(h.String()) {
		t.Errorf("%s: %s\nlibzmq: %s", side, h, want)
	}
}

// checkEvent checks the value and the endpoint of an event on a connection that stood between two good sockets.
func checkEvent(t *testing.T, e monitor.Event, ep string) {
	t.Helper()
	want := ep
	switch e.Type {
	case monitor.MonitorStopped:
		want = ""
		if e.Value != 0 {
			t.Errorf("%v: value %d, want 0", e, e.Value)
		}
	case monitor.HandshakeSucceeded:
		if e.Value != 0 {
			t.Errorf("%v: value %d, want 0", e, e.Value)
		}
	case monitor.ConnectRetried:
		if wait := time.Duration(e.Value) * time.Millisecond; wait < 100*time.Millisecond || wait >= 200*time.Millisecond {
			t.Errorf("%v: waits %v, want 100ms to 200ms", e, wait)
		}
	case monitor.Listening, monitor.Accepted, monitor.Connected, monitor.Disconnected, monitor.Closed:
		if e.Value <= 2 {
			t.Errorf("%v: value %d is no socket's descriptor", e, e.Value)
		}
	}
	if e.Endpoint != want {
		t.Errorf("%v: endpoint %q, want %q", e, e.Endpoint, want)
	}
}

// TestPairSecondClient: a second peer of a PAIR shakes hands and is then left alone; the first is not disturbed.
func TestPairSecondClient(t *testing.T) {
	for _, serverOurs := range []bool{true, false} {
		t.Run("server="+pick(serverOurs, "ours", "libzmq"), func(t *testing.T) {
			s := newEnd(t, serverOurs, zmq4.Pair, options{})
			server := party{s, s.watch()}
			ep := s.bind("tcp://127.0.0.1:*")
			first := newEnd(t, !serverOurs, zmq4.Pair, options{})
			first.connect(ep)
			server.wait(monitor.HandshakeSucceeded)
			s.tryRecv() // libzmq decides who is the first while its application uses the socket
			c := newEnd(t, !serverOurs, zmq4.Pair, options{})
			second := party{c, c.watch()}
			second.connect(ep)
			second.wait(monitor.HandshakeSucceeded)
			server.wait(monitor.HandshakeSucceeded)
			s.tryRecv()

			first.send([][]byte{[]byte("from the first")})
			expect(t, 0, s.recv(), nil, [][]byte{[]byte("from the first")})
			s.send([][]byte{[]byte("to the first")})
			expect(t, 1, first.recv(), nil, [][]byte{[]byte("to the first")})
			if got := c.tryRecv(); got != nil {
				t.Errorf("the second peer received %q", got)
			}
			second.close()
			server.wait(monitor.Disconnected)
			s.close()
			server.finish()
			second.finish()
			compare(t, "server", "tcp", server.history, `LISTENING ACCEPTED HS_OK ACCEPTED HS_OK DISCONNECTED CLOSED STOPPED`)
			compare(t, "second client", "tcp", second.history, came)
		})
	}
}
