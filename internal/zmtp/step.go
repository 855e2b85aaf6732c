package zmtp

import (
	"fmt"
	"math"
)

// step takes one frame, or what is there of a large one. more is false when nothing else can be done with what is
// buffered.
func (d *Decoder) step(b []byte) (frames [][]byte, more bool, err error) {
	if d.part.open {
		return d.copyBody(b)
	}
	h, ok := parseHeader(b)
	if !ok {
		if len(b) > 0 {
			err = checkFlags(b[0])
		}
		return nil, false, err
	}
	if err := d.check(h, d.part.size, d.part.count); err != nil {
		return nil, false, err
	}
	end := h.size + int(h.n)
	if len(b) >= end {
		frames, err = d.whole(h, b, end)
		return frames, true, err
	}
	if len(b) <= smallBuf/2 { // a small frame waits in the small buffer
		return nil, false, nil
	}
	d.r.r += h.size
	d.part.busy, d.part.open, d.part.head = true, true, h
	return nil, true, nil
}

// whole takes the frame b[:end], and the rest of its message if that is there too.
func (d *Decoder) whole(h header, b []byte, end int) ([][]byte, error) {
	body := b[h.size:end]
	if !d.part.busy && h.flags&FlagMore != 0 {
		if frames, n := d.gather(b); frames != nil {
			d.r.r += n
			return frames, nil
		}
	}
	d.r.r += end
	switch {
	case h.flags&flagCommand != 0:
		return nil, d.command(body)
	case !d.part.busy && h.flags&FlagMore == 0:
		return d.single(body), nil
	}
	if err := d.hold(len(body)); err != nil {
		return nil, err
	}
	return d.add(h, clone(body))
}

// clone copies b; make and copy in a row, so that the compiler does not clear the memory first.
func clone(b []byte) []byte {
	c := make([]byte, len(b))
	copy(c, b)
	return c
}

// gather decodes a whole multipart message from b, or returns nil if it is not all there, too long, or wrong (then the
// way frame by frame says what is wrong). The frames share one allocation.
func (d *Decoder) gather(b []byte) (frames [][]byte, n int) {
	var size int64
	count, total := 0, 0
	for more := true; more; count++ {
		h, ok := parseHeader(b[n:])
		if !ok || count == maxGather || h.flags&flagCommand != 0 || d.check(h, size, count) != nil {
			return nil, 0
		}
		if h.n > uint64(len(b)-n-h.size) {
			return nil, 0
		}
		size += int64(h.n) + frameOverhead
		total += int(h.n)
		n += h.size + int(h.n)
		more = h.flags&FlagMore != 0
	}
	skip := 0
	if d.Prefix != nil {
		skip = 1
	}
	frames, data := alloc(skip+count, total)
	if skip == 1 {
		frames[0] = d.prefix()
	}
	at := 0
	for i := range count {
		h, _ := parseHeader(b[at:]) // again: keeping 16 of them costs more
		at += h.size
		k := copy(data, b[at:at+int(h.n)])
		frames[skip+i], data = data[:k:k], data[k:]
		at += k
	}
	return frames, n
}

// check judges a header when size and count are what the message has so far.
func (d *Decoder) check(h header, size int64, count int) error {
	if err := checkFlags(h.flags); err != nil {
		return err
	}
	switch {
	case h.n > math.MaxInt64:
		return fmt.Errorf("%w: frame length %#x", ErrProtocol, h.n)
	case h.flags&flagCommand != 0 && h.n > maxCommand:
		return fmt.Errorf("%w: command of %d bytes", ErrProtocol, h.n)
	case h.flags&flagCommand != 0:
		return nil
	case h.n > math.MaxInt-longHeader-frameOverhead, d.MaxMsgSize >= 0 && int64(h.n) > d.MaxMsgSize-size:
		return fmt.Errorf("%w: frame of %d bytes after %d", ErrOversize, h.n, size)
	case d.MaxFrames > 0 && count >= d.MaxFrames:
		return fmt.Errorf("%w: more than %d frames", ErrOversize, d.MaxFrames)
	}
	return nil
}

// checkFlags lets a command stand between the frames of a message. RFC 23 does not allow it, but libzmq 4.3.4 sends its
// PINGs there when the kernel's buffer was full in mid-message.
func checkFlags(flags byte) error {
	switch {
	case flags&^(FlagMore|flagLong|flagCommand) != 0:
		return fmt.Errorf("%w: frame flags %#x", ErrProtocol, flags)
	case flags&flagCommand != 0 && flags&FlagMore != 0:
		return fmt.Errorf("%w: command with MORE", ErrProtocol)
	}
	return nil
}

func (d *Decoder) command(b []byte) error {
	name, body, err := splitCommand(b)
	if err != nil {
		return err
	}
	d.handled = true
	if d.Command == nil {
		return nil
	}
	return d.Command(name, body)
}
