package socket

import (
	"log/slog"
	"math"
	"time"

	"github.com/go-zeromq/zmq4/transport"
)

// Defaults that are not the zero value. Those that differ from libzmq's are explained in docs/options.md.
const (
	defaultHWM               = 1000
	defaultLinger            = 5 * time.Second
	defaultReconnectInterval = 100 * time.Millisecond
	defaultHandshakeTimeout  = 30 * time.Second
	defaultMaxMsgSize        = 1 << 30
	defaultMaxFrames         = 65536
	defaultRecvBytes         = 256 << 20
	defaultMaxPending        = 4096
	defaultMaxHandshakes     = 512
	defaultMaxSubscriptions  = 1_000_000
	defaultBacklog           = 100

	// ttlStep is the unit in which a PING carries its TTL.
	ttlStep = 100 * time.Millisecond
)

// settings are the values of a validated Config as the socket uses them: plain numbers, no 0-means-default.
type settings struct {
	sendHWM, recvHWM                                  int           // math.MaxInt: no bound
	linger, sendTimeout, recvTimeout                  time.Duration // -1: for ever, 0: at once
	immediate, conflate                               bool
	routingID, connectRoutingID                       string
	routerMandatory, routerHandover, probeRouter      bool
	reqRelaxed, reqCorrelate                          bool
	xpubVerbose, xpubVerboser, xpubManual, noDrop     bool
	xpubWelcome                                       []byte
	invertMatching                                    bool
	reconnectInterval                                 time.Duration // <= 0: never
	reconnectIntervalMax                              time.Duration // 0: no growth
	reconnectStop                                     ReconnectStop
	connectTimeout, tcpMaxRT, handshakeTimeout        time.Duration // 0: off
	heartbeatInterval, heartbeatTimeout, heartbeatTTL time.Duration // 0: off; the TTL in steps of ttlStep
	maxMsgSize                                        int64         // -1: off
	maxFrames                                         int           // math.MaxInt: off
	recvBytes                                         int64         // math.MaxInt64: off
	maxPending, maxHandshakes                         int
	maxSubscriptions                                  int // math.MaxInt: off
	backlog                                           int
	sendBuffer, recvBuffer                            int       // 0: leave it to the operating system
	keepAlive                                         KeepAlive // Mode is 0 or 1
	ipv6                                              bool
	retryProtocolErrors, inprocEvents                 bool
	inproc                                            *Inproc // nil: the process-wide one
	transports                                        map[string]transport.Transport
	logger                                            *slog.Logger // never nil
}

// settings resolves the defaults of c, which must be valid. The result shares no memory that the caller may write to.
func (c *Config) settings() settings {
	own := c.clone()
	c = &own
	st := settings{
		immediate: c.Immediate, conflate: c.Conflate,
		routingID: c.RoutingID, connectRoutingID: c.ConnectRoutingID,
		routerMandatory: c.RouterMandatory, routerHandover: c.RouterHandover, probeRouter: c.ProbeRouter,
		reqRelaxed: c.ReqRelaxed, reqCorrelate: c.ReqCorrelate,
		xpubVerbose: c.XPubVerbose || c.XPubVerboser, xpubVerboser: c.XPubVerboser, xpubManual: c.XPubManual,
		noDrop: c.NoDrop, xpubWelcome: c.XPubWelcome, invertMatching: c.InvertMatching,
		reconnectStop: c.ReconnectStop, ipv6: c.IPv6,
		retryProtocolErrors: c.RetryProtocolErrors, inprocEvents: c.InprocEvents,
		inproc: c.Inproc, transports: c.Transports, logger: c.Logger,
	}
	if st.logger == nil {
		st.logger = slog.New(slog.DiscardHandler)
	}
	c.resolveTimes(&st)
	c.resolveLimits(&st)
	return st
}

func (c *Config) resolveTimes(st *settings) {
	st.linger = pick(c.Linger, defaultLinger, 0, -1)
	st.sendTimeout = pick(c.SendTimeout, -1, 0, -1)
	st.recvTimeout = pick(c.RecvTimeout, -1, 0, -1)
	st.reconnectInterval = pick(c.ReconnectInterval, defaultReconnectInterval, 0, -1)
	st.reconnectIntervalMax = pick(c.ReconnectIntervalMax, 0, 0, 0)
	st.connectTimeout = pick(c.ConnectTimeout, 0, 0, 0)
	st.tcpMaxRT = pick(c.TCPMaxRT, 0, 0, 0)
	st.handshakeTimeout = pick(c.HandshakeTimeout, defaultHandshakeTimeout, 0, 0)
	st.heartbeatInterval = pick(c.HeartbeatInterval, 0, 0, 0)
	st.heartbeatTimeout = pick(c.HeartbeatTimeout, st.heartbeatInterval, 0, 0)
	st.heartbeatTTL = pick(c.HeartbeatTTL, 0, 0, 0).Truncate(ttlStep)
}

func (c *Config) resolveLimits(st *settings) {
	st.sendHWM = pick(c.SendHWM, defaultHWM, math.MaxInt, math.MaxInt)
	st.recvHWM = pick(c.RecvHWM, defaultHWM, math.MaxInt, math.MaxInt)
	st.maxMsgSize = pick(c.MaxMsgSize, defaultMaxMsgSize, -1, -1)
	st.maxFrames = pick(c.MaxFrames, defaultMaxFrames, math.MaxInt, math.MaxInt)
	st.recvBytes = pick(c.RecvBytes, defaultRecvBytes, math.MaxInt64, math.MaxInt64)
	st.maxPending = pick(c.MaxPending, defaultMaxPending, defaultMaxPending, defaultMaxPending)
	st.maxHandshakes = pick(c.MaxHandshakes, defaultMaxHandshakes, defaultMaxHandshakes, defaultMaxHandshakes)
	st.maxSubscriptions = pick(c.MaxSubscriptions, defaultMaxSubscriptions, math.MaxInt, math.MaxInt)
	st.backlog = pick(c.Backlog, defaultBacklog, 0, 0)
	// 1 byte asks for the smallest buffer: some systems refuse 0, all raise 1 to their minimum.
	st.sendBuffer = pick(c.SendBuffer, 0, 1, 0)
	st.recvBuffer = pick(c.RecvBuffer, 0, 1, 0)
	st.keepAlive = c.KeepAlive
	st.keepAlive.Mode = pick(c.KeepAlive.Mode, 0, 0, 0)
}

// pick resolves one field: 0 to def, None to none, Unlimited to unlimited. validate has refused what a field does not take.
func pick[T int | int64 | time.Duration](v, def, none, unlimited T) T {
	switch v {
	case 0:
		return def
	case None:
		return none
	case Unlimited:
		return unlimited
	}
	return v
}
