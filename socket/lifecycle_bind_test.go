package socket

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// TestBindEvents are the bind rows of libzmq's scenarios: what Listen returns, and the events from then to Close. EP
// stands for the endpoint as it was given.
func TestBindEvents(t *testing.T) {
	dir := t.TempDir()
	taken := open(t, zmq4.Rep, nil)
	tcp, ipc := bind(t, taken, "tcp://127.0.0.1:*"), bind(t, taken, "ipc://"+filepath.Join(dir, "taken"))
	regular := filepath.Join(dir, "regular")
	if err := os.WriteFile(regular, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, ep string
		want     error
		events   string
	}{
		{"tcp", "tcp://127.0.0.1:0", nil, "LISTENING fd BOUND, CLOSED fd BOUND"},
		{"wildcard", "tcp://*:*", nil, "LISTENING fd BOUND, CLOSED fd BOUND"},
		{"ipc", "ipc://" + filepath.Join(dir, "new"), nil, "LISTENING fd EP, CLOSED fd EP"},
		{"ipc wildcard", "ipc://*", nil, "LISTENING fd BOUND, CLOSED fd BOUND"},
		{"tcp in use", tcp, syscall.EADDRINUSE, "CLOSED fd EP, BIND_FAILED EADDRINUSE EP"},
		{"ipc in use", ipc, syscall.EADDRINUSE, "CLOSED fd EP, BIND_FAILED EADDRINUSE EP"},
		{"ipc over a file", "ipc://" + regular, syscall.EADDRINUSE, "CLOSED fd EP, BIND_FAILED EADDRINUSE EP"},
		{"ipc over a directory", "ipc://" + dir, syscall.EADDRINUSE, "CLOSED fd EP, BIND_FAILED EADDRINUSE EP"},
		{"ipc without directory", "ipc://" + filepath.Join(dir, "none", "x"), syscall.ENOENT, "CLOSED fd EP, BIND_FAILED ENOENT EP"},
		{"ipc too long", "ipc:///" + strings.Repeat("x", 200), syscall.ENAMETOOLONG, "BIND_FAILED ENAMETOOLONG EP"},
		{"unresolvable", "tcp://" + strings.Repeat("x", 70) + ":5555", syscall.ENODEV, "BIND_FAILED ENODEV EP"},
		{"not a local address", "tcp://192.0.2.1:5555", syscall.EADDRNOTAVAIL, "CLOSED fd EP, BIND_FAILED EADDRNOTAVAIL EP"},
		{"no port", "tcp://127.0.0.1", syscall.EINVAL, "BIND_FAILED EINVAL EP"},
		{"port is text", "tcp://127.0.0.1:http", syscall.EINVAL, "BIND_FAILED EINVAL EP"},
		{"port 99999", "tcp://127.0.0.1:99999", syscall.EINVAL, "BIND_FAILED EINVAL EP"},
		{"IPv6 is off", "tcp://[::1]:0", syscall.ENODEV, "BIND_FAILED ENODEV EP"},
		{"unknown scheme", "bogus://x", syscall.EPROTONOSUPPORT, ""},
		{"no scheme", "127.0.0.1:5555", syscall.EINVAL, ""},
		{"no address", "tcp://", syscall.EINVAL, ""},
		{"inproc", "inproc://" + t.Name(), nil, ""},
	} {
		if runtime.GOOS == "windows" && strings.HasPrefix(test.ep, "ipc") {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			g := &stage{t: t, ep: test.ep}
			s := g.actor("server", zmq4.Rep, Config{})
			if err := s.Listen(test.ep); !errors.Is(err, test.want) {
				t.Errorf("Listen: %v, want %v", err, test.want)
			}
			for _, e := range s.Endpoints() {
				g.ep = e.Endpoint
			}
			wantEvents := strings.ReplaceAll(test.events, "BOUND", "EP")
			s.end()
			var got []string
			for _, e := range s.events[:len(s.events)-1] {
				e.Err = nil // its text is no matter here
				got = append(got, strings.TrimSpace(g.render(&actor{events: []monitor.Event{e}})))
			}
			if text := strings.Join(got, ", "); text != wantEvents {
				t.Errorf("events %s, want %s", text, wantEvents)
			}
		})
	}
	if b, err := os.ReadFile(regular); string(b) != "precious" {
		t.Errorf("the file is %q, %v", b, err)
	}
	dial(t, open(t, zmq4.Req, nil), tcp)
	dial(t, open(t, zmq4.Req, nil), ipc)
	waitPeers(t, taken, 2) // the holder goes on
}

// TestDialErrors are the connect rows: what Dial refuses at once makes no event.
func TestDialErrors(t *testing.T) {
	for ep, want := range map[string]error{
		"tcp://127.0.0.1":                    syscall.EINVAL,
		"tcp://127.0.0.1:http":               syscall.EINVAL,
		"tcp://*:5555":                       syscall.EINVAL,
		"tcp://":                             syscall.EINVAL,
		"no scheme":                          syscall.EINVAL,
		"bogus://x":                          syscall.EPROTONOSUPPORT,
		"ipc:///" + strings.Repeat("x", 200): syscall.ENAMETOOLONG,
	} {
		g := &stage{t: t, ep: ep}
		c := g.actor("client", zmq4.Req, Config{})
		if err := c.Dial(ep); !errors.Is(err, want) || !errors.Is(err, ErrBadEndpoint) {
			t.Errorf("Dial(%.40q): %v, want %v", ep, err, want)
		}
		c.end()
		if len(c.events) != 1 {
			t.Errorf("Dial(%.40q): %s", ep, g.render(c))
		}
	}
}
