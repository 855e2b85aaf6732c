package monitor

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestReasonsMatch(t *testing.T) {
	reasons := []error{ErrEOF, ErrReset, ErrTimeout, ErrOversize, ErrProtocol, ErrAuth, ErrLocal, ErrClosed}
	for _, r := range reasons {
		wrapped := fmt.Errorf("reading: %w", r)
		for _, other := range reasons {
			if got := errors.Is(wrapped, other); got != (r == other) {
				t.Errorf("%v matches %v: %v", r, other, got)
			}
		}
	}
	for r, std := range map[error]error{
		ErrEOF: io.EOF, ErrReset: syscall.ECONNRESET, ErrTimeout: os.ErrDeadlineExceeded, ErrClosed: net.ErrClosed,
	} {
		if !errors.Is(r, std) {
			t.Errorf("%v does not match %v", r, std)
		}
	}
}

func TestProtocolError(t *testing.T) {
	want := map[uint32]string{
		0x10000000: "ZMTP_UNSPECIFIED", 0x10000001: "ZMTP_UNEXPECTED_COMMAND", 0x10000002: "ZMTP_INVALID_SEQUENCE",
		0x10000003: "ZMTP_KEY_EXCHANGE", 0x10000011: "ZMTP_MALFORMED_COMMAND_UNSPECIFIED",
		0x10000012: "ZMTP_MALFORMED_COMMAND_MESSAGE", 0x10000013: "ZMTP_MALFORMED_COMMAND_HELLO",
		0x10000014: "ZMTP_MALFORMED_COMMAND_INITIATE", 0x10000015: "ZMTP_MALFORMED_COMMAND_ERROR",
		0x10000016: "ZMTP_MALFORMED_COMMAND_READY", 0x10000017: "ZMTP_MALFORMED_COMMAND_WELCOME",
		0x10000018: "ZMTP_INVALID_METADATA", 0x11000001: "ZMTP_CRYPTOGRAPHIC", 0x11000002: "ZMTP_MECHANISM_MISMATCH",
		0x20000000: "ZAP_UNSPECIFIED", 0x20000001: "ZAP_MALFORMED_REPLY", 0x20000002: "ZAP_BAD_REQUEST_ID",
		0x20000003: "ZAP_BAD_VERSION", 0x20000004: "ZAP_INVALID_STATUS_CODE", 0x20000005: "ZAP_INVALID_METADATA",
		0x30000000: "WS_UNSPECIFIED", 0x12345678: "0x12345678",
	}
	if len(protocolNames) != len(want)-1 {
		t.Errorf("%d names, want %d", len(protocolNames), len(want)-1)
	}
	for n, name := range want {
		p := ProtocolError(n)
		if p.String() != name || p.Error() != "protocol error "+name {
			t.Errorf("%#x: %s, %q; want %s", n, p, p.Error(), name)
		}
		if !errors.Is(p, ErrProtocol) || errors.Is(p, ErrAuth) {
			t.Errorf("%s: matches ErrProtocol %v, ErrAuth %v", p, errors.Is(p, ErrProtocol), errors.Is(p, ErrAuth))
		}
	}
	var p ProtocolError
	if !errors.As(fmt.Errorf("handshake: %w", ZAPBadVersion), &p) || p != ZAPBadVersion {
		t.Errorf("errors.As gives %v", p)
	}
}
