package zmtp

import (
	"errors"
	"fmt"
	"net"
	"runtime/debug"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"
)

// Options are our side of a handshake.
type Options struct {
	Type     zmq4.SocketType     // required
	Identity zmq4.SocketIdentity // at most 255 bytes; empty for none
	Security zmq4.Security       // nil is NULL
	Server   bool                // passed to Security; NULL ignores it

	// OnGreeting, if set, is called once, on the goroutine of Handshake, when the whole greeting of the peer is there and
	// valid and before a command is read. It may block and may set deadlines; its error fails the handshake as NoDetail with
	// EAGAIN, and is wrapped.
	OnGreeting func() error
}

// Peer is what the handshake told about the other side.
type Peer struct {
	Type      zmq4.SocketType
	Identity  string            // empty for none
	Mechanism string            // "NULL", "PLAIN", ...
	Metadata  map[string]string // every property, Socket-Type and Identity included, names in title case
}

// Handshake exchanges greetings and the commands of the security mechanism on nc, reading through r, which must read from nc. It
// blocks until done, until the connection ends or its deadline passes, or until OnGreeting fails; closing nc from another
// goroutine ends it too. It neither closes nc nor changes its deadline. The error is always a *HandshakeError. Afterwards
// r holds whatever the peer sent next. Follows RFC 23.
func Handshake(nc net.Conn, r *Reader, o Options) (peer Peer, err error) {
	sec := o.Security
	if sec == nil {
		sec = null.Security()
	}
	g := &guard{Conn: nc, r: r, o: &o}
	defer func() {
		if p := recover(); p != nil {
			e := protocolError(ProtoZMTPUnspecified, fmt.Errorf("panic in handshake: %v\n%s", p, debug.Stack()))
			e.Panic = true
			peer, err = Peer{}, e
		}
	}()
	g.mechanism = string(sec.Type())
	conn, err := zmq4.Open(g, checkedSecurity{sec, o.Type}, o.Type, o.Identity, o.Server, nil)
	g.flush() // also after a failure: a mechanism may have written its reason
	switch {
	case err != nil:
		return Peer{}, g.failure(err)
	case g.werr != nil:
		return Peer{}, ioError(g.werr)
	}
	return Peer{
		Type:      zmq4.SocketType(conn.Peer.Meta[keySocketType]),
		Identity:  conn.Peer.Meta[keyIdentity],
		Mechanism: g.mechanism,
		Metadata:  conn.Peer.Meta,
	}, nil
}

// failure picks what to report after Open failed with err: what the guard saw, else what the mechanism says itself.
func (g *guard) failure(err error) error {
	if g.fail != nil {
		return g.fail
	}
	var he *HandshakeError
	if errors.As(err, &he) {
		return he
	}
	return protocolError(ProtoZMTPUnspecified, err)
}

// checkedSecurity checks the peer's socket type before Open does, which panics on an unknown one.
type checkedSecurity struct {
	zmq4.Security
	own zmq4.SocketType
}

// Handshake implements zmq4.Security.
func (s checkedSecurity) Handshake(c *zmq4.Conn, server bool) error {
	if err := s.Security.Handshake(c, server); err != nil {
		return err
	}
	if len(c.Peer.Meta[keyIdentity]) > 255 {
		return silentError("bad %s property", keyIdentity)
	}
	if err := checkType(c.Peer.Meta[keySocketType], s.own); err != nil {
		return err
	}
	return nil
}
