package zmtp

import (
	"fmt"

	"github.com/go-zeromq/zmq4"
)

const (
	// DefaultMaxMsgSize and DefaultMaxFrames are what NewDecoder sets.
	DefaultMaxMsgSize = 1 << 30
	DefaultMaxFrames  = 65_536

	maxBatch      = 256
	maxCommand    = 64 << 10
	frameOverhead = 32 // counted for each frame after the first on top of its body, so that empty frames are bounded too
	maxGather     = 16 // frames of a multipart message that are decoded in one go
)

// Decoder turns the bytes of one connection into messages and commands. Set the fields before the first ReadBatch. It is
// used by one goroutine at a time. Errors of the protocol are final; errors of the connection, such as a passed read deadline,
// are not: ReadBatch may be called again and goes on where it was.
type Decoder struct {
	MaxMsgSize int64 // bytes of a whole message, each frame after the first counting 32 more; negative is no limit
	MaxFrames  int   // frames of a message as it came, without Prefix; 0 or negative is no limit

	// Prefix, when not nil, is put in front of every message as a frame of its own. All messages share its bytes.
	Prefix []byte

	// Reserve, if set, is called before an incomplete message takes more than its first 64 KiB, with the bytes that it is about
	// to take on top of that (each frame counting 32 more), in steps of at least 64 KiB. It may block; an error ends the connection.
	// What is reserved belongs to the message: see Pending.
	Reserve func(n int) error

	// Command, if set, is called for each command frame, on the goroutine of ReadBatch: after the messages before it were
	// returned, before those behind it are, and before the one that it stands inside of (libzmq sends PING and PONG there too).
	// The body is valid during the call only. An error ends the connection.
	Command func(name string, body []byte) error

	r       *Reader
	err     error // final
	part    partial
	handled bool // a command was handled in this ReadBatch
}

// NewDecoder returns a Decoder that reads from r, with the default limits.
func NewDecoder(r *Reader) *Decoder {
	return &Decoder{MaxMsgSize: DefaultMaxMsgSize, MaxFrames: DefaultMaxFrames, r: r}
}

// Pending returns how many of the reserved bytes belong to the message that is not complete yet. When a message is
// delivered its share leaves this count.
func (d *Decoder) Pending() int { return d.part.reserved }

// ReadBatch overwrites dst with the next messages. It blocks until it has at least one message or has handled at least one
// command, and then takes what is wholly buffered, at most 256 messages; it does not block once it has something. With an
// error there are no messages; ErrOversize, ErrProtocol and errors of Reserve and Command are final and come again with each
// call, errors of the connection are passed as they are.
func (d *Decoder) ReadBatch(dst []zmq4.Msg) ([]zmq4.Msg, error) {
	dst, d.handled = dst[:0], false
	for d.err == nil {
		dst = d.decode(dst)
		if len(dst) > 0 || d.handled && d.err == nil {
			return dst, nil
		}
		if d.err != nil {
			break
		}
		if err := d.wait(); err != nil {
			return dst, err
		}
	}
	return dst, d.err
}

// decode takes what is buffered. A violation is kept in err.
func (d *Decoder) decode(dst []zmq4.Msg) []zmq4.Msg {
	for len(dst) < maxBatch {
		b := d.r.peek()
		// The fast path: a whole short frame that is a message of its own.
		if len(b) >= shortHeader && b[0] == 0 && int(b[1]) <= len(b)-shortHeader && !d.part.busy {
			n := shortHeader + int(b[1])
			if d.MaxMsgSize >= 0 && int64(b[1]) > d.MaxMsgSize {
				d.err = fmt.Errorf("%w: %d bytes", ErrOversize, b[1])
				return dst
			}
			dst = append(dst, zmq4.Msg{Frames: d.single(b[shortHeader:n])})
			d.r.r += n
			continue
		}
		if len(dst) > 0 && len(b) > 0 && b[0]&flagCommand != 0 && !d.part.open {
			return dst // the messages before a command are handed out before it is handled
		}
		frames, more, err := d.step(b)
		if err != nil {
			d.err = err
			return dst
		}
		if frames != nil {
			dst = append(dst, zmq4.Msg{Frames: frames})
		}
		if !more {
			return dst
		}
	}
	return dst
}

// single makes a message of one frame from a copy of body.
func (d *Decoder) single(body []byte) [][]byte {
	if d.Prefix == nil {
		if len(body) > 488 {
			return [][]byte{clone(body)}
		}
		frames, data := allocOne(len(body))
		copy(data, body)
		frames[0] = data
		return frames
	}
	frames, data := alloc(2, len(body))
	copy(data, body)
	frames[0], frames[1] = d.prefix(), data
	return frames
}

func (d *Decoder) prefix() []byte { return d.Prefix[:len(d.Prefix):len(d.Prefix)] }
