package zmtp

const (
	freeBytes  = 64 << 10 // what an incomplete message may take without Reserve
	firstBody  = 4 << 10  // least memory for a body whose bytes have not come yet
	directRead = 4 << 10  // from here the rest of a body is read without the detour over the buffer
)

// partial is a message that is not wholly here. Its memory follows the bytes that came: a body starts with eight times what is
// buffered of it, at least 4 KiB and at most 64 KiB, and then doubles.
type partial struct {
	busy     bool     // a frame of the message was taken, or a body is under way
	frames   [][]byte // Prefix first
	count    int      // frames taken, without Prefix
	size     int64    // what MaxMsgSize counts of them
	open     bool     // a body is under way
	head     header   // of that body
	body     []byte   // what is there of it
	held     int      // memory, each frame counting 32 more
	reserved int      // of it through Reserve
}

// copyBody moves what is buffered of the body under way.
func (d *Decoder) copyBody(b []byte) (frames [][]byte, more bool, err error) {
	p := &d.part
	need := int(p.head.n)
	for len(b) > 0 && len(p.body) < need {
		if len(p.body) == cap(p.body) {
			if err := d.grow(len(b)); err != nil {
				return nil, false, err
			}
		}
		n := min(len(b), cap(p.body)-len(p.body))
		p.body = append(p.body, b[:n]...)
		b = b[n:]
		d.r.r += n
	}
	if len(p.body) < need {
		return nil, false, nil
	}
	return d.close()
}

// close ends the body under way.
func (d *Decoder) close() (frames [][]byte, more bool, err error) {
	h, body := d.part.head, d.part.body
	d.part.open, d.part.body = false, nil
	if h.flags&flagCommand != 0 {
		d.part.held -= cap(body)
		d.part.busy = d.part.count > 0 // it may stand between the frames of a message
		return nil, true, d.command(body)
	}
	frames, err = d.add(h, body)
	return frames, true, err
}

// grow makes room in the body under way, after asking Reserve.
func (d *Decoder) grow(buffered int) error {
	p := &d.part
	size := max(2*cap(p.body), min(len(p.body)+8*buffered, freeBytes), firstBody)
	size = min(size, int(p.head.n))
	if err := d.hold(size - cap(p.body)); err != nil {
		return err
	}
	body := make([]byte, len(p.body), size)
	copy(body, p.body)
	p.body = body
	return nil
}

// hold accounts for n more bytes of memory of the message under way.
func (d *Decoder) hold(n int) error {
	p := &d.part
	p.held += n
	short := p.held - freeBytes - p.reserved
	if short <= 0 || d.Reserve == nil {
		return nil
	}
	short = max(short, freeBytes)
	if err := d.Reserve(short); err != nil {
		return err
	}
	p.reserved += short
	return nil
}

// add appends a frame to the message under way and returns the message if it was the last one. The memory of the body
// is accounted for already.
func (d *Decoder) add(h header, body []byte) ([][]byte, error) {
	p := &d.part
	if err := d.hold(frameOverhead); err != nil {
		return nil, err
	}
	last := h.flags&FlagMore == 0
	if p.frames == nil {
		p.frames = d.newFrames(last)
	}
	p.busy = true
	p.frames = append(p.frames, body)
	p.count++
	p.size += int64(len(body)) + frameOverhead
	if !last {
		return nil, nil
	}
	frames := p.frames[:len(p.frames):len(p.frames)]
	d.part = partial{}
	return frames, nil
}

func (d *Decoder) newFrames(last bool) [][]byte {
	n := 4
	if last {
		n = 1
	}
	if d.Prefix == nil {
		return make([][]byte, 0, n)
	}
	return append(make([][]byte, 0, n+1), d.prefix())
}

// wait reads more, and may block. A large rest of a body is read straight into its place once the body has shown that it is
// coming; before, the detour over the 64 KiB buffer tells how much memory to take.
func (d *Decoder) wait() error {
	p := &d.part
	need := int(p.head.n)
	if !p.open || need-len(p.body) < directRead {
		return d.r.fill()
	}
	if len(p.body) == cap(p.body) && len(p.body) >= freeBytes {
		if err := d.grow(0); err != nil {
			d.err = err
			return err
		}
	}
	if cap(p.body) < min(need, freeBytes) || len(p.body) == cap(p.body) {
		return d.r.fill()
	}
	n, err := d.r.direct(p.body[len(p.body):cap(p.body)])
	p.body = p.body[:len(p.body)+n]
	return err
}
