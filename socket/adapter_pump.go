package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/readiness"
)

// The sockets of zmq4 give one error per peer. Somebody else's zmq4.Socket may fail for ever without blocking: from
// errorRun errors in a row on, the pump waits errorPause after each.
const (
	errorRun   = 100
	errorPause = time.Millisecond
)

// drainLimit bounds what is taken from a closed socket: more than it has room and connections. It ends the drain of
// somebody else's zmq4.Socket that never says that it has ended.
const drainLimit = 1 << 16

// emptyLooks is how often in a row a closed socket must have nothing before its queue counts as empty: zmq4's Recv
// chooses at random between a message and the end of its context.
const emptyLooks = 64

var (
	errNoFrames = errors.New("message without frames")
	errEnded    = errors.New("socket ended")
)

// verdict is what the pump makes of a result of Recv.
type verdict int

const (
	gotMessage verdict = iota
	gotCommand         // such as PING: not for the user
	gotError           // a peer's
	gotEnd             // the socket's
)

// awaitPhase waits until a REQ or REP may receive; the other types always may. false: the adapter ends.
func (a *Adapter) awaitPhase() bool {
	for {
		a.mu.Lock()
		closing, may := a.closing, !a.lockstep() || a.phase == phaseReceive
		a.mu.Unlock()
		if closing || may {
			return !closing
		}
		select {
		case <-a.step:
		case <-a.stop:
		}
	}
}

// judge tells a peer's failure from the end of the socket, and gives the error that goes with it.
func (a *Adapter) judge(m zmq4.Msg, err error) (verdict, error) {
	switch {
	case err == nil && len(m.Frames) == 0 && a.typ == zmq4.XPub:
		return gotEnd, errEnded // zmq4's XPUB tells its end like this
	case err == nil && len(m.Frames) == 0:
		return gotError, errNoFrames
	case err == nil && m.Type == zmq4.CmdMsg:
		return gotCommand, nil
	case err == nil:
		return gotMessage, nil
	// net.ErrClosed: only the socket's Close closes a connection that is still being read.
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, net.ErrClosed):
		return gotEnd, err
	}
	return gotError, err
}

// pump moves messages from the socket into the channel until one of them ends.
func (a *Adapter) pump() {
	cause := a.receive()
	a.shutdown(cause)
	a.drain()
	a.finish()
}

// receive returns what ended the socket, nil when it was Close.
func (a *Adapter) receive() error {
	failures := 0
	for a.awaitPhase() {
		m, err := a.sock.Recv()
		v, err := a.judge(m, err)
		a.count(v, err)
		switch v {
		case gotMessage:
			failures = 0
			if !a.deliver(m) {
				return nil
			}
		case gotError:
			a.log.Debug("adapted socket: a peer's error", "type", a.typ, "error", err)
			if failures++; failures > errorRun && !a.pause() {
				return nil
			}
		case gotEnd:
			return fmt.Errorf("the adapted socket has ended: %w", err)
		}
	}
	return nil
}

// count keeps the statistics. A REQ whose peer failed gets no reply: it may send again.
func (a *Adapter) count(v verdict, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch v {
	case gotMessage:
		a.stats.Received++
	case gotCommand:
		a.stats.Commands++
	case gotError:
		a.stats.PeerErrors++
		a.stats.LastError = err
		if a.typ == zmq4.Req {
			a.phase = phaseSend
			a.waiters.Notify(readiness.Out)
		}
	}
}

// deliver puts m into the channel, waiting for room; false: the adapter ends, and m is dropped.
func (a *Adapter) deliver(m zmq4.Msg) bool {
	if a.lockstep() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.phase = phaseSend
		a.ch <- m // cannot block: what was there has been taken before the last Send
		a.waiters.Notify(readiness.In)
		return true
	}
	select {
	case a.ch <- m:
	case <-a.stop:
		a.drop()
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiters.Notify(readiness.In)
	return true
}

func (a *Adapter) drop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stats.Dropped++
}

func (a *Adapter) pause() bool {
	t := time.NewTimer(errorPause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-a.stop:
		return false
	}
}

// drain empties the queue of the closed socket. Each of zmq4's readers puts what it has into that queue without a way
// out, and looks at the socket's context only then: one more message per connection. So once the queue is empty
// nobody is stuck, and ten readers that are about to put something still find room. A REQ has neither readers nor a
// queue.
func (a *Adapter) drain() {
	if a.typ == zmq4.Req {
		return
	}
	for looks, n := 0, 0; looks < emptyLooks && n < drainLimit; n++ {
		m, err := a.sock.Recv()
		switch v, _ := a.judge(m, err); v {
		case gotEnd:
			looks++
		case gotMessage:
			looks = 0
			a.count(gotMessage, nil)
			a.drop()
		default:
			looks = 0
		}
	}
}
