package socket

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// quick retries often, so that a script on a real network need not wait.
const quick = 5 * time.Millisecond

// lifecycleScript is a sequence of calls whose events stand in testdata/lifecycle. real says that it can also be played
// on the kernel's tcp and ipc, with the same events.
type lifecycleScript struct {
	name string
	real bool
	play func(g *stage)
}

var lifecycleScripts = []lifecycleScript{
	{"client_closes_first", true, func(g *stage) {
		s, c := g.pair(Config{}, Config{})
		c.await(monitor.HandshakeSucceeded)
		s.await(monitor.HandshakeSucceeded)
		c.end()
		s.await(monitor.Disconnected)
	}},
	{"server_closes_first", true, func(g *stage) {
		s, c := g.pair(Config{}, Config{ReconnectInterval: quick})
		c.await(monitor.HandshakeSucceeded)
		s.await(monitor.HandshakeSucceeded)
		s.end()
		c.await(monitor.ConnectRetried)
		c.await(monitor.ConnectRetried)
		c.end()
	}},
	{"connect_before_bind", true, func(g *stage) {
		c := g.actor("client", zmq4.Dealer, Config{ReconnectInterval: 300 * time.Millisecond})
		c.dial(g.ep)
		c.await(monitor.ConnectRetried)
		c.await(monitor.ConnectRetried)
		s := g.actor("server", zmq4.Dealer, Config{})
		s.listen(g.ep)
		c.await(monitor.HandshakeSucceeded)
		s.await(monitor.HandshakeSucceeded)
		c.end()
		s.await(monitor.Disconnected)
	}},
	{"connect_refused_never_retried", true, func(g *stage) {
		c := g.actor("client", zmq4.Dealer, Config{ReconnectInterval: None})
		c.dial(g.ep)
		c.await(monitor.Closed)
		g.quiet(c)
	}},
	{"server_gone_never_retried", true, func(g *stage) {
		s, c := g.pair(Config{}, Config{ReconnectInterval: Unlimited})
		c.await(monitor.HandshakeSucceeded)
		s.await(monitor.HandshakeSucceeded)
		s.end()
		c.await(monitor.Disconnected)
		g.quiet(c)
	}},
	{"server_restarts", true, func(g *stage) {
		c := g.actor("client", zmq4.Dealer, Config{ReconnectInterval: 300 * time.Millisecond})
		for _, name := range []string{"first server", "second server", "third server"} {
			s := g.actor(name, zmq4.Dealer, Config{})
			s.listen(g.ep)
			if name == "first server" {
				c.dial(g.ep)
			}
			c.await(monitor.HandshakeSucceeded)
			s.await(monitor.HandshakeSucceeded)
			s.end()
			c.await(monitor.ConnectRetried)
		}
		c.end()
	}},
	{"unresolvable_name", false, func(g *stage) {
		g.net.Unresolvable("nowhere.example")
		c := g.actor("client", zmq4.Dealer, Config{})
		c.dial("tcp://nowhere.example:5555")
		for range 3 {
			c.await(monitor.ConnectRetried)
		}
	}},
	{"connect_by_name", false, func(g *stage) {
		s, c := g.actor("server", zmq4.Dealer, Config{}), g.actor("client", zmq4.Dealer, Config{})
		s.listen("tcp://*:5555")
		c.dial("tcp://localhost:5555")
		c.await(monitor.HandshakeSucceeded)
		s.await(monitor.HandshakeSucceeded)
		c.end()
		s.await(monitor.Disconnected)
	}},
	{"unbind_with_client", true, func(g *stage) {
		s, c := g.pair(Config{}, Config{ReconnectInterval: quick})
		c.await(monitor.HandshakeSucceeded)
		s.await(monitor.HandshakeSucceeded)
		if err := s.Unbind(g.ep); err != nil {
			g.t.Error(err)
		}
		for range 3 {
			c.await(monitor.ConnectRetried)
		}
		c.end()
	}},
	{"bind_again", true, func(g *stage) {
		s := g.actor("server", zmq4.Dealer, Config{})
		for range 3 {
			s.listen(g.ep)
			if err := s.Unbind(g.ep); err != nil {
				g.t.Error(err)
			}
		}
	}},
	{"disconnect_explicit", true, func(g *stage) {
		s, c := g.pair(Config{}, Config{})
		c.await(monitor.HandshakeSucceeded)
		s.await(monitor.HandshakeSucceeded)
		if err := c.Disconnect(g.ep); err != nil {
			g.t.Error(err)
		}
		s.await(monitor.Disconnected)
		c.end()
	}},
	{"disconnect_while_retrying", false, func(g *stage) {
		c := g.actor("client", zmq4.Dealer, Config{})
		c.dial(g.ep)
		c.await(monitor.ConnectRetried)
		if err := c.Disconnect(g.ep); err != nil {
			g.t.Error(err)
		}
		g.quiet(c)
	}},
	{"connect_twice_dealer", false, func(g *stage) {
		s, c := g.pair(Config{}, Config{})
		c.dial(g.ep)
		c.await(monitor.HandshakeSucceeded)
		c.dial(g.ep)
		s.await(monitor.HandshakeSucceeded)
		g.quiet(c)
	}},
	{"connect_twice_pair", true, func(g *stage) {
		s, c := g.actor("server", zmq4.Pair, Config{}), g.actor("client", zmq4.Pair, Config{})
		s.listen(g.ep)
		for range 2 {
			c.dial(g.ep)
			c.await(monitor.HandshakeSucceeded)
			s.await(monitor.HandshakeSucceeded)
		}
		c.end()
		s.await(monitor.Disconnected)
		s.await(monitor.Disconnected)
	}},
	{"types_do_not_fit", false, func(g *stage) {
		s, c := g.actor("server", zmq4.Pair, Config{}), g.actor("client", zmq4.Dealer, Config{})
		s.listen(g.ep)
		c.dial(g.ep)
		c.await(monitor.Disconnected)
		s.await(monitor.Disconnected)
		g.quiet(c)
		if c.state() != GaveUp {
			g.t.Errorf("the endpoint is %v", c.state())
		}
	}},
	{"two_clients", true, func(g *stage) {
		s, one := g.pair(Config{}, Config{})
		one.await(monitor.HandshakeSucceeded)
		s.await(monitor.HandshakeSucceeded)
		two := g.actor("second client", zmq4.Dealer, Config{})
		two.dial(g.ep)
		two.await(monitor.HandshakeSucceeded)
		s.await(monitor.HandshakeSucceeded)
		for _, c := range []*actor{one, two} {
			c.end()
			s.await(monitor.Disconnected)
		}
	}},
	{"two_clients_server_closes", true, func(g *stage) {
		s, one := g.pair(Config{}, Config{ReconnectInterval: None})
		one.await(monitor.HandshakeSucceeded)
		s.await(monitor.HandshakeSucceeded)
		two := g.actor("second client", zmq4.Dealer, Config{ReconnectInterval: None})
		two.dial(g.ep)
		two.await(monitor.HandshakeSucceeded)
		s.await(monitor.HandshakeSucceeded)
		s.end()
		one.await(monitor.Disconnected)
		two.await(monitor.Disconnected)
	}},
	{"accept_failed", false, func(g *stage) {
		g.net.FailAccept(at, syscall.EMFILE, 10)
		s, c := g.pair(Config{}, Config{})
		begin := time.Now()
		s.await(monitor.Accepted)
		// 5, 10, 20, 40, 80, 160, 320, 640 ms, then a second each.
		if took := time.Since(begin); took != 1275*time.Millisecond+2*time.Second {
			g.t.Errorf("accepted after %v", took)
		}
		s.await(monitor.HandshakeSucceeded)
		c.await(monitor.HandshakeSucceeded)
		c.end()
		s.await(monitor.Disconnected)
	}},
	{"message_too_big_for_server", false, func(g *stage) {
		s, c := g.pair(Config{MaxMsgSize: 100}, Config{})
		send(g.t, c.Socket, strings.Repeat("x", 200))
		c.await(monitor.ConnectRetried)
		c.await(monitor.HandshakeSucceeded)
		s.await(monitor.Disconnected)
		s.await(monitor.HandshakeSucceeded)
	}},
	{"message_too_big_for_client", false, func(g *stage) {
		s, c := g.pair(Config{}, Config{MaxMsgSize: 100})
		s.await(monitor.HandshakeSucceeded)
		send(g.t, s.Socket, strings.Repeat("x", 200))
		s.await(monitor.Disconnected)
		c.await(monitor.Disconnected)
		g.quiet(c)
	}},
	{"message_too_big_for_client_retried", false, func(g *stage) {
		s, c := g.pair(Config{}, Config{MaxMsgSize: 100, RetryProtocolErrors: true})
		s.await(monitor.HandshakeSucceeded)
		send(g.t, s.Socket, strings.Repeat("x", 200))
		s.await(monitor.Disconnected)
		c.await(monitor.Disconnected)
		c.await(monitor.HandshakeSucceeded)
		s.await(monitor.HandshakeSucceeded)
	}},
}

func TestLifecycleScripts(t *testing.T) {
	for _, sc := range append(lifecycleScripts, rawScripts...) {
		t.Run(sc.name, func(t *testing.T) {
			bubble(t, func(g *stage) {
				sc.play(g)
				golden(g.t, sc.name, g.script())
			})
		})
	}
}

// TestLifecycleScriptsOnRealNetworks plays the scripts over the kernel's tcp and ipc. The events are the same, but ipc
// has no CONNECT_DELAYED; whether the end of a connection is a FIN or a reset is not compared.
func TestLifecycleScriptsOnRealNetworks(t *testing.T) {
	if *update || runtime.GOOS == "windows" {
		t.Skip("testdata is written by TestLifecycleScripts; Windows refuses a connect after seconds")
	}
	reason := regexp.MustCompile(`(?m) \([a-z]+\)`)
	delayed := regexp.MustCompile(`(?m)^  CONNECT_DELAYED .*\n`)
	for _, sc := range lifecycleScripts {
		for _, scheme := range []string{"tcp", "ipc"} {
			if !sc.real {
				continue
			}
			t.Run(sc.name+"/"+scheme, func(t *testing.T) {
				t.Parallel()
				g := &stage{t: t, ep: freeEndpoint(t, scheme)}
				sc.play(g)
				text, err := os.ReadFile(filepath.Join("testdata", "lifecycle", sc.name+".txt"))
				if err != nil {
					t.Fatal(err)
				}
				want := reason.ReplaceAllString(string(text), "")
				if scheme == "ipc" {
					want = delayed.ReplaceAllString(want, "")
				}
				if got := reason.ReplaceAllString(g.script(), ""); got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
			})
		}
	}
}

// freeEndpoint returns an endpoint that nobody is bound to.
func freeEndpoint(t *testing.T, scheme string) string {
	t.Helper()
	if scheme == "ipc" {
		return transports(t)["ipc"]
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "tcp://" + l.Addr().String()
}
