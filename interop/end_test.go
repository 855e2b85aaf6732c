package interop

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
	lib "github.com/pebbe/zmq4"

	"zmqbus/socket"
)

// end is one side of a conversation, ours or libzmq's. Every method fails the test instead of returning an
// error. An end belongs to one goroutine.
type end interface {
	bind(ep string) string // the resolved endpoint
	connect(ep string)
	subscribe(prefix string)
	unsubscribe(prefix string)
	send(frames [][]byte)
	// trySend is false when the ROUTER does not know the peer yet.
	trySend(frames [][]byte) bool
	recv() [][]byte
	// tryRecv waits a tick; nil when nothing came.
	tryRecv() [][]byte
	// watch records the events of the socket from now on.
	watch() *history
	close()
}

// options are those that the tests set on either side.
type options struct {
	id        string // ROUTING_ID
	mandatory bool   // ROUTER_MANDATORY
}

func newEnd(t *testing.T, ours bool, typ zmq4.SocketType, o options) end {
	t.Helper()
	if ours {
		return newOurs(t, typ, &socket.Config{
			RoutingID: o.id, RouterMandatory: o.mandatory, Linger: socket.None,
			SendTimeout: patience, RecvTimeout: patience,
		})
	}
	return newLib(t, typ, o)
}

type ours struct {
	t       *testing.T
	channel bool // recv takes from C() instead of calling Recv
	*socket.Socket
}

func newOurs(t *testing.T, typ zmq4.SocketType, cfg *socket.Config) *ours {
	t.Helper()
	s, err := socket.New(t.Context(), typ, cfg)
	if err != nil {
		t.Fatalf("new %s: %v", typ, err)
	}
	o := &ours{t: t, Socket: s}
	t.Cleanup(func() { _ = s.Close() })
	return o
}

func (o *ours) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatalf("our %s: %v", o.Type(), err)
	}
}

func (o *ours) bind(ep string) string {
	o.t.Helper()
	o.must(o.Listen(ep))
	return o.Endpoints()[0].Endpoint
}

func (o *ours) connect(ep string)         { o.t.Helper(); o.must(o.Dial(ep)) }
func (o *ours) subscribe(prefix string)   { o.t.Helper(); o.must(o.Subscribe(prefix)) }
func (o *ours) unsubscribe(prefix string) { o.t.Helper(); o.must(o.Unsubscribe(prefix)) }
func (o *ours) close()                    { o.t.Helper(); o.must(o.Close()) }

func (o *ours) send(frames [][]byte) {
	o.t.Helper()
	o.must(o.Send(zmq4.NewMsgFrom(frames...)))
}

func (o *ours) trySend(frames [][]byte) bool {
	o.t.Helper()
	err := o.Send(zmq4.NewMsgFrom(frames...))
	if errors.Is(err, socket.ErrUnroutable) {
		return false
	}
	o.must(err)
	return true
}

func (o *ours) recv() [][]byte {
	o.t.Helper()
	if !o.channel {
		m, err := o.Recv()
		o.must(err)
		return m.Frames
	}
	select {
	case m, ok := <-o.C():
		if !ok {
			o.t.Fatalf("our %s: C() is closed", o.Type())
		}
		return m.Frames
	case <-time.After(patience):
		o.t.Fatalf("our %s: nothing in C() for %v", o.Type(), patience)
		return nil
	}
}

func (o *ours) tryRecv() [][]byte {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), tick)
	defer cancel()
	m, err := o.RecvContext(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	o.must(err)
	return m.Frames
}

// libEnd is a libzmq socket in a context of its own, so that closing it ends its connections.
type libEnd struct {
	t   *testing.T
	ctx *lib.Context
	s   *lib.Socket
	mon *lib.Socket // reads the events of s
	log *history
}

var libType = map[zmq4.SocketType]lib.Type{
	zmq4.Pub: lib.PUB, zmq4.Sub: lib.SUB, zmq4.XPub: lib.XPUB, zmq4.XSub: lib.XSUB, zmq4.Push: lib.PUSH,
	zmq4.Pull: lib.PULL, zmq4.Pair: lib.PAIR, zmq4.Req: lib.REQ, zmq4.Rep: lib.REP, zmq4.Dealer: lib.DEALER,
	zmq4.Router: lib.ROUTER,
}

func newLib(t *testing.T, typ zmq4.SocketType, o options) *libEnd {
	t.Helper()
	ctx, err := lib.NewContext()
	if err != nil {
		t.Fatal(err)
	}
	s, err := ctx.NewSocket(libType[typ])
	if err != nil {
		t.Fatal(err)
	}
	l := &libEnd{t: t, ctx: ctx, s: s}
	t.Cleanup(l.close)
	l.must(s.SetLinger(0))
	l.must(s.SetRcvtimeo(patience))
	l.must(s.SetSndtimeo(patience))
	if o.id != "" {
		l.must(s.SetIdentity(o.id))
	}
	if o.mandatory {
		l.must(s.SetRouterMandatory(1))
	}
	return l
}

func (l *libEnd) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatalf("libzmq's %v: %v", l.s, err)
	}
}

func (l *libEnd) bind(ep string) string {
	l.t.Helper()
	l.must(l.s.Bind(ep))
	last, err := l.s.GetLastEndpoint()
	l.must(err)
	return last
}

func (l *libEnd) connect(ep string) { l.t.Helper(); l.must(l.s.Connect(ep)) }

// subscribe goes through a message on XSUB, which has no option for it.
func (l *libEnd) subscribe(prefix string) {
	l.t.Helper()
	if typ, err := l.s.GetType(); err == nil && typ == lib.XSUB {
		l.send([][]byte{append([]byte{1}, prefix...)})
		return
	}
	l.must(l.s.SetSubscribe(prefix))
}

func (l *libEnd) unsubscribe(prefix string) { l.t.Helper(); l.must(l.s.SetUnsubscribe(prefix)) }

func (l *libEnd) send(frames [][]byte) {
	l.t.Helper()
	_, err := l.s.SendMessage(frames)
	l.must(err)
}

func (l *libEnd) trySend(frames [][]byte) bool {
	l.t.Helper()
	_, err := l.s.SendMessage(frames)
	if lib.AsErrno(err) == lib.Errno(syscall.EHOSTUNREACH) {
		return false
	}
	l.must(err)
	return true
}

func (l *libEnd) recv() [][]byte {
	l.t.Helper()
	m, err := l.s.RecvMessageBytes(0)
	l.must(err)
	return m
}

func (l *libEnd) tryRecv() [][]byte {
	l.t.Helper()
	p := lib.NewPoller()
	p.Add(l.s, lib.POLLIN)
	ready, err := p.Poll(tick)
	l.must(err)
	if len(ready) == 0 {
		return nil
	}
	return l.recv()
}

// close returns when libzmq has closed every descriptor; the history is complete then. A second call does nothing.
func (l *libEnd) close() {
	if l.ctx == nil {
		return
	}
	if err := l.s.Close(); err != nil {
		l.t.Errorf("libzmq's close: %v", err)
	}
	if l.mon != nil {
		l.log.finish()
		if err := l.mon.Close(); err != nil {
			l.t.Errorf("libzmq's close: %v", err)
		}
	}
	if err := l.ctx.Term(); err != nil {
		l.t.Errorf("libzmq's term: %v", err)
	}
	l.ctx = nil
}
