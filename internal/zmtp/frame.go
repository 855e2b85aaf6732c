package zmtp

import (
	"encoding/binary"
	"errors"
)

// Flags of a frame (RFC 23, section Framing), for AppendFrame.
const (
	FlagMore    = 0x1 // another frame of the same message follows
	flagLong    = 0x2 // the length has 8 bytes
	FlagCommand = 0x4 // a command, not a message

	flagCommand = FlagCommand
	longHeader  = 9
	shortHeader = 2
	shortMax    = 255
)

var (
	// ErrOversize reports a message that is larger than MaxMsgSize or has more frames than MaxFrames.
	ErrOversize = errors.New("zmtp: message too large")
	// ErrProtocol reports a frame or a command that breaks ZMTP.
	ErrProtocol = errors.New("zmtp: protocol violation")
)

// header is a frame's head: n bytes of body follow the size bytes of the header.
type header struct {
	flags byte
	size  int
	n     uint64
}

// parseHeader returns false while b is too short.
func parseHeader(b []byte) (h header, ok bool) {
	if len(b) < shortHeader {
		return h, false
	}
	if b[0]&flagLong == 0 {
		return header{b[0], shortHeader, uint64(b[1])}, true
	}
	if len(b) < longHeader {
		return h, false
	}
	return header{b[0], longHeader, binary.BigEndian.Uint64(b[1:])}, true
}

func appendHeader(dst []byte, flags byte, n int) []byte {
	if n <= shortMax {
		return append(dst, flags, byte(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, flags|flagLong), uint64(n))
}

func frameSize(n int) int {
	if n <= shortMax {
		return shortHeader + n
	}
	return longHeader + n
}

// AppendFrame appends a whole frame with the given flags (FlagMore or FlagCommand); the long form is chosen as needed.
func AppendFrame(dst []byte, flags byte, body []byte) []byte {
	return append(appendHeader(dst, flags, len(body)), body...)
}

// AppendMessage appends the frames of one message. A nil frame is an empty one; no frames append nothing.
func AppendMessage(dst []byte, frames [][]byte) []byte {
	for i, f := range frames {
		dst = AppendFrame(dst, moreFlag(i, len(frames)), f)
	}
	return dst
}

func moreFlag(i, n int) byte {
	if i < n-1 {
		return FlagMore
	}
	return 0
}

// EncodedSize returns how many bytes AppendMessage appends for frames.
func EncodedSize(frames [][]byte) int {
	n := 0
	for _, f := range frames {
		n += frameSize(len(f))
	}
	return n
}
