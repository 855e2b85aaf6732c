package socket

import (
	"errors"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/go-zeromq/zmq4"
)

// measured is what zmq_setsockopt and zmq_getsockopt of libzmq 4.3.4 answered on Linux: option, default as read back ("-"
// where it cannot be read), then for each number of measuredNumbers "E" for EINVAL, the number read back, or "k" for
// accepted where it cannot be read.
const measured = `
sndhwm 1000 | E E 0 1 2 99 150 6553599 6553600 2147483647
rcvhwm 1000 | E E 0 1 2 99 150 6553599 6553600 2147483647
linger -1 | E -1 0 1 2 99 150 6553599 6553600 2147483647
sndtimeo -1 | E -1 0 1 2 99 150 6553599 6553600 2147483647
rcvtimeo -1 | E -1 0 1 2 99 150 6553599 6553600 2147483647
immediate 0 | E E 0 1 E E E E E E
conflate 0 | E E 0 1 E E E E E E
router_mandatory - | E E k k k k k k k k
router_handover - | E E k k k k k k k k
probe_router - | E E k k k k k k k k
req_relaxed - | E E k k k k k k k k
req_correlate - | E E k k k k k k k k
xpub_verbose - | E E k k k k k k k k
xpub_verboser - | E E k k k k k k k k
xpub_manual - | E E k k k k k k k k
xpub_nodrop - | E E k k k k k k k k
invert_matching 0 | 1 1 0 1 1 1 1 1 1 1
reconnect_ivl 100 | E -1 0 1 2 99 150 6553599 6553600 2147483647
reconnect_ivl_max 0 | E E 0 1 2 99 150 6553599 6553600 2147483647
reconnect_stop 0 | -2 -1 0 1 2 99 150 6553599 6553600 2147483647
connect_timeout 0 | E E 0 1 2 99 150 6553599 6553600 2147483647
handshake_ivl 30000 | E E 0 1 2 99 150 6553599 6553600 2147483647
heartbeat_ivl 0 | E E 0 1 2 99 150 6553599 6553600 2147483647
heartbeat_timeout -1 | E E 0 1 2 99 150 6553599 6553600 2147483647
heartbeat_ttl 0 | 0 0 0 0 0 0 100 6553500 E E
backlog 100 | E E 0 1 2 99 150 6553599 6553600 2147483647
sndbuf -1 | E -1 0 1 2 99 150 6553599 6553600 2147483647
rcvbuf -1 | E -1 0 1 2 99 150 6553599 6553600 2147483647
tcp_keepalive -1 | E -1 0 1 E E E E E E
tcp_keepalive_idle -1 | E -1 0 1 2 99 150 6553599 6553600 2147483647
tcp_keepalive_intvl -1 | E -1 0 1 2 99 150 6553599 6553600 2147483647
tcp_keepalive_cnt -1 | E -1 0 1 2 99 150 6553599 6553600 2147483647
tcp_maxrt 0 | E E 0 1 2 99 150 6553599 6553600 2147483647
ipv6 0 | E E 0 1 E E E E E E
`

var measuredNumbers = []int{-2, -1, 0, 1, 2, 99, 150, 6553599, 6553600, 2147483647}

// differs lists where we answer otherwise on purpose; docs/options.md says why. The values are our answers, as in measured.
var differs = map[string]map[int]string{
	"reconnect_stop":      {-2: "E", -1: "E", 99: "E", 150: "E", 6553599: "E", 6553600: "E", 2147483647: "E"},
	"heartbeat_ttl":       {-2: "E", -1: "E"},
	"tcp_keepalive_idle":  {0: "E"},
	"tcp_keepalive_intvl": {0: "E"},
	"tcp_keepalive_cnt":   {0: "E"},
}

// differentDefaults are read back by a new socket of ours where libzmq's has another.
var differentDefaults = map[string]int{"linger": 5000}

func TestOptionsAnswerAsLibzmq(t *testing.T) {
	for line := range strings.Lines(strings.TrimSpace(measured)) {
		head, answers, _ := strings.Cut(line, " | ")
		name, def, _ := strings.Cut(head, " ")
		t.Run(name, func(t *testing.T) {
			checkMeasuredDefault(t, name, def)
			for i, want := range strings.Fields(answers) {
				checkMeasured(t, name, measuredNumbers[i], want)
			}
		})
	}
}

func checkMeasuredDefault(t *testing.T, name, def string) {
	want, err := strconv.Atoi(def)
	if other, ok := differentDefaults[name]; ok {
		want = other
	} else if err != nil {
		want = 0 // all options that libzmq does not read back are off by default
	}
	if got, err := (&Config{}).get(name); err != nil || got != want {
		t.Errorf("default is %v (%v), want %d", got, err, want)
	}
}

func checkMeasured(t *testing.T, name string, number int, want string) {
	if other, ok := differs[name][number]; ok {
		want = other
	}
	var c Config
	typ := typeFor(t, name)
	if name == "conflate" {
		typ = zmq4.Push
	}
	err := c.set(typ, name, number)
	if err == nil {
		err = c.validate(typ)
	}
	got, getErr := c.get(name)
	switch {
	case getErr != nil:
		t.Fatal(getErr)
	case want == "E":
		if !errors.Is(err, syscall.EINVAL) || !errors.Is(err, ErrOption) || !strings.Contains(err.Error(), name) {
			t.Errorf("set %d: %v, want EINVAL and the name", number, err)
		}
		return
	case want == "k":
		want = strconv.Itoa(min(number, 1))
	}
	if err != nil {
		t.Errorf("set %d: %v", number, err)
	} else if strconv.Itoa(got.(int)) != want {
		t.Errorf("set %d reads back %v, want %s", number, got, want)
	}
}

// typeFor returns a socket type that has the option.
func typeFor(t *testing.T, name string) zmq4.SocketType {
	t.Helper()
	o, err := findOption(name)
	if err != nil {
		t.Fatal(err)
	}
	if o.types == nil {
		return zmq4.Pair
	}
	return o.types[0]
}
