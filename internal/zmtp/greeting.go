package zmtp

import "errors"

const greetingLen = 64

// The libzmq numbers (ZMQ_PROTOCOL_ERROR_*) that a Protocol failure carries as its Value.
const (
	ProtoZMTPUnspecified    int64 = 0x1000_0000 // not ZMTP 3, or a failure without a number of its own
	ProtoUnexpectedCommand  int64 = 0x1000_0001 // a message or another command where READY was due
	ProtoMalformedCommand   int64 = 0x1000_0011 // a command whose frame or name is broken or too long
	ProtoMalformedError     int64 = 0x1000_0015 // a broken ERROR command
	ProtoMechanismMismatch  int64 = 0x1100_0002 // the peer's greeting names another mechanism
	maxHandshakeCommand           = 64 << 10    // bytes of one handshake command
	greetingVersion               = 10
	greetingMechanism             = 12
	greetingServer                = 32
	greetingMechanismLength       = 20
)

// checkGreeting judges the first len(b) bytes of a greeting (RFC 23, section Greeting), so that a stranger is turned away
// at its first wrong byte.
func checkGreeting(b []byte, mechanism string) *HandshakeError {
	if len(b) > 0 && b[0] != 0xFF || len(b) > 9 && b[9]&1 == 0 {
		return protocolError(ProtoZMTPUnspecified, errors.New("peer does not speak ZMTP"))
	}
	if len(b) > 9 && b[9] != 0x7F {
		return protocolError(ProtoZMTPUnspecified, errors.New("bad greeting signature"))
	}
	if len(b) > greetingVersion && b[greetingVersion] < 3 {
		return protocolError(ProtoZMTPUnspecified, errors.New("peer speaks ZMTP older than 3.0"))
	}
	for i := greetingMechanism; i < min(len(b), greetingMechanism+greetingMechanismLength); i++ {
		var want byte
		if j := i - greetingMechanism; j < len(mechanism) {
			want = mechanism[j]
		}
		if b[i] != want {
			return protocolError(ProtoMechanismMismatch, errors.New("peer uses another security mechanism"))
		}
	}
	if len(b) > greetingServer && b[greetingServer] > 1 {
		return protocolError(ProtoMechanismMismatch, errors.New("bad as-server byte"))
	}
	return nil
}
