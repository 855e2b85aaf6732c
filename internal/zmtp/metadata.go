package zmtp

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/go-zeromq/zmq4"
)

const (
	keySocketType = "Socket-Type"
	keyIdentity   = "Identity"

	// maxProperties bounds what a connection keeps of its peer: 64 KiB of the shortest ones would be a map of 1 MiB.
	maxProperties = 256
)

var errMetadata = errors.New("malformed metadata")

// checkMetadata judges the properties of a READY or INITIATE command (RFC 23, section Metadata) for a socket of type own.
// Names are case-insensitive on the wire but not in zmq4, so the two that matter get their usual spelling in place.
func checkMetadata(body []byte, own zmq4.SocketType) *HandshakeError {
	var peer string
	var seenType, seenIdentity bool
	for count := 1; len(body) > 0; count++ {
		name, value, rest, ok := property(body)
		if !ok || count > maxProperties {
			return &HandshakeError{Failure: Silent, Err: errMetadata}
		}
		switch {
		case equalFold(name, keySocketType):
			if seenType {
				return silentError("two %s properties", keySocketType)
			}
			copy(name, keySocketType)
			peer, seenType = string(value), true
		case equalFold(name, keyIdentity):
			if seenIdentity || len(value) > 255 {
				return silentError("bad %s property", keyIdentity)
			}
			copy(name, keyIdentity)
			seenIdentity = true
		}
		body = rest
	}
	return checkType(peer, own)
}

// equalFold is ASCII only: a Unicode fold such as the long s would change the length.
func equalFold(name []byte, key string) bool {
	return len(name) == len(key) && strings.EqualFold(string(name), key)
}

// property splits the first property off b: name length, name, value length (32 bit), value.
func property(b []byte) (name, value, rest []byte, ok bool) {
	n := int(b[0])
	if n == 0 || len(b) < 1+n+4 {
		return nil, nil, nil, false
	}
	name, b = b[1:1+n], b[1+n:]
	v := binary.BigEndian.Uint32(b)
	if uint64(v) > uint64(len(b)-4) {
		return nil, nil, nil, false
	}
	return name, b[4 : 4+v], b[4+v:], true
}

// checkType fails unless peer is a known socket type that may talk to own.
func checkType(peer string, own zmq4.SocketType) *HandshakeError {
	t := zmq4.SocketType(peer)
	if !known(t) {
		return silentError("peer has unknown socket type %q", peer)
	}
	if !known(own) || !own.IsCompatible(t) {
		return silentError("peer's %s socket does not fit our %s", t, own)
	}
	return nil
}

// known guards zmq4's IsCompatible, which panics on any other type.
func known(t zmq4.SocketType) bool {
	switch t {
	case zmq4.Pair, zmq4.Pub, zmq4.Sub, zmq4.Req, zmq4.Rep, zmq4.Dealer, zmq4.Router, zmq4.Pull, zmq4.Push, zmq4.XPub, zmq4.XSub:
		return true
	}
	return false
}
