package socket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zeromq/zmq4"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"zmqbus/internal/readiness"
	"zmqbus/monitor"
)

// Socket is a ZeroMQ socket. All its methods may be called from any goroutine. It must be closed, by Close,
// CloseContext, or the end of the context given to New.
type Socket struct {
	typ zmq4.SocketType
	hub monitor.Hub
	log *slog.Logger

	ctx    context.Context // ends when the socket is dead: everything that waits waits for it
	cancel context.CancelCauseFunc
	parent context.Context // New's
	unhook func() bool     // stops watching parent

	group        errgroup.Group // accept, dial and connection loops, pumps
	monitorGroup sync.WaitGroup // forwarders of Monitor: they end after the last event
	loggers      sync.WaitGroup // drainLogs
	writers      sync.WaitGroup // the pipes' transient writers
	handshakes   *semaphore.Weighted
	stopping     chan struct{} // closed when Close begins
	done         chan struct{} // closed when all has ended
	closeErr     error         // set before done is closed

	mu                        sync.Mutex // guards all below, and everything in pipes, endpoints and connections
	cfg                       Config
	st                        settings
	pat                       pattern
	in, out                   rotation
	endpoints                 []*endpoint
	conns                     map[monitor.ConnID]*conn // after their handshake
	pending                   []*conn                  // accepted, greeting not complete, oldest first
	queuedBytes, partialBytes int64                    // of whole messages in inbound queues, and of those still arriving
	overdraft                 *conn                    // the one connection that may exceed RecvBytes, so that some message completes
	stalls                    *time.Timer              // runs while read loops wait for bytes: watchStalls
	stats                     counters
	drops                     dropNotes
	rand                      *rand.Rand
	monitors                  map[string]*monitorPair
	unsent                    UnsentError
	closing                   bool // Close has begun: no call is taken
	hurry                     bool // the linger is over
	dead                      bool // linger is over: nothing is written any more

	sendWait     waitlist // callers that wait for room
	recvWait     waitlist // callers that wait for a message
	byteWait     waitlist // read loops that wait for bytes to be freed
	flushed      waitlist // Close, waiting for pipes to be flushed
	peersChanged waitlist // WaitPeers

	logs    []logRecord // for the user's handler, which is called without the lock
	logging bool        // drainLogs runs

	popped item // what a caller of Recv takes with it: a local would be an allocation

	c        chan zmq4.Msg     // C's channel; nil until asked for
	offering bool              // the pump offers a message on an unbuffered c
	reader   *Reader           // who alone reads the socket; nil: anybody
	waiters  readiness.Waiters // pollers and reactors
	label    string            // name, once the endpoints are gone
	outC     chan zmq4.Msg     // Out's channel; nil until asked for

	polled atomic.Bool // somebody has waited for readiness: the pump, which holds no lock, looks at it
}

var _ zmq4.Socket = (*Socket)(nil)

var lastConnID atomic.Uint64

// newConnID names a connection or a listener. Ids are unique in the process, so that events of several sockets can be
// merged.
func newConnID() monitor.ConnID { return monitor.ConnID(lastConnID.Add(1)) }

// New makes a socket of the given type. A nil cfg means the defaults; cfg is copied. When ctx is cancelled the socket
// closes at once, without flushing: what was dropped is counted, and calls then return an error that matches ErrClosed
// and context.Cause(ctx). A program that wants to flush on a signal passes context.Background and calls CloseContext.
// It returns an error that names the field when cfg is not valid (zmq_socket(3), zmq_setsockopt(3)).
func New(ctx context.Context, typ zmq4.SocketType, cfg *Config) (*Socket, error) {
	if ctx == nil {
		return nil, &OpError{Op: "new", Err: errNilContext}
	}
	if cfg == nil {
		cfg = &Config{}
	}
	if !knownType(typ) {
		return nil, &OpError{Op: "new", Err: fmt.Errorf("%w: unknown socket type %q", ErrOption, string(typ))}
	}
	if err := cfg.validate(typ); err != nil {
		return nil, &OpError{Op: "new", Err: err}
	}
	s := &Socket{
		typ: typ, parent: ctx,
		stopping: make(chan struct{}), done: make(chan struct{}),
		cfg: cfg.clone(), st: cfg.settings(),
		in: rotation{direction: inbound}, out: rotation{direction: outbound},
		conns:    map[monitor.ConnID]*conn{},
		monitors: map[string]*monitorPair{},
		rand:     rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
	}
	s.log = s.st.logger
	s.handshakes = semaphore.NewWeighted(int64(s.st.maxHandshakes))
	s.stats.reasons = map[string]uint64{}
	s.pat = newPattern(s)
	s.ctx, s.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	// The goroutine that AfterFunc starts belongs to the socket; it runs one shutdown and ends.
	s.unhook = context.AfterFunc(ctx, func() { _ = s.shutdown(ctx) })
	return s, nil
}

var errNilContext = errors.New("nil context")

func knownType(t zmq4.SocketType) bool {
	switch t {
	case zmq4.Pair, zmq4.Pub, zmq4.Sub, zmq4.Req, zmq4.Rep, zmq4.Dealer, zmq4.Router, zmq4.Pull, zmq4.Push, zmq4.XPub, zmq4.XSub:
		return true
	}
	return false
}

// Type returns the socket's type.
func (s *Socket) Type() zmq4.SocketType { return s.typ }

// String names the socket for errors and logs: its type and its first endpoint.
func (s *Socket) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.name()
}

func (s *Socket) name() string {
	switch {
	case s.label != "":
		return s.label
	case len(s.endpoints) > 0:
		return string(s.typ) + " " + s.endpoints[0].resolved
	}
	return string(s.typ)
}

// Done returns a channel that is closed when the socket has ended: every goroutine of it is gone.
func (s *Socket) Done() <-chan struct{} { return s.done }

// Addr returns the address of the newest listener that stands, nil when there is none.
func (s *Socket) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.endpoints) - 1; i >= 0; i-- {
		if e := s.endpoints[i]; e.bound && e.state == Bound {
			return e.netAddr()
		}
	}
	return nil
}

// closedError is what a call on a closed socket returns: it matches ErrClosed and, when a context ended the socket, its
// cause.
func (s *Socket) closedError() error {
	if cause := context.Cause(s.parent); cause != nil {
		return fmt.Errorf("%w: %w", ErrClosed, cause)
	}
	return ErrClosed
}

// Subscribe asks for messages that start with prefix; "" is all. Subscriptions are counted: as many Unsubscribe calls
// end it. It returns at once; publishers are told in the background, again after each reconnect. On XPUB with
// XPubManual it subscribes the peer whose subscription Recv gave last (ErrState when there was none, or C is in use). Other types return ErrNotSupported. (ZMQ_SUBSCRIBE)
func (s *Socket) Subscribe(prefix string) error {
	return s.changeSubscription("subscribe", prefix, true)
}

// Unsubscribe takes back one Subscribe of the same prefix; an unknown one is ignored. (ZMQ_UNSUBSCRIBE)
func (s *Socket) Unsubscribe(prefix string) error {
	return s.changeSubscription("unsubscribe", prefix, false)
}

func (s *Socket) changeSubscription(op, prefix string, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return &OpError{Op: op, Err: s.closedError()}
	}
	switch pat := s.pat.(type) {
	case *subscriber:
		if on {
			pat.subscribe(prefix)
		} else {
			pat.unsubscribe(prefix)
		}
		return nil
	case *publisher:
		if pat.xpub && s.st.xpubManual {
			if err := pat.answer(on, prefix); err != nil {
				return &OpError{Op: op, Err: err}
			}
			return nil
		}
	}
	return &OpError{Op: op, Err: fmt.Errorf("%w: %s", ErrNotSupported, s.typ)}
}
