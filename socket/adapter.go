package socket

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/readiness"
)

// maxAdapterQueue bounds AdapterConfig.Queue, since the room is allocated when the adapter is made.
const maxAdapterQueue = 1 << 20

// AdapterConfig holds the options of an [Adapter]. The zero value, and nil, are the defaults. NewAdapter copies it.
type AdapterConfig struct {
	// Queue is how many received messages wait in the adapter before it stops receiving: from 1 to 1,048,576, about 50
	// bytes each, allocated at once; 0 is 1000. zmq4 holds ten more, and one per connection. REQ and REP have room for one.
	Queue int
	// Logger gets a debug record for each error of a peer. Default: quiet. Its handler must not close the adapter,
	// which waits for it.
	Logger *slog.Logger
}

// Adapter gives a socket of github.com/go-zeromq/zmq4 (zmq4.NewSub and so on) what poller, reactor and select need:
// messages on a channel, readiness, and an end that leaks nothing. All its methods may be called from any goroutine.
//
// The adapter receives, and closes the socket: from NewAdapter on, nobody else calls Recv or Close of it. Listen,
// Dial and SetOption are called on the socket as before. REQ and REP also send through the adapter, which has to know
// whose turn it is.
//
// Order and loss: messages come in the order in which the socket's Recv returned them. None is lost before the end; a
// full queue stops the receiving, so that zmq4 and TCP make the peers wait. A peer that goes, or breaks the protocol,
// is an error of zmq4's Recv: it is counted in Stats and the adapter goes on. Only the end of the socket itself (its
// context ended, or somebody closed it) ends the adapter as Close does. It is noticed when the adapter receives: not
// while its queue is full, nor while a REQ or REP is not waiting for a message; PUSH may notice it when it sends, and
// PUB does not.
//
// What the adapter cannot mend, as of zmq4 v0.17.0:
//   - PUSH and DEALER send each message to all peers, and what is sent while all peers are gone is lost without an error.
//   - A connection that comes is not told, and one that goes only as an error without a name; ROUTER, REP and XPUB do not
//     tell even that. A REQ whose peer went may send again; it does not look at its context, only at Close.
//   - PINGs are not answered, so a peer with heartbeats disconnects. The adapter counts and drops such commands.
//   - PUB and XPUB leave a goroutine behind; so do connections of zmq4's inproc transport, and a handshake that is under way
//     at the end, until its peer goes. A REQ that waits for a reply over inproc holds Close up until the reply comes.
//   - Its Close waits for a blocked write of ROUTER, PUB and XPUB if another peer has just gone.
//
// A socket made by [New] has none of these limits, and needs no adapter.
type Adapter struct {
	sock     zmq4.Socket
	typ      zmq4.SocketType
	log      *slog.Logger
	ch       chan zmq4.Msg // nil for PUSH and PUB; the pump is the only sender
	stop     chan struct{} // closed when the end has begun
	done     chan struct{}
	ending   sync.Once
	closeErr error         // of the socket's Close; written by ending
	turn     chan struct{} // held by the one who sends
	step     chan struct{} // pokes the pump of a REQ or REP: it may receive

	mu      sync.Mutex // guards all below, and closing ch
	phase   phase      // REQ and REP only
	cause   error      // what ended the socket, if it was not Close
	closing bool       // the end has begun
	ended   bool       // ch is closed
	cInUse  bool
	reader  *AdapterReader
	claimed chan struct{} // closed while there is a reader
	waiters readiness.Waiters
	stats   AdapterStats
}

var errNilSocket = errors.New("nil socket")

// NewAdapter takes over sock, and starts the goroutine that receives from it; PUSH and PUB have none. It does not
// block. The adapter must be closed. Errors, with which sock is left alone: ErrNotSupported for a *Socket of this
// package, which is used directly, and for a type that ZeroMQ does not have; ErrOption for a bad cfg; and one for
// nil.
func NewAdapter(sock zmq4.Socket, cfg *AdapterConfig) (*Adapter, error) {
	if sock == nil {
		return nil, opError("adapt", errNilSocket)
	}
	if _, ours := sock.(*Socket); ours {
		return nil, opError("adapt", fmt.Errorf("%w: a *socket.Socket needs no adapter: use it directly", ErrNotSupported))
	}
	if cfg == nil {
		cfg = &AdapterConfig{}
	}
	if cfg.Queue < 0 || cfg.Queue > maxAdapterQueue {
		return nil, opError("adapt",
			fmt.Errorf("%w: AdapterConfig.Queue is %d, want 0 (default) to %d", ErrOption, cfg.Queue, maxAdapterQueue))
	}
	a := &Adapter{
		sock: sock, typ: sock.Type(), log: cfg.Logger,
		stop: make(chan struct{}), done: make(chan struct{}),
		turn: make(chan struct{}, 1), step: make(chan struct{}, 1), claimed: make(chan struct{}),
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.typ == zmq4.Rep {
		a.phase = phaseReceive
	}
	switch {
	case !knownType(a.typ):
		return nil, opError("adapt", fmt.Errorf("%w: unknown socket type %q", ErrNotSupported, string(a.typ)))
	case a.typ == zmq4.Push || a.typ == zmq4.Pub:
		return a, nil
	case a.lockstep():
		a.ch = make(chan zmq4.Msg, 1)
	case cfg.Queue == 0:
		a.ch = make(chan zmq4.Msg, 1000)
	default:
		a.ch = make(chan zmq4.Msg, cfg.Queue)
	}
	go a.pump() // owner: the adapter; ends with the socket, and Close waits for it
	return a, nil
}

// Type returns the socket's type.
func (a *Adapter) Type() zmq4.SocketType { return a.typ }

// String names the adapter in errors and logs: "adapted PULL".
func (a *Adapter) String() string { return "adapted " + string(a.typ) }

// lockstep reports whether the type alternates between sending and receiving.
func (a *Adapter) lockstep() bool { return a.typ == zmq4.Req || a.typ == zmq4.Rep }

// Done returns a channel that is closed when the adapter has ended: the socket is closed, C's channel too.
func (a *Adapter) Done() <-chan struct{} { return a.done }

// Close closes the socket without flushing, drops what zmq4 still holds (counted in Stats), and returns when the
// adapter's goroutines have ended and those of zmq4 have nothing left to wait for. Messages in the adapter's queue
// stay readable. Calls that block return an error that matches ErrClosed. It returns the error of the socket's Close,
// and the same one when it is called again.
func (a *Adapter) Close() error {
	a.shutdown(nil)
	<-a.done
	a.turn <- struct{}{} // a send that was under way has returned
	<-a.turn
	return a.closeErr
}

// shutdown closes the socket, which ends a Recv and a Send that block. Later calls wait for the first one.
func (a *Adapter) shutdown(cause error) {
	a.ending.Do(func() {
		a.mu.Lock()
		a.closing, a.cause = true, cause
		a.mu.Unlock()
		close(a.stop)
		// A connection that its reader has just closed is no failure.
		if err := a.sock.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			a.closeErr = opError("close", err)
		}
		if a.ch == nil {
			a.finish()
		}
	})
}

// finish tells everyone that nothing comes any more.
func (a *Adapter) finish() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	if a.ch != nil {
		close(a.ch)
	}
	a.waiters.NotifyEnd()
	close(a.done)
}

// closedError is what a call on an ended adapter returns: it matches ErrClosed, and what ended the socket.
func (a *Adapter) closedError() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.closedErrorLocked()
}

func (a *Adapter) closedErrorLocked() error {
	if a.cause != nil {
		return fmt.Errorf("%w: %w", ErrClosed, a.cause)
	}
	return ErrClosed
}
