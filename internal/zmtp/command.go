package zmtp

import (
	"encoding/binary"
	"fmt"
	"time"
)

const (
	maxPingContext = 16 // RFC 37: a PONG carries at most this much of the context
	tick           = 100 * time.Millisecond
)

// splitCommand splits the body of a command frame into name and body. Names of RFC 23 and 37 do not allocate.
func splitCommand(b []byte) (name string, body []byte, err error) {
	if len(b) == 0 || b[0] == 0 || int(b[0]) > len(b)-1 {
		return "", nil, fmt.Errorf("%w: malformed command name", ErrProtocol)
	}
	n := 1 + int(b[0])
	return intern(b[1:n]), b[n:len(b):len(b)], nil
}

func intern(name []byte) string {
	switch string(name) {
	case "PING":
		return "PING"
	case "PONG":
		return "PONG"
	case "SUBSCRIBE":
		return "SUBSCRIBE"
	case "CANCEL":
		return "CANCEL"
	case "READY":
		return "READY"
	case "ERROR":
		return "ERROR"
	}
	return string(name)
}

// ParsePing splits the body of a PING command into its time to live (0: none) and its context, cut to 16 bytes. The
// context shares memory with body. A body of less than 2 bytes is ErrProtocol. Follows RFC 37.
func ParsePing(body []byte) (ttl time.Duration, context []byte, err error) {
	if len(body) < 2 {
		return 0, nil, fmt.Errorf("%w: malformed PING", ErrProtocol)
	}
	ttl = time.Duration(binary.BigEndian.Uint16(body)) * tick
	end := min(len(body), 2+maxPingContext)
	return ttl, body[2:end:end], nil
}

// AppendPing appends a whole PING command frame. The time to live is rounded down to 100 ms and limited to 6553.5 s; the
// context is cut to 16 bytes. Follows RFC 37.
func AppendPing(dst []byte, ttl time.Duration, context []byte) []byte {
	context = context[:min(len(context), maxPingContext)]
	ds := uint16(min(max(ttl/tick, 0), 0xFFFF))
	dst = append(dst, flagCommand, byte(1+4+2+len(context)), 4, 'P', 'I', 'N', 'G')
	dst = binary.BigEndian.AppendUint16(dst, ds)
	return append(dst, context...)
}

// AppendPong appends a whole PONG command frame; the context is cut to 16 bytes. Follows RFC 37.
func AppendPong(dst, context []byte) []byte {
	context = context[:min(len(context), maxPingContext)]
	dst = append(dst, flagCommand, byte(1+4+len(context)), 4, 'P', 'O', 'N', 'G')
	return append(dst, context...)
}

// AppendCommand appends a whole command frame. The name has 1 to 255 bytes; a longer one is cut.
func AppendCommand(dst []byte, name string, body []byte) []byte {
	name = name[:min(len(name), 255)]
	dst = appendHeader(dst, flagCommand, 1+len(name)+len(body))
	dst = append(dst, byte(len(name)))
	dst = append(dst, name...)
	return append(dst, body...)
}
