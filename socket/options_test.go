package socket

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
)

func TestOptionNames(t *testing.T) {
	names := OptionNames()
	if len(names) != len(optionTable) || !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("want %d sorted names without repeats, got %v", len(optionTable), names)
	}
	names[0] = "changed"
	if OptionNames()[0] == "changed" {
		t.Error("the slice is shared with other callers")
	}
}

func TestOptionSet(t *testing.T) {
	type text string
	tests := []struct {
		typ   zmq4.SocketType
		name  string
		value any
		want  Config
		get   any
	}{
		// Names.
		{zmq4.Push, "sndhwm", 10, Config{SendHWM: 10}, 10},
		{zmq4.Push, "SNDHWM", 10, Config{SendHWM: 10}, 10},
		{zmq4.Push, "ZMQ_SNDHWM", 10, Config{SendHWM: 10}, 10},
		{zmq4.Push, "zmq_sndhwm", 10, Config{SendHWM: 10}, 10},
		{zmq4.Dealer, "IDENTITY", "me", Config{RoutingID: "me"}, "me"},
		{zmq4.Router, "ZMQ_CONNECT_RID", "you", Config{ConnectRoutingID: "you"}, "you"},
		// Kinds of values.
		{zmq4.Push, "sndhwm", int8(7), Config{SendHWM: 7}, 7},
		{zmq4.Push, "sndhwm", uint64(7), Config{SendHWM: 7}, 7},
		{zmq4.Push, "sndhwm", " 7 ", Config{SendHWM: 7}, 7},
		{zmq4.Push, "sndhwm", text("7"), Config{SendHWM: 7}, 7},
		{zmq4.Push, "reconnect_stop", StopConnRefused | StopHandshakeFailed, Config{ReconnectStop: 3}, 3},
		{zmq4.Push, "linger", 10 * time.Second, Config{Linger: 10 * time.Second}, 10000},
		{zmq4.Push, "linger", "10s", Config{Linger: 10 * time.Second}, 10000},
		{zmq4.Push, "linger", "0s", Config{Linger: None}, 0},
		{zmq4.Push, "linger", time.Duration(0), Config{Linger: None}, 0},
		{zmq4.Push, "linger", time.Duration(Unlimited), Config{Linger: Unlimited}, -1},
		{zmq4.Push, "linger", "-1", Config{Linger: Unlimited}, -1},
		{zmq4.Push, "linger", 1500 * time.Microsecond, Config{Linger: 1500 * time.Microsecond}, 2},
		{zmq4.Push, "immediate", true, Config{Immediate: true}, 1},
		{zmq4.Push, "immediate", "True", Config{Immediate: true}, 1},
		{zmq4.Push, "immediate", "1", Config{Immediate: true}, 1},
		{zmq4.Push, "immediate", false, Config{}, 0},
		{zmq4.Push, "tcp_keepalive", true, Config{KeepAlive: KeepAlive{Mode: 1}}, 1},
		{zmq4.Push, "routing_id", []byte{1, 0, 255}, Config{RoutingID: "\x01\x00\xff"}, "\x01\x00\xff"},
		{zmq4.XPub, "xpub_welcome_msg", []byte("hi"), Config{XPubWelcome: []byte("hi")}, "hi"},
		{zmq4.XPub, "xpub_welcome_msg", "", Config{XPubWelcome: []byte{}}, ""},
		// libzmq's 0 and -1.
		{zmq4.Push, "sndhwm", 0, Config{SendHWM: None}, 0},
		{zmq4.Push, "rcvhwm", 0, Config{RecvHWM: None}, 0},
		{zmq4.Push, "sndtimeo", 0, Config{SendTimeout: None}, 0},
		{zmq4.Push, "rcvtimeo", -1, Config{RecvTimeout: Unlimited}, -1},
		{zmq4.Push, "reconnect_ivl", 0, Config{ReconnectInterval: None}, 0},
		{zmq4.Push, "reconnect_ivl", -1, Config{ReconnectInterval: Unlimited}, -1},
		{zmq4.Push, "reconnect_ivl_max", 0, Config{}, 0},
		{zmq4.Push, "handshake_ivl", 0, Config{HandshakeTimeout: None}, 0},
		{zmq4.Push, "heartbeat_timeout", 0, Config{HeartbeatTimeout: None}, 0},
		{zmq4.Push, "maxmsgsize", -1, Config{MaxMsgSize: Unlimited}, -1},
		{zmq4.Push, "maxmsgsize", int64(math.MaxInt64), Config{MaxMsgSize: math.MaxInt64}, math.MaxInt},
		{zmq4.Push, "backlog", 0, Config{Backlog: None}, 0},
		{zmq4.Push, "sndbuf", 0, Config{SendBuffer: None}, 0},
		{zmq4.Push, "rcvbuf", -1, Config{RecvBuffer: Unlimited}, -1},
		{zmq4.Push, "tcp_keepalive", 0, Config{KeepAlive: KeepAlive{Mode: None}}, 0},
		{zmq4.Push, "tcp_keepalive", -1, Config{}, -1},
		{zmq4.Push, "tcp_keepalive_idle", -1, Config{}, -1},
		{zmq4.Push, "max_frames", -1, Config{MaxFrames: Unlimited}, -1},
		{zmq4.Push, "recv_bytes", -1, Config{RecvBytes: Unlimited}, -1},
		{zmq4.Push, "max_subscriptions", -1, Config{MaxSubscriptions: Unlimited}, -1},
		// Units.
		{zmq4.Push, "linger", 250, Config{Linger: 250 * time.Millisecond}, 250},
		{zmq4.Push, "heartbeat_ttl", 299, Config{HeartbeatTTL: 299 * time.Millisecond}, 200},
		{zmq4.Push, "heartbeat_ttl", 6553599, Config{HeartbeatTTL: maxTTL}, 6553500},
		{zmq4.Push, "tcp_keepalive_idle", 60, Config{KeepAlive: KeepAlive{Idle: time.Minute}}, 60},
		{zmq4.Push, "tcp_keepalive_intvl", "1m", Config{KeepAlive: KeepAlive{Interval: time.Minute}}, 60},
		// Verbose and verboser overwrite each other.
		{zmq4.XPub, "xpub_verboser", 1, Config{XPubVerbose: true, XPubVerboser: true}, 1},
		{zmq4.XPub, "xpub_verbose", 1, Config{XPubVerbose: true}, 1},
	}
	for _, tt := range tests {
		var c Config
		if err := c.set(tt.typ, tt.name, tt.value); err != nil {
			t.Errorf("%s=%#v: %v", tt.name, tt.value, err)
			continue
		}
		if !reflect.DeepEqual(c, tt.want) {
			t.Errorf("%s=%#v: %+v, want %+v", tt.name, tt.value, c, tt.want)
		}
		if err := c.validate(tt.typ); err != nil {
			t.Errorf("%s=%#v: validate: %v", tt.name, tt.value, err)
		}
		if got, err := c.get(tt.name); err != nil || got != tt.get {
			t.Errorf("%s=%#v reads back %#v (%v), want %#v", tt.name, tt.value, got, err, tt.get)
		}
	}
}

func TestOptionVerboseAfterVerboser(t *testing.T) {
	c := Config{XPubVerbose: true, XPubVerboser: true}
	if err := c.set(zmq4.XPub, "xpub_verbose", 1); err != nil || !c.XPubVerbose || c.XPubVerboser {
		t.Errorf("%v %t %t, want verbose without verboser", err, c.XPubVerbose, c.XPubVerboser)
	}
}

func TestOptionErrors(t *testing.T) {
	tests := []struct {
		typ   zmq4.SocketType
		name  string
		value any
		want  []string
	}{
		{zmq4.Push, "", 1, []string{`"" is unknown`, "sndhwm"}},
		{zmq4.Push, "SndHwmm", 1, []string{`"SndHwmm" is unknown; known are backlog, conflate`, "xpub_welcome_msg"}},
		{zmq4.Push, "sndhwm", -1, []string{"sndhwm: -1 is out of range, want 0 to 2147483647"}},
		{zmq4.Push, "sndhwm", uint64(math.MaxUint64), []string{"sndhwm", "want 0 to 2147483647"}},
		{zmq4.Push, "sndhwm", int64(1) << 31, []string{"sndhwm: 2147483648 is out of range"}},
		{zmq4.Push, "sndhwm", "ten", []string{`"ten" is not a number`}},
		{zmq4.Push, "sndhwm", "1e3", []string{`"1e3" is not a number`}},
		{zmq4.Push, "sndhwm", "99999999999999999999", []string{"99999999999999999999"}},
		{zmq4.Push, "sndhwm", true, []string{"true is not a number"}},
		{zmq4.Push, "sndhwm", 1.5, []string{"1.5 is not a number"}},
		{zmq4.Push, "sndhwm", nil, []string{"nil"}},
		{zmq4.Push, "sndhwm", time.Second, []string{"1s is a time"}},
		{zmq4.Push, "sndhwm", []byte("1"), []string{"not a number"}},
		{zmq4.Push, "linger", -2, []string{"-2 is out of range, want 0 to 2147483647 ms or -1"}},
		{zmq4.Push, "linger", -time.Second, []string{"-1s is out of range"}},
		{zmq4.Push, "linger", 1000 * time.Hour, []string{"1000h0m0s is out of range"}},
		{zmq4.Push, "linger", "soon", []string{`"soon" is not a number`}},
		{zmq4.Push, "heartbeat_ttl", 6553600, []string{"want 0 to 6553599 ms"}},
		{zmq4.Push, "maxmsgsize", 0, []string{"0 is out of range, want 1 to"}},
		{zmq4.Push, "maxmsgsize", -5, []string{"-5 is out of range"}},
		{zmq4.Push, "max_pending", -1, []string{"-1 is out of range, want 1 to 2147483647"}},
		{zmq4.Push, "max_handshakes", 0, []string{"0 is out of range"}},
		{zmq4.Push, "tcp_keepalive", 2, []string{"want 0 to 1 or -1"}},
		{zmq4.Push, "tcp_keepalive_idle", 0, []string{"want 1 to 2147483647 s or -1"}},
		{zmq4.Push, "immediate", 2, []string{"2 is no switch"}},
		{zmq4.Push, "immediate", time.Second, []string{"is no switch"}},
		{zmq4.Push, "immediate", "yes", []string{`"yes" is no switch`}},
		{zmq4.Push, "immediate", nil, []string{"is no switch"}},
		{zmq4.Router, "router_mandatory", -1, []string{"-1 is no switch"}},
		{zmq4.Push, "routing_id", 7, []string{"7 (int), want a string or bytes"}},
		{zmq4.Push, "routing_id", "", []string{"empty id"}},
		{zmq4.Push, "router_mandatory", 1, []string{"router_mandatory is not an option of PUSH sockets, only of [ROUTER]"}},
		{zmq4.Pub, "xpub_verbose", 1, []string{"not an option of PUB sockets"}},
		{zmq4.Rep, "probe_router", 1, []string{"not an option of REP sockets"}},
	}
	for _, tt := range tests {
		c := Config{SendHWM: 1, RoutingID: "x"}
		err := c.set(tt.typ, tt.name, tt.value)
		if !errors.Is(err, ErrOption) || !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%s=%#v: %v, want ErrOption and EINVAL", tt.name, tt.value, err)
			continue
		}
		for _, part := range tt.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s=%#v: %q does not contain %q", tt.name, tt.value, err, part)
			}
		}
		if !reflect.DeepEqual(c, Config{SendHWM: 1, RoutingID: "x"}) {
			t.Errorf("%s=%#v failed and changed the Config: %+v", tt.name, tt.value, c)
		}
	}
	if v, err := (&Config{}).get("nonsense"); v != nil || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("get of an unknown option: %v, %v", v, err)
	}
}

// TestOptionSocketTypes checks every option against every socket type.
func TestOptionSocketTypes(t *testing.T) {
	all := []zmq4.SocketType{zmq4.Pair, zmq4.Pub, zmq4.Sub, zmq4.Req, zmq4.Rep, zmq4.Dealer, zmq4.Router, zmq4.Pull,
		zmq4.Push, zmq4.XPub, zmq4.XSub}
	limited := map[string][]zmq4.SocketType{
		"connect_routing_id": {zmq4.Router}, "router_mandatory": {zmq4.Router}, "router_handover": {zmq4.Router},
		"probe_router": {zmq4.Router, zmq4.Dealer, zmq4.Req}, "req_relaxed": {zmq4.Req}, "req_correlate": {zmq4.Req},
		"xpub_verbose": {zmq4.XPub}, "xpub_verboser": {zmq4.XPub}, "xpub_manual": {zmq4.XPub},
		"xpub_nodrop": {zmq4.XPub, zmq4.Pub}, "xpub_welcome_msg": {zmq4.XPub},
		"conflate": {zmq4.Push, zmq4.Pull, zmq4.Pub, zmq4.Sub, zmq4.Dealer},
	}
	for _, name := range OptionNames() {
		for _, typ := range all {
			want := limited[name] == nil || slices.Contains(limited[name], typ)
			var c Config
			if err := ParseOption(&c, typ, name+"=1"); (err == nil) != want {
				t.Errorf("%s on %s: %v, want ok %t", name, typ, err, want)
			}
		}
	}
}

func TestParseOption(t *testing.T) {
	var c Config
	for _, a := range []string{"sndhwm=10", "ZMQ_LINGER=-1", " rcvtimeo = 2s", "routing_id= a=b "} {
		if err := ParseOption(&c, zmq4.Dealer, a); err != nil {
			t.Fatal(err)
		}
	}
	want := Config{SendHWM: 10, Linger: Unlimited, RecvTimeout: 2 * time.Second, RoutingID: " a=b "}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, want %+v", c, want)
	}
}

func TestParseOptionErrors(t *testing.T) {
	for _, a := range []string{"", "=", "sndhwm", "sndhwm=", "sndhwm=x", "snd hwm=1", "nonsense=1", "xpub_manual=1",
		"conflate=1", "routing_id=\x00", "routing_id=" + strings.Repeat("x", 256)} {
		c := Config{SendHWM: 1}
		err := ParseOption(&c, zmq4.Req, a)
		if !errors.Is(err, ErrOption) || !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%q: %v, want ErrOption and EINVAL", a, err)
		} else if name, _, _ := strings.Cut(a, "="); !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v does not name its input", a, err)
		}
		if !reflect.DeepEqual(c, Config{SendHWM: 1}) {
			t.Errorf("%q failed and changed the Config: %+v", a, c)
		}
	}
	if err := ParseOption(nil, zmq4.Req, "sndhwm=1"); !errors.Is(err, ErrOption) {
		t.Errorf("nil Config: %v", err)
	}
}

// FuzzParseOption checks that no input panics, that a failure leaves the Config alone, and that what is accepted is
// valid and survives being read back and set again.
func FuzzParseOption(f *testing.F) {
	for _, name := range OptionNames() {
		f.Add(name+"=1", "ROUTER")
	}
	for _, a := range []string{"linger=-1", "linger=1.5ms", "heartbeat_ttl=99", "heartbeat_timeout=0", "ZMQ_IDENTITY=\xff",
		"maxmsgsize=9223372036854775807", "sndhwm=", "=", "linger=-1ns", "linger=2562047h47m16.854775807s"} {
		f.Add(a, "XPUB")
	}
	f.Fuzz(func(t *testing.T, assignment, typ string) {
		var c Config
		st := zmq4.SocketType(typ)
		if err := ParseOption(&c, st, assignment); err != nil {
			if !errors.Is(err, ErrOption) || !reflect.DeepEqual(c, Config{}) {
				t.Fatalf("%q: %v left %+v", assignment, err, c)
			}
			return
		}
		if err := c.validate(st); err != nil {
			t.Fatalf("%q was accepted and is not valid: %v", assignment, err)
		}
		c.settings()
		name, _, _ := strings.Cut(assignment, "=")
		name = strings.TrimSpace(name)
		first, err := c.get(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.set(st, name, first); err != nil {
			t.Fatalf("%q reads back as %#v, which cannot be set: %v", assignment, first, err)
		}
		if second, _ := c.get(name); second != first {
			t.Fatalf("%q reads back as %#v, then as %#v", assignment, first, second)
		}
	})
}
