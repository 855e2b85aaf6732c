package socket

import (
	"errors"
	"math"
	"time"

	"github.com/go-zeromq/zmq4"
)

// maxCInt is the largest number of most options, which are ints in C.
const maxCInt = math.MaxInt32

// The kinds of numbers that several options share.
var (
	// hwmCount: 0 is no limit.
	hwmCount = numberRange{max: maxCInt, def: defaultHWM, zero: None, neg: notTaken}
	// timeOrOff is a time that is off by default and with 0.
	timeOrOff = numberRange{unit: time.Millisecond, max: maxCInt, neg: notTaken}
	// timeOrEver is a timeout: for ever by default and with -1, 0 at once.
	timeOrEver = numberRange{unit: time.Millisecond, max: maxCInt, def: -1, zero: None, neg: Unlimited}
	// bufferSize: -1 leaves it to the operating system.
	bufferSize = numberRange{max: maxCInt, def: -1, zero: None, neg: Unlimited}
	// probeCount and probeTime: -1 leaves it to the operating system. libzmq takes 0 too, which the kernel
	// refuses later, on each connection.
	probeCount = numberRange{max: maxCInt, def: -1, zero: notTaken, neg: 0}
	probeTime  = numberRange{unit: time.Second, max: maxCInt, def: -1, zero: notTaken, neg: 0}
)

var (
	onROUTER = []zmq4.SocketType{zmq4.Router}
	onREQ    = []zmq4.SocketType{zmq4.Req}
	onXPUB   = []zmq4.SocketType{zmq4.XPub}
	onPUBs   = []zmq4.SocketType{zmq4.XPub, zmq4.Pub}
	onProbes = []zmq4.SocketType{zmq4.Router, zmq4.Dealer, zmq4.Req}
)

// optionTable has every option, in the order of docs/options.md: libzmq's by the numbers of zmq_setsockopt(3), as
// measured on 4.3.4, and last our own.
var optionTable = []option{
	numberOption("sndhwm", hwmCount, func(c *Config) *int { return &c.SendHWM }),
	numberOption("rcvhwm", hwmCount, func(c *Config) *int { return &c.RecvHWM }),
	numberOption("linger", numberRange{unit: time.Millisecond, max: maxCInt, def: int64(defaultLinger / time.Millisecond),
		zero: None, neg: Unlimited}, func(c *Config) *time.Duration { return &c.Linger }),
	numberOption("sndtimeo", timeOrEver, func(c *Config) *time.Duration { return &c.SendTimeout }),
	numberOption("rcvtimeo", timeOrEver, func(c *Config) *time.Duration { return &c.RecvTimeout }),
	strictSwitch("immediate", func(c *Config) *bool { return &c.Immediate }),
	strictSwitch("conflate", func(c *Config) *bool { return &c.Conflate }),

	idOption("routing_id", nil, func(c *Config) *string { return &c.RoutingID }),
	idOption("connect_routing_id", onROUTER, func(c *Config) *string { return &c.ConnectRoutingID }),
	lenientSwitch("router_mandatory", onROUTER, func(c *Config) *bool { return &c.RouterMandatory }),
	lenientSwitch("router_handover", onROUTER, func(c *Config) *bool { return &c.RouterHandover }),
	lenientSwitch("probe_router", onProbes, func(c *Config) *bool { return &c.ProbeRouter }),
	lenientSwitch("req_relaxed", onREQ, func(c *Config) *bool { return &c.ReqRelaxed }),
	lenientSwitch("req_correlate", onREQ, func(c *Config) *bool { return &c.ReqCorrelate }),

	// The verbose options overwrite each other in libzmq: one turns unsubscriptions off, the other sets both.
	verboseSwitch("xpub_verbose", func(c *Config) *bool { return &c.XPubVerbose },
		func(c *Config, on bool) { c.XPubVerbose, c.XPubVerboser = on, false }),
	verboseSwitch("xpub_verboser", func(c *Config) *bool { return &c.XPubVerboser },
		func(c *Config, on bool) { c.XPubVerbose, c.XPubVerboser = on, on }),
	lenientSwitch("xpub_manual", onXPUB, func(c *Config) *bool { return &c.XPubManual }),
	lenientSwitch("xpub_nodrop", onPUBs, func(c *Config) *bool { return &c.NoDrop }),
	welcomeOption("xpub_welcome_msg"),
	switchOption("invert_matching", nil, math.MinInt32, maxCInt, func(c *Config) *bool { return &c.InvertMatching }),

	numberOption("reconnect_ivl", numberRange{unit: time.Millisecond, max: maxCInt,
		def: int64(defaultReconnectInterval / time.Millisecond), zero: None, neg: Unlimited},
		func(c *Config) *time.Duration { return &c.ReconnectInterval }),
	numberOption("reconnect_ivl_max", timeOrOff, func(c *Config) *time.Duration { return &c.ReconnectIntervalMax }),
	numberOption("reconnect_stop", numberRange{max: int64(StopConnRefused | StopHandshakeFailed | StopAfterDisconnect),
		neg: notTaken}, func(c *Config) *ReconnectStop { return &c.ReconnectStop }),
	numberOption("connect_timeout", timeOrOff, func(c *Config) *time.Duration { return &c.ConnectTimeout }),
	numberOption("tcp_maxrt", timeOrOff, func(c *Config) *time.Duration { return &c.TCPMaxRT }),
	numberOption("handshake_ivl", numberRange{unit: time.Millisecond, max: maxCInt,
		def: int64(defaultHandshakeTimeout / time.Millisecond), zero: None, neg: notTaken},
		func(c *Config) *time.Duration { return &c.HandshakeTimeout }),
	numberOption("heartbeat_ivl", timeOrOff, func(c *Config) *time.Duration { return &c.HeartbeatInterval }),
	// -1 is what libzmq's default reads back as, and what it refuses to set.
	numberOption("heartbeat_timeout", numberRange{unit: time.Millisecond, max: maxCInt, def: -1, zero: None, neg: notTaken},
		func(c *Config) *time.Duration { return &c.HeartbeatTimeout }),
	numberOption("heartbeat_ttl", numberRange{unit: time.Millisecond, max: int64(maxTTL / time.Millisecond), neg: notTaken,
		step: int64(ttlStep / time.Millisecond)}, func(c *Config) *time.Duration { return &c.HeartbeatTTL }),

	numberOption("maxmsgsize", numberRange{max: math.MaxInt64, def: defaultMaxMsgSize, zero: notTaken, neg: Unlimited},
		func(c *Config) *int64 { return &c.MaxMsgSize }),
	numberOption("backlog", numberRange{max: maxCInt, def: defaultBacklog, zero: None, neg: notTaken},
		func(c *Config) *int { return &c.Backlog }),
	numberOption("sndbuf", bufferSize, func(c *Config) *int { return &c.SendBuffer }),
	numberOption("rcvbuf", bufferSize, func(c *Config) *int { return &c.RecvBuffer }),
	numberOption("tcp_keepalive", numberRange{max: 1, def: -1, zero: None, neg: 0},
		func(c *Config) *int { return &c.KeepAlive.Mode }),
	numberOption("tcp_keepalive_idle", probeTime, func(c *Config) *time.Duration { return &c.KeepAlive.Idle }),
	numberOption("tcp_keepalive_intvl", probeTime, func(c *Config) *time.Duration { return &c.KeepAlive.Interval }),
	numberOption("tcp_keepalive_cnt", probeCount, func(c *Config) *int { return &c.KeepAlive.Count }),
	strictSwitch("ipv6", func(c *Config) *bool { return &c.IPv6 }),

	numberOption("max_frames", numberRange{max: maxCInt, def: defaultMaxFrames, zero: notTaken, neg: Unlimited},
		func(c *Config) *int { return &c.MaxFrames }),
	numberOption("recv_bytes", numberRange{max: math.MaxInt64, def: defaultRecvBytes, zero: notTaken, neg: Unlimited},
		func(c *Config) *int64 { return &c.RecvBytes }),
	numberOption("max_pending", numberRange{max: maxCInt, def: defaultMaxPending, zero: notTaken, neg: notTaken},
		func(c *Config) *int { return &c.MaxPending }),
	numberOption("max_handshakes", numberRange{max: maxCInt, def: defaultMaxHandshakes, zero: notTaken, neg: notTaken},
		func(c *Config) *int { return &c.MaxHandshakes }),
	numberOption("max_subscriptions", numberRange{max: maxCInt, def: defaultMaxSubscriptions, zero: notTaken, neg: Unlimited},
		func(c *Config) *int { return &c.MaxSubscriptions }),
	strictSwitch("retry_protocol_errors", func(c *Config) *bool { return &c.RetryProtocolErrors }),
	strictSwitch("inproc_events", func(c *Config) *bool { return &c.InprocEvents }),
}

// numberOption is an option for all socket types whose field holds a number or a time.
func numberOption[T ~int | ~int64](name string, n numberRange, ref func(*Config) *T) option {
	return option{
		name: name,
		set: func(c *Config, value any) error {
			v, err := n.toField(value)
			if err == nil {
				*ref(c) = T(v)
			}
			return err
		},
		get: func(c *Config) any { return n.fromField(int64(*ref(c))) },
	}
}

// strictSwitch is a switch for all socket types that takes 0 and 1 only.
func strictSwitch(name string, ref func(*Config) *bool) option {
	return switchOption(name, nil, 0, 1, ref)
}

// lenientSwitch is a switch of some socket types for which every number above 0 is on.
func lenientSwitch(name string, types []zmq4.SocketType, ref func(*Config) *bool) option {
	return switchOption(name, types, 0, maxCInt, ref)
}

func switchOption(name string, types []zmq4.SocketType, least, most int64, ref func(*Config) *bool) option {
	return option{
		name:  name,
		types: types,
		set: func(c *Config, value any) error {
			on, err := toBool(value, least, most)
			if err == nil {
				*ref(c) = on
			}
			return err
		},
		get: func(c *Config) any { return fromBool(*ref(c)) },
	}
}

// verboseSwitch is a lenient switch of XPUB that sets more than its own field.
func verboseSwitch(name string, ref func(*Config) *bool, apply func(c *Config, on bool)) option {
	o := lenientSwitch(name, onXPUB, ref)
	o.set = func(c *Config, value any) error {
		on, err := toBool(value, 0, maxCInt)
		if err == nil {
			apply(c, on)
		}
		return err
	}
	return o
}

// idOption is an option that holds a routing id. An empty one is refused, as in libzmq.
func idOption(name string, types []zmq4.SocketType, ref func(*Config) *string) option {
	return option{
		name:  name,
		types: types,
		set: func(c *Config, value any) error {
			id, err := toBytes(value)
			if err != nil {
				return err
			}
			if id == "" {
				return errors.New("an empty id, want 1 to 255 bytes")
			}
			*ref(c) = id
			return nil
		},
		get: func(c *Config) any { return *ref(c) },
	}
}

// welcomeOption is the option for XPubWelcome. The slice is replaced, never written to: copies of a Config may share it.
func welcomeOption(name string) option {
	return option{
		name:  name,
		types: onXPUB,
		set: func(c *Config, value any) error {
			text, err := toBytes(value)
			if err == nil {
				c.XPubWelcome = []byte(text)
			}
			return err
		},
		get: func(c *Config) any { return string(c.XPubWelcome) },
	}
}
