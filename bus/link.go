package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
	"zmqbus/reactor"
	"zmqbus/socket"
)

// Link connects a bus to others, and to any ZeroMQ peer: an export is a PUB socket, an import a SUB socket. Its methods
// may be called from any goroutine. It ends with Close or with its bus.
type Link struct {
	bus      *Bus
	cfg      socket.Config
	sock     *socket.Socket
	imports  bool
	endpoint atomic.Pointer[string] // as given, then as resolved

	routes              routeCache
	received, malformed atomic.Uint64
	paused              atomic.Bool
	messages            reactor.ID
	settled             chan struct{} // closed when nothing is read any more and nothing waits for room
	ended               chan struct{} // closed when the socket's last lifecycle event is in the hub
	closing             bool          // Close has begun; guarded by the bus's mu

	// Of the reactor's goroutine; undelivered is read after its end.
	standing    map[monitor.ConnID]monitor.Type // what a snapshot of the bus tells of this link: the last of its events
	warned      bool                            // that events were lost
	reconciling bool                            // reconcile is posted
	waiting     bool                            // an event waits for room in a subscription
	stopping    bool
	isSettled   bool
	undelivered bool           // the event that waited
	told        uint64         // malformed messages that were announced
	telling     bool           // a timer runs that announces the others
	culprit     monitor.ConnID // who sent the last of them
}

// LinkOption changes a link that Export or Import makes.
type LinkOption func(*socket.Config)

// WithSocket gives the link's socket a configuration of its own, in place of Config.Link, whose rules it follows. cfg is
// copied; nil means socket.Config's defaults.
func WithSocket(cfg *socket.Config) LinkOption {
	return func(c *socket.Config) {
		*c = socket.Config{}
		if cfg != nil {
			*c = *cfg
		}
	}
}

// Export offers what is published in this bus to any ZeroMQ SUB socket, as messages of two frames: topic and payload.
// An endpoint that starts with "@" is bound, with ">" connected (to a broker's XSUB, say), as in czmq; without either
// it is bound. "*" and port 0 are resolved: see Endpoint. A bus may have several exports; each gets everything, and
// sends each peer what it has subscribed to. A connected export connects, and connects again, in the background.
//
// Exports never block: what a slow peer's pipe has no room for (socket.Config.SendHWM) is dropped, counted in Stats,
// and told as DROPPED by Lifecycle. What imports receive is not exported.
//
// It blocks only as long as resolving a name takes. Errors: ErrClosed, ErrConfig, and those of socket.New and
// socket.Listen or socket.Dial, with libzmq's errno. (zmq_socket(3), zmq_bind(3), zmq_connect(3))
func (b *Bus) Export(endpoint string, opts ...LinkOption) (*Link, error) {
	l := &Link{bus: b, cfg: b.configFor(opts)}
	if err := l.open(endpoint, zmq4.Pub, '@'); err != nil {
		return nil, &OpError{"export", endpoint, err}
	}
	return l, nil
}

// Import delivers what any ZeroMQ PUB or XPUB socket publishes to the subscriptions of this bus: messages of two
// frames, topic and payload; others are dropped and counted as malformed. An endpoint that starts with ">" is
// connected, with "@" bound; without either it is connected. Upstream is subscribed to exactly the prefixes of this
// bus's subscriptions, as they come and go; a new connection is told them all.
//
// Each import is read by itself: one that waits for a subscription with policy Block is not read meanwhile, so that its
// publisher sees a slow subscriber, and no other import is delayed. Events of one import keep their order. What is
// imported is not exported again, so that no loop can arise; "zmqbus proxy" is the broker that fans out.
//
// It blocks only as long as resolving a name takes. Errors: as Export.
func (b *Bus) Import(endpoint string, opts ...LinkOption) (*Link, error) {
	l := &Link{bus: b, cfg: b.configFor(opts), imports: true}
	if err := l.open(endpoint, zmq4.Sub, '>'); err != nil {
		return nil, &OpError{"import", endpoint, err}
	}
	return l, nil
}

func (b *Bus) configFor(opts []LinkOption) socket.Config {
	cfg := b.linkConfig
	for _, opt := range opts {
		if opt != nil {
			opt(&cfg)
		}
	}
	if cfg.Logger == nil {
		cfg.Logger = b.log
	}
	cfg.InprocEvents = true // Lifecycle tells of every link
	return cfg
}

// validate refuses what a link cannot have.
func (l *Link) validate() error {
	switch {
	case l.cfg.NoDrop && !l.imports:
		return fmt.Errorf("%w: NoDrop: an export never blocks", ErrConfig)
	case l.cfg.Conflate:
		return fmt.Errorf("%w: Conflate: an event has two frames; see policy Latest", ErrConfig)
	case l.cfg.InvertMatching:
		return fmt.Errorf("%w: InvertMatching: prefixes say what a subscription gets", ErrConfig)
	}
	return nil
}

// open makes the socket, brings it into the bus, and binds or connects it.
func (l *Link) open(ep string, typ zmq4.SocketType, side byte) (err error) {
	if strings.HasPrefix(ep, "@") || strings.HasPrefix(ep, ">") {
		side, ep = ep[0], ep[1:]
	}
	l.endpoint.Store(&ep)
	l.settled, l.ended = make(chan struct{}), make(chan struct{})
	l.standing = map[monitor.ConnID]monitor.Type{}
	if err = l.validate(); err != nil {
		return err
	}
	if l.sock, err = socket.New(context.WithoutCancel(l.bus.parent), typ, &l.cfg); err != nil {
		return err
	}
	if err = l.bus.join(l); err != nil {
		_ = l.sock.Close() // it has no peers
		return err
	}
	if side == '@' {
		err = l.sock.Listen(ep)
	} else {
		err = l.sock.Dial(ep)
	}
	bound := l.sock.Endpoints()
	if errors.Is(err, socket.ErrClosed) || err == nil && len(bound) == 0 { // the bus has ended meanwhile, and the socket with it
		return l.bus.closedError()
	}
	if err != nil {
		_ = l.Close(context.Background()) // it has no peers, so there is nothing to wait for
		return err
	}
	l.endpoint.Store(&bound[0].Endpoint)
	return nil
}

// join brings a link into the bus. Its lifecycle is heard before it has any, and upstream subscriptions are set before
// there is a peer.
func (b *Bus) join(l *Link) (err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closing.Load() {
		return b.closedError()
	}
	if b.reactor == nil {
		cfg := &reactor.Config{Logger: b.log}
		if b.reactor, err = reactor.New(context.WithoutCancel(b.parent), cfg); err != nil {
			return err
		}
	}
	name := string(l.sock.Type()) + " " + l.Endpoint()
	if _, err := b.reactor.Handle(reactor.Named(reactor.LifecycleOf(l.sock, linkEvents), name+": lifecycle"), l.lifecycle); err != nil {
		return err
	}
	if l.imports {
		if l.messages, err = b.reactor.Handle(reactor.Named(reactor.Messages(l.sock), name), l.receive); err != nil {
			return err
		}
		for prefix := range b.wants {
			l.want(prefix, true)
		}
	}
	b.links = append(b.links, l)
	b.listExports()
	return nil
}

// listExports makes the list that publishers read. The caller holds mu.
func (b *Bus) listExports() {
	exports := []*Link{}
	for _, l := range b.links {
		if !l.imports && !l.closing {
			exports = append(exports, l)
		}
	}
	b.exports.Store(&exports)
}

// want follows the bus's subscriptions upstream.
func (l *Link) want(prefix string, on bool) {
	if !l.imports {
		return
	}
	// The socket keeps subscriptions for its connections, and only fails when it is closed.
	if on {
		_ = l.sock.Subscribe(prefix)
	} else {
		_ = l.sock.Unsubscribe(prefix)
	}
}

// Endpoint returns the endpoint, without "@" or ">": as really bound, when Export or Import has returned. For a wildcard
// it is the wildcard address and the port; events of its connections have the address that the peer connected to.
func (l *Link) Endpoint() string { return *l.endpoint.Load() }

// Import reports whether the link is an import.
func (l *Link) Import() bool { return l.imports }

// String returns "export" or "import" and the endpoint.
func (l *Link) String() string {
	if l.imports {
		return "import " + l.Endpoint()
	}
	return "export " + l.Endpoint()
}

// Close ends the link. An export flushes what it has queued, until its linger time is over or ctx ends; an import is
// not read any more, and what its socket had received is dropped, counted by the socket as "closed". The peers see the
// connections end. Errors: *socket.UnsentError, when not all could be sent; a nil ctx. It may be called again. Stats keeps
// what was counted.
func (l *Link) Close(ctx context.Context) error {
	if ctx == nil {
		return &OpError{"close", l.Endpoint(), errNilContext}
	}
	b := l.bus
	b.mu.Lock()
	l.closing = true
	b.listExports()
	b.mu.Unlock()
	l.stopReading()
	err := l.flush(ctx)
	b.mu.Lock() // only now: a bus that ends meanwhile has to wait for the link
	if i := slices.Index(b.links, l); i >= 0 {
		b.links = slices.Delete(b.links, i, i+1)
		if l.imports && !closed(l.settled) {
			b.settling = append(b.settling, l)
		}
	}
	b.mu.Unlock()
	return err
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Stats returns a snapshot of the link's counters. It does not block.
func (l *Link) Stats() LinkStats {
	return LinkStats{
		Endpoint: l.Endpoint(), Import: l.imports,
		Received: l.received.Load(), Malformed: l.malformed.Load(), Paused: l.paused.Load(),
		Socket: l.sock.Stats(),
	}
}

// wanted reports whether a peer of an export would get r's topic.
func (b *Bus) wanted(r *route) bool {
	for _, l := range *b.exports.Load() {
		if l.sock.Subscribers(r.frame) > 0 {
			return true
		}
	}
	return false
}

// send queues an event for the peers. It does not block. The error says why they did not get it; nil if the link was
// closed by itself, since nobody minds then.
func (l *Link) send(r *route, payload []byte) error {
	err := l.sock.Send(zmq4.NewMsgFrom(r.frame, payload))
	if !errors.Is(err, socket.ErrClosed) {
		return err
	}
	return l.bus.endError()
}
