package monitor

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

// ErrClosed is what [Stream.Next] returns after a stream's last event. It matches net.ErrClosed.
var ErrClosed error = &reason{"monitor: stream closed", net.ErrClosed}

// Reasons in [Event.Err], to test for with errors.Is; often wrapped with what is known besides. They carry no package
// prefix, since they are read in the middle of an event.
var (
	// ErrEOF: the peer closed the connection in order. It matches io.EOF.
	ErrEOF error = &reason{"peer closed the connection", io.EOF}
	// ErrReset: the connection was reset. It matches syscall.ECONNRESET.
	ErrReset error = &reason{"connection reset", syscall.ECONNRESET}
	// ErrTimeout: a connect, handshake or heartbeat deadline passed. It matches os.ErrDeadlineExceeded.
	ErrTimeout error = &reason{"timed out", os.ErrDeadlineExceeded}
	// ErrOversize: the peer sent more than a message, a frame count or a command may have.
	ErrOversize error = &reason{"message too large", nil}
	// ErrProtocol: the peer broke the protocol. Every ProtocolError matches it.
	ErrProtocol error = &reason{"protocol error", nil}
	// ErrAuth: the peer was not authenticated, or did not authenticate us.
	ErrAuth error = &reason{"authentication failed", nil}
	// ErrLocal: this side ended it.
	ErrLocal error = &reason{"closed locally", nil}
)

// reason is a sentinel that also matches the standard library's error for the same thing.
type reason struct {
	text string
	also error // nil when there is none
}

func (r *reason) Error() string { return r.text }

func (r *reason) Unwrap() error { return r.also }

// ProtocolError is libzmq's ZMQ_PROTOCOL_ERROR_*, the value of HANDSHAKE_FAILED_PROTOCOL. As an error it matches
// [ErrProtocol].
type ProtocolError uint32

// Protocol errors by the layer that found them: ZMTP, ZAP, WebSocket.
const (
	ZMTPUnspecified                 ProtocolError = 0x10000000
	ZMTPUnexpectedCommand           ProtocolError = 0x10000001
	ZMTPInvalidSequence             ProtocolError = 0x10000002
	ZMTPKeyExchange                 ProtocolError = 0x10000003
	ZMTPMalformedCommandUnspecified ProtocolError = 0x10000011
	ZMTPMalformedCommandMessage     ProtocolError = 0x10000012
	ZMTPMalformedCommandHello       ProtocolError = 0x10000013
	ZMTPMalformedCommandInitiate    ProtocolError = 0x10000014
	ZMTPMalformedCommandError       ProtocolError = 0x10000015
	ZMTPMalformedCommandReady       ProtocolError = 0x10000016
	ZMTPMalformedCommandWelcome     ProtocolError = 0x10000017
	ZMTPInvalidMetadata             ProtocolError = 0x10000018
	ZMTPCryptographic               ProtocolError = 0x11000001
	ZMTPMechanismMismatch           ProtocolError = 0x11000002
	ZAPUnspecified                  ProtocolError = 0x20000000
	ZAPMalformedReply               ProtocolError = 0x20000001
	ZAPBadRequestID                 ProtocolError = 0x20000002
	ZAPBadVersion                   ProtocolError = 0x20000003
	ZAPInvalidStatusCode            ProtocolError = 0x20000004
	ZAPInvalidMetadata              ProtocolError = 0x20000005
	WSUnspecified                   ProtocolError = 0x30000000
)

var protocolNames = map[ProtocolError]string{
	ZMTPUnspecified:                 "ZMTP_UNSPECIFIED",
	ZMTPUnexpectedCommand:           "ZMTP_UNEXPECTED_COMMAND",
	ZMTPInvalidSequence:             "ZMTP_INVALID_SEQUENCE",
	ZMTPKeyExchange:                 "ZMTP_KEY_EXCHANGE",
	ZMTPMalformedCommandUnspecified: "ZMTP_MALFORMED_COMMAND_UNSPECIFIED",
	ZMTPMalformedCommandMessage:     "ZMTP_MALFORMED_COMMAND_MESSAGE",
	ZMTPMalformedCommandHello:       "ZMTP_MALFORMED_COMMAND_HELLO",
	ZMTPMalformedCommandInitiate:    "ZMTP_MALFORMED_COMMAND_INITIATE",
	ZMTPMalformedCommandError:       "ZMTP_MALFORMED_COMMAND_ERROR",
	ZMTPMalformedCommandReady:       "ZMTP_MALFORMED_COMMAND_READY",
	ZMTPMalformedCommandWelcome:     "ZMTP_MALFORMED_COMMAND_WELCOME",
	ZMTPInvalidMetadata:             "ZMTP_INVALID_METADATA",
	ZMTPCryptographic:               "ZMTP_CRYPTOGRAPHIC",
	ZMTPMechanismMismatch:           "ZMTP_MECHANISM_MISMATCH",
	ZAPUnspecified:                  "ZAP_UNSPECIFIED",
	ZAPMalformedReply:               "ZAP_MALFORMED_REPLY",
	ZAPBadRequestID:                 "ZAP_BAD_REQUEST_ID",
	ZAPBadVersion:                   "ZAP_BAD_VERSION",
	ZAPInvalidStatusCode:            "ZAP_INVALID_STATUS_CODE",
	ZAPInvalidMetadata:              "ZAP_INVALID_METADATA",
	WSUnspecified:                   "WS_UNSPECIFIED",
}

// String returns libzmq's name without its ZMQ_PROTOCOL_ERROR_ prefix, or the number if it has none.
func (p ProtocolError) String() string {
	if name, ok := protocolNames[p]; ok {
		return name
	}
	return fmt.Sprintf("%#x", uint32(p))
}

// Error is String after the words "protocol error".
func (p ProtocolError) Error() string { return "protocol error " + p.String() }

// Is reports that every protocol error is an [ErrProtocol].
func (p ProtocolError) Is(target error) bool { return target == ErrProtocol }

var errNilContext = errors.New("monitor: nil context")
