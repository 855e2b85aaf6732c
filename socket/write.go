package socket

import (
	"errors"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/zmtp"
	"zmqbus/monitor"
)

// maxControl bounds the commands that wait to be written: a peer that floods us with PINGs and reads nothing is cut.
const maxControl = 64 << 10

// muteTime is how long a connection that cannot be written to may bring nothing.
const muteTime = 10 * time.Second

var errUnreadReplies error = &reasonError{monitor.ErrProtocol, errors.New("peer asks for replies and does not read them")}

// sendControl queues a command for the writer.
func (c *conn) sendControl(frame []byte) error {
	if len(c.control)+len(frame) > maxControl {
		return errUnreadReplies
	}
	c.control = append(c.control, frame...)
	c.pipe.kick()
	return nil
}

// takeControl takes what goes out before the next message: commands, then changed subscriptions.
func (c *conn) takeControl() []byte {
	control := c.control
	c.control = nil
	return c.pipe.tell.appendTo(control, maxControl)
}

func writeAll(w io.Writer, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	_, err := w.Write(b)
	return err
}

// msgBuf is a reusable run of outbound messages.
type msgBuf struct{ msgs []zmq4.Msg }

// msgBufs holds the buffers of pipes that are idle, so that a pipe keeps none of its own.
var msgBufs = sync.Pool{New: func() any { return &msgBuf{} }}

// drain is the transient writer: it exists only while there is something to write.
func (p *pipe) drain() {
	defer p.s.writers.Done()
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	for yielded := false; ; {
		switch {
		case !p.writable():
			if yielded {
				p.stopWriting()
				return
			}
			// One more look saves a new goroutine per message under a steady load.
			yielded = true
			s.mu.Unlock()
			runtime.Gosched()
			s.mu.Lock()
		case p.peer != nil:
			yielded = false
			p.handOver()
		default:
			yielded = false
			p.writeChunk(p.conn)
		}
	}
}

func (p *pipe) stopWriting() {
	p.writing = false
	if p.batch != nil && p.pos == len(p.batch.msgs) {
		p.recycleBatch() // else an idle pipe keeps all messages of its last batch alive
	}
	p.writerEnded.wakeAll()
	if p.ended {
		p.dropOutput(DropDisconnected)
	}
	if p.unsent() == 0 {
		p.s.flushed.wakeAll()
		if p.draining {
			p.ep.stopLocked()
		}
	}
}

// take makes sure that batch holds what is to be written next, and reports whether there is anything.
func (p *pipe) take() bool {
	if p.batch != nil && p.pos < len(p.batch.msgs) {
		return true
	}
	p.recycleBatch()
	if p.out == nil {
		return false
	}
	p.batch, p.out, p.pos = p.out, nil, 0
	p.held = len(p.batch.msgs)
	return true
}

func (p *pipe) recycleBatch() {
	if p.batch == nil {
		return
	}
	clear(p.batch.msgs)
	p.batch.msgs = p.batch.msgs[:0]
	msgBufs.Put(p.batch)
	p.batch = nil
}

// writeChunk writes commands, subscriptions and one chunk of messages. It releases the lock while it writes.
func (p *pipe) writeChunk(c *conn) {
	control := c.takeControl()
	n := 0
	if !p.refused && p.take() {
		n = zmtp.ChunkLen(p.batch.msgs[p.pos:])
		p.release(n)
	}
	p.s.mu.Unlock()
	err := writeAll(c.nc, control)
	done, straddled := 0, false
	if err == nil && n > 0 {
		done, straddled, err = c.w.WriteChunk(c.nc, p.batch.msgs[p.pos:p.pos+n])
	}
	bytes := payloads(p.batch, p.pos, done)
	p.s.mu.Lock()
	p.wrote(n, done, bytes, straddled)
	if err != nil {
		p.requeue()
		c.writeFailed(err)
	}
}

// writeFailed stops the writing. Reading goes on until it fails too: what the peer sent before it went is not lost. A
// transport whose reads do not notice is given muteTime.
func (c *conn) writeFailed(err error) {
	if c.failed || c.mute != nil {
		return
	}
	c.mute = err
	c.s.logLater(slog.LevelDebug, "write failed", "endpoint", c.endpoint, "peer", c.remote, "error", err)
	c.hb.arm(&c.hb.mute, muteTime, "nothing came for %v after a failed write: %w")
}

// release frees the room of the next n messages of the batch, before they are written: a sender goes on meanwhile.
func (p *pipe) release(n int) {
	p.held -= n
	p.inflight += n
	if p.hasRoom() && p.s.mayFill(p) {
		p.s.out.activate(p)
		p.s.wakeSenders(n)
		p.s.pat.relieved(p)
	}
	p.noteRelieved()
}

// wrote settles the account of n released messages, done of which, with so many bytes, the kernel (or the inproc peer)
// has whole.
func (p *pipe) wrote(n, done, bytes int, straddled bool) {
	p.inflight -= n
	p.pos += done
	p.s.stats.written(&p.stats, done, bytes)
	if straddled {
		p.s.drop(p, p.batch.msgs[p.pos], DropWriteError)
		p.pos++
	}
}

// payloads adds up n messages of a batch. It is done without the lock: a batch can be long.
func payloads(batch *msgBuf, from, n int) int {
	if n == 0 {
		return 0
	}
	bytes := 0
	for _, m := range batch.msgs[from : from+n] {
		bytes += payload(m)
	}
	return bytes
}

// requeue puts what a broken connection left of the batch back at the head, in order.
func (p *pipe) requeue() {
	if p.batch == nil {
		return
	}
	rest := p.batch.msgs[p.pos:]
	if len(rest) > 0 {
		back := &msgBuf{msgs: append([]zmq4.Msg(nil), rest...)}
		if p.out != nil {
			back.msgs = append(back.msgs, p.out.msgs...)
		}
		p.out = back
	}
	p.held = 0
	p.recycleBatch()
	if !p.hasRoom() {
		p.s.out.deactivate(p) // its room was given away when the batch began to be written
	}
}

// dropOutput counts everything that still waits as lost. No writer runs.
func (p *pipe) dropOutput(reason string) {
	p.requeue()
	if p.out == nil {
		return
	}
	for _, m := range p.out.msgs {
		p.s.drop(p, m, reason)
	}
	p.out = nil
}
