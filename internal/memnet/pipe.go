package memnet

import (
	"bytes"
	"net"
	"os"
	"sync"
	"time"
)

// pipe is one direction of a connection: a bounded buffer between a writing and a reading end.
//
// What an end did itself (rclosed, wclosed) is kept apart from what it learned of the other (rerr, werr), because on a
// half-open connection the one happens without the other. The first error learned stays.
type pipe struct {
	mu    *sync.Mutex // the link's; guards all fields
	moved sync.Cond   // anything below changed; waiting on it is durable in a synctest bubble, on a mutex it is not

	buf     bytes.Buffer
	limit   int
	lost    bool // half-open: written bytes vanish
	writing bool // a Write has its turn; a flag and not a mutex, see moved

	rclosed  bool
	rerr     error // for the reader, once buf is empty
	rexpires deadline

	wclosed  bool
	werr     error // for the writer, at once
	wexpires deadline
}

func (p *pipe) init(mu *sync.Mutex, limit int) {
	p.mu, p.moved.L, p.limit = mu, mu, limit
}

func (p *pipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.rclosed:
			return 0, net.ErrClosed
		case p.rexpires.passed:
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case p.buf.Len() > 0:
			n, _ := p.buf.Read(b) // cannot fail: neither side is empty
			p.moved.Broadcast()
			return n, nil
		case p.rerr != nil:
			return 0, p.rerr
		}
		p.moved.Wait()
	}
}

func (p *pipe) write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.writing && p.writeErr() == nil {
		p.moved.Wait()
	}
	if err := p.writeErr(); err != nil {
		return 0, err
	}
	p.writing = true
	defer func() {
		p.writing = false
		p.moved.Broadcast()
	}()
	return p.fill(b)
}

// fill moves b into the buffer as room appears. The caller holds mu and the turn to write.
func (p *pipe) fill(b []byte) (int, error) {
	done := 0
	for {
		if err := p.writeErr(); err != nil {
			return done, err
		}
		if p.lost {
			return len(b), nil
		}
		n := min(len(b)-done, p.limit-p.buf.Len())
		p.buf.Write(b[done : done+n])
		done += n
		if done == len(b) {
			return done, nil
		}
		p.moved.Broadcast()
		p.moved.Wait()
	}
}

// writeErr is why a Write cannot go on now. The caller holds mu.
func (p *pipe) writeErr() error {
	switch {
	case p.wclosed:
		return net.ErrClosed
	case p.wexpires.passed:
		return os.ErrDeadlineExceeded
	}
	return p.werr
}

// tellReader lets the reading end have err after the bytes that are buffered. The caller holds mu.
func (p *pipe) tellReader(err error) {
	if p.rerr == nil {
		p.rerr = err
	}
	p.moved.Broadcast()
}

// tellWriter fails the writing end with err. The caller holds mu.
func (p *pipe) tellWriter(err error) {
	if p.werr == nil {
		p.werr = err
	}
	p.moved.Broadcast()
}

// closeReader ends the reading end for its owner and frees the buffer. The caller holds mu.
func (p *pipe) closeReader() {
	p.rclosed = true
	p.buf = bytes.Buffer{}
	p.expire(&p.rexpires, time.Time{})
}

// closeWriter ends the writing end for its owner. The caller holds mu.
func (p *pipe) closeWriter() {
	p.wclosed = true
	p.expire(&p.wexpires, time.Time{})
}

// deadline remembers that its time has passed, instead of comparing clocks at each wake-up: a deadline without a
// monotonic reading could lie in the future of the very timer that it was set with.
type deadline struct {
	timer  *time.Timer
	passed bool
}

// expire replaces d, which is one of p's, by the time t; the zero t means never. The caller holds mu.
func (p *pipe) expire(d *deadline, t time.Time) {
	if d.timer != nil {
		d.timer.Stop()
	}
	d.timer, d.passed = nil, false
	defer p.moved.Broadcast()
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	if wait <= 0 {
		d.passed = true
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() { // owned by the pipe; ends by itself, stopped by the next expire or by close
		p.mu.Lock()
		defer p.mu.Unlock()
		if d.timer == timer { // not replaced while this waited for the lock
			d.passed = true
			p.moved.Broadcast()
		}
	})
	d.timer = timer
}
