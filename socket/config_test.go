package socket

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/transport"
	"github.com/google/go-cmp/cmp"
)

// defaultSettings is what the zero Config means, written out independently of the code.
func defaultSettings() settings {
	return settings{
		sendHWM: 1000, recvHWM: 1000,
		linger: 5 * time.Second, sendTimeout: -1, recvTimeout: -1,
		reconnectInterval: 100 * time.Millisecond,
		handshakeTimeout:  30 * time.Second,
		maxMsgSize:        1 << 30,
		maxFrames:         65536,
		recvBytes:         256 << 20,
		maxPending:        4096,
		maxHandshakes:     512,
		maxSubscriptions:  1_000_000,
		backlog:           100,
	}
}

func diffSettings(want, got settings) string {
	got.logger = nil
	return cmp.Diff(want, got, cmp.AllowUnexported(settings{}), cmp.Comparer(func(a, b *Inproc) bool { return a == b }))
}

func TestSettings(t *testing.T) {
	inproc := new(Inproc)
	tests := []struct {
		name string
		cfg  *Config
		edit func(st *settings)
	}{
		{"nil", nil, func(*settings) {}},
		{"zero", &Config{}, func(*settings) {}},
		{"none", &Config{
			SendHWM: None, RecvHWM: None, Linger: None, SendTimeout: None, RecvTimeout: None,
			ReconnectInterval: None, ReconnectIntervalMax: None, ConnectTimeout: None, TCPMaxRT: None,
			HandshakeTimeout: None, HeartbeatInterval: None, HeartbeatTimeout: None, HeartbeatTTL: None,
			Backlog: None, SendBuffer: None, RecvBuffer: None, KeepAlive: KeepAlive{Mode: None},
		}, func(st *settings) {
			st.sendHWM, st.recvHWM = math.MaxInt, math.MaxInt
			st.linger, st.sendTimeout, st.recvTimeout = 0, 0, 0
			st.reconnectInterval, st.handshakeTimeout = 0, 0
			st.backlog, st.sendBuffer, st.recvBuffer = 0, 1, 1
		}},
		{"unlimited", &Config{
			SendHWM: Unlimited, RecvHWM: Unlimited, Linger: Unlimited, SendTimeout: Unlimited, RecvTimeout: Unlimited,
			ReconnectInterval: Unlimited, MaxMsgSize: Unlimited, MaxFrames: Unlimited, RecvBytes: Unlimited,
			MaxSubscriptions: Unlimited, SendBuffer: Unlimited, RecvBuffer: Unlimited,
		}, func(st *settings) {
			st.sendHWM, st.recvHWM = math.MaxInt, math.MaxInt
			st.linger, st.reconnectInterval = -1, -1
			st.maxMsgSize, st.maxFrames, st.recvBytes, st.maxSubscriptions = -1, math.MaxInt, math.MaxInt64, math.MaxInt
		}},
		{"times", &Config{
			Linger: 1, SendTimeout: 2, RecvTimeout: 3, ReconnectInterval: 4, ReconnectIntervalMax: 5, ConnectTimeout: 6,
			TCPMaxRT: 7, HandshakeTimeout: 8, HeartbeatInterval: 9, HeartbeatTimeout: 10, HeartbeatTTL: 299 * time.Millisecond,
			KeepAlive: KeepAlive{Mode: 1, Idle: 11, Interval: 12, Count: 13},
		}, func(st *settings) {
			st.linger, st.sendTimeout, st.recvTimeout, st.reconnectInterval, st.reconnectIntervalMax = 1, 2, 3, 4, 5
			st.connectTimeout, st.tcpMaxRT, st.handshakeTimeout, st.heartbeatInterval, st.heartbeatTimeout = 6, 7, 8, 9, 10
			st.heartbeatTTL = 200 * time.Millisecond
			st.keepAlive = KeepAlive{Mode: 1, Idle: 11, Interval: 12, Count: 13}
		}},
		{"heartbeat timeout follows the interval", &Config{HeartbeatInterval: time.Second}, func(st *settings) {
			st.heartbeatInterval, st.heartbeatTimeout = time.Second, time.Second
		}},
		{"verboser is verbose too", &Config{XPubVerboser: true}, func(st *settings) {
			st.xpubVerbose, st.xpubVerboser = true, true
		}},
		{"heartbeat without timeout", &Config{HeartbeatInterval: time.Second, HeartbeatTimeout: None}, func(st *settings) {
			st.heartbeatInterval = time.Second
		}},
		{"numbers", &Config{
			SendHWM: 1, RecvHWM: 2, MaxMsgSize: 3, MaxFrames: 4, RecvBytes: 5, MaxPending: 6, MaxHandshakes: 7,
			MaxSubscriptions: 8, Backlog: 9, SendBuffer: 10, RecvBuffer: 11, ReconnectStop: StopAfterDisconnect,
		}, func(st *settings) {
			st.sendHWM, st.recvHWM, st.maxMsgSize, st.maxFrames, st.recvBytes = 1, 2, 3, 4, 5
			st.maxPending, st.maxHandshakes, st.maxSubscriptions = 6, 7, 8
			st.backlog, st.sendBuffer, st.recvBuffer, st.reconnectStop = 9, 10, 11, StopAfterDisconnect
		}},
		{"switches and bytes", &Config{
			Immediate: true, Conflate: true, RoutingID: "a", ConnectRoutingID: "b", RouterMandatory: true,
			RouterHandover: true, ProbeRouter: true, ReqRelaxed: true, ReqCorrelate: true, XPubVerbose: true,
			XPubVerboser: true, XPubManual: true, NoDrop: true, XPubWelcome: []byte("w"), InvertMatching: true,
			IPv6: true, RetryProtocolErrors: true, InprocEvents: true, Inproc: inproc,
		}, func(st *settings) {
			st.immediate, st.conflate, st.routingID, st.connectRoutingID, st.routerMandatory = true, true, "a", "b", true
			st.routerHandover, st.probeRouter, st.reqRelaxed, st.reqCorrelate, st.xpubVerbose = true, true, true, true, true
			st.xpubVerboser, st.xpubManual, st.noDrop, st.xpubWelcome, st.invertMatching = true, true, true, []byte("w"), true
			st.ipv6, st.retryProtocolErrors, st.inprocEvents, st.inproc = true, true, true, inproc
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.cfg.validate(zmq4.Dealer); err != nil {
				t.Fatalf("validate: %v", err)
			}
			want := defaultSettings()
			tt.edit(&want)
			if d := diffSettings(want, tt.cfg.settings()); d != "" {
				t.Errorf("settings (-want +got):\n%s", d)
			}
		})
	}
}

// TestSettingsCarryEveryField fails when a field is added to Config and forgotten in settings.
func TestSettingsCarryEveryField(t *testing.T) {
	if c, s := reflect.TypeFor[Config]().NumField(), reflect.TypeFor[settings]().NumField(); c != s {
		t.Errorf("Config has %d fields, settings %d", c, s)
	}
	for f := range reflect.TypeFor[Config]().Fields() {
		match := func(name string) bool { return strings.EqualFold(name, f.Name) }
		if _, ok := reflect.TypeFor[settings]().FieldByNameFunc(match); !ok {
			t.Errorf("Config.%s has no counterpart in settings", f.Name)
		}
	}
}

func TestSettingsLogger(t *testing.T) {
	if got := (&Config{}).settings().logger; got == nil || got.Enabled(t.Context(), slog.LevelError) {
		t.Errorf("default logger is %v, want a quiet one", got)
	}
	own := slog.New(slog.NewTextHandler(io.Discard, nil))
	if got := (&Config{Logger: own}).settings().logger; got != own {
		t.Error("the caller's logger was replaced")
	}
}

// TestConfigIsCopied checks the promise that the caller may change its Config after New.
func TestConfigIsCopied(t *testing.T) {
	cfg := &Config{XPubWelcome: []byte("hello"), Transports: map[string]transport.Transport{"tcp": transport.New("tcp")}}
	st, twin := cfg.settings(), cfg.clone()
	cfg.XPubWelcome[0] = 'J'
	delete(cfg.Transports, "tcp")
	if string(st.xpubWelcome) != "hello" || len(st.transports) != 1 {
		t.Errorf("settings changed with the Config: %q, %v", st.xpubWelcome, st.transports)
	}
	if string(twin.XPubWelcome) != "hello" || len(twin.Transports) != 1 {
		t.Errorf("the clone changed with the Config: %q, %v", twin.XPubWelcome, twin.Transports)
	}
	if empty := (*Config)(nil).clone(); !reflect.DeepEqual(empty, Config{}) {
		t.Errorf("clone of nil is %+v", empty)
	}
}

func TestValidateErrors(t *testing.T) {
	long := strings.Repeat("x", 256)
	tests := []struct {
		cfg  Config
		want string // in the error, beside the field's name
	}{
		{Config{SendHWM: -3}, "SendHWM is -3"},
		{Config{RecvHWM: -1000}, "RecvHWM is -1000"},
		{Config{Linger: -3}, "Linger is -3ns"},
		{Config{SendTimeout: -time.Second}, "SendTimeout is -1s"},
		{Config{RecvTimeout: -time.Second}, "RecvTimeout is -1s"},
		{Config{ReconnectInterval: -time.Second}, "ReconnectInterval is -1s"},
		{Config{ReconnectIntervalMax: Unlimited}, "ReconnectIntervalMax is Unlimited"},
		{Config{ConnectTimeout: Unlimited}, "ConnectTimeout is Unlimited"},
		{Config{TCPMaxRT: -time.Second}, "TCPMaxRT is -1s"},
		{Config{HandshakeTimeout: Unlimited}, "HandshakeTimeout is Unlimited, want 0 (default) or more, None"},
		{Config{HeartbeatInterval: Unlimited}, "HeartbeatInterval is Unlimited"},
		{Config{HeartbeatTimeout: Unlimited}, "HeartbeatTimeout is Unlimited"},
		{Config{HeartbeatTTL: Unlimited}, "HeartbeatTTL is Unlimited"},
		{Config{HeartbeatTTL: maxTTL + 1}, "HeartbeatTTL is 1h49m13.599000001s, want at most 1h49m13.599s"},
		{Config{MaxMsgSize: None}, "MaxMsgSize is None, want 0 (default) or more, Unlimited"},
		{Config{MaxFrames: None}, "MaxFrames is None"},
		{Config{RecvBytes: None}, "RecvBytes is None"},
		{Config{MaxPending: Unlimited}, "MaxPending is Unlimited"},
		{Config{MaxHandshakes: None}, "MaxHandshakes is None"},
		{Config{MaxSubscriptions: None}, "MaxSubscriptions is None"},
		{Config{Backlog: Unlimited}, "Backlog is Unlimited"},
		{Config{SendBuffer: -3}, "SendBuffer is -3"},
		{Config{RecvBuffer: -3}, "RecvBuffer is -3"},
		{Config{KeepAlive: KeepAlive{Mode: 2}}, "KeepAlive.Mode is 2"},
		{Config{KeepAlive: KeepAlive{Mode: Unlimited}}, "KeepAlive.Mode is Unlimited"},
		{Config{KeepAlive: KeepAlive{Idle: None}}, "KeepAlive.Idle is None"},
		{Config{KeepAlive: KeepAlive{Interval: -time.Second}}, "KeepAlive.Interval is -1s"},
		{Config{KeepAlive: KeepAlive{Count: Unlimited}}, "KeepAlive.Count is Unlimited"},
		{Config{ReconnectStop: 8}, "ReconnectStop is 8"},
		{Config{ReconnectStop: -1}, "ReconnectStop is -1"},
		{Config{RoutingID: long}, "RoutingID is 256 bytes long, want at most 255"},
		{Config{RoutingID: "\x00a"}, `RoutingID is "\x00a"`},
		{Config{ConnectRoutingID: long}, "ConnectRoutingID is 256 bytes long"},
		{Config{ConnectRoutingID: "\x00"}, `ConnectRoutingID is "\x00"`},
		{Config{Transports: map[string]transport.Transport{"tcp": nil}}, `Transports is "tcp"`},
		{Config{Transports: map[string]transport.Transport{"": transport.New("tcp")}}, `Transports is ""`},
		{Config{Transports: map[string]transport.Transport{"a://": transport.New("tcp")}}, `Transports is "a://"`},
	}
	for _, tt := range tests {
		before := tt.cfg.clone()
		err := tt.cfg.validate(zmq4.Router)
		if err == nil || !strings.Contains(err.Error(), "Config."+tt.want) {
			t.Errorf("validate: %v, want it to contain %q", err, tt.want)
			continue
		}
		if !errors.Is(err, ErrOption) || !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%v matches neither ErrOption nor EINVAL", err)
		}
		if !reflect.DeepEqual(before, tt.cfg) {
			t.Errorf("validate edited its Config: %+v", tt.cfg)
		}
	}
}

func TestValidateLimits(t *testing.T) {
	good := []Config{
		{RoutingID: strings.Repeat("x", 255), ConnectRoutingID: "a\x00"},
		{HeartbeatTTL: maxTTL},
		{ReconnectStop: StopConnRefused | StopHandshakeFailed | StopAfterDisconnect},
		{SendHWM: math.MaxInt, Linger: math.MaxInt64, MaxMsgSize: math.MaxInt64},
		{XPubWelcome: bytes.Repeat([]byte{0}, 1<<20)},
		{Transports: map[string]transport.Transport{"tcp": transport.New("tcp")}},
		// Options of other socket types are ignored.
		{XPubManual: true, ReqRelaxed: true, NoDrop: true},
	}
	for _, cfg := range good {
		if err := cfg.validate(zmq4.Router); err != nil {
			t.Errorf("validate: %v", err)
		}
	}
}

func TestValidateConflate(t *testing.T) {
	tests := map[zmq4.SocketType]bool{
		zmq4.Push: true, zmq4.Pull: true, zmq4.Pub: true, zmq4.Sub: true, zmq4.Dealer: true,
		zmq4.Router: false, zmq4.Req: false, zmq4.Rep: false, zmq4.Pair: false, zmq4.XPub: false, zmq4.XSub: false,
	}
	for typ, ok := range tests {
		err := (&Config{Conflate: true}).validate(typ)
		if (err == nil) != ok {
			t.Errorf("%s: %v, want ok %t", typ, err, ok)
		}
		if err != nil && (!strings.Contains(err.Error(), "Conflate") || !strings.Contains(err.Error(), string(typ))) {
			t.Errorf("%s: %v does not name field and type", typ, err)
		}
	}
}
