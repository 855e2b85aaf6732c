package socket

import (
	"context"
	"log/slog"

	"zmqbus/internal/queue"
	"zmqbus/internal/sentinel"
	"zmqbus/monitor"
)

// Close stops taking calls, flushes what was accepted for up to Config.Linger, ends every goroutine and connection of the socket, and
// then returns. It may be called again, and from several goroutines: each call returns when the socket has ended, with
// the same result. The error is an *UnsentError when messages could not be flushed. (zmq_close(3))
func (s *Socket) Close() error {
	s.mu.Lock()
	linger := s.st.linger
	s.mu.Unlock()
	ctx, cancel := context.Background(), context.CancelFunc(func() {})
	if linger >= 0 {
		ctx, cancel = context.WithTimeout(ctx, linger)
	}
	defer cancel()
	return s.shutdown(ctx)
}

// CloseContext is Close that flushes until ctx ends, whatever Config.Linger says.
func (s *Socket) CloseContext(ctx context.Context) error {
	if ctx == nil {
		return opError("close", errNilContext)
	}
	return s.shutdown(ctx)
}

// shutdown ends the socket once, and waits for the end. Whoever calls it later may only shorten the linger.
func (s *Socket) shutdown(ctx context.Context) error {
	// The goroutine that AfterFunc may start belongs to this call; it cancels and ends.
	stop := context.AfterFunc(ctx, s.hurryUp)
	defer stop()
	if s.beginClose() {
		s.unhook()
		s.awaitFlush()
		s.die()
		_ = s.group.Wait() // the loops return no errors
		s.writers.Wait()
		s.settleAccounts()
		s.loggers.Wait()
		s.hub.Stop()
		s.monitorGroup.Wait()
		close(s.done)
	}
	<-s.done
	return s.closeErr
}

// hurryUp ends the linger.
func (s *Socket) hurryUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hurry = true
	s.flushed.wakeAll()
}

// beginClose stops the listeners and everything that has not finished its handshake, and wakes all callers. It returns
// false when another call has begun before.
func (s *Socket) beginClose() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.closing = true
	close(s.stopping)
	for _, e := range s.endpoints {
		if !e.bound {
			continue
		}
		e.state = Ended
		close(e.stop)
		e.closeListener()
		for c := range e.live {
			if s.conns[c.id] == nil {
				c.failLocked(errLocal)
			}
		}
	}
	s.eachPipe(func(p *pipe) {
		p.inRoom.wakeAll()
		if peer := p.peer; peer != nil {
			s.group.Go(func() error { peer.flood(); return nil }) // owner: the socket; does not block
		}
	})
	for _, l := range []*waitlist{&s.sendWait, &s.recvWait, &s.byteWait, &s.peersChanged} {
		l.wakeAll()
	}
	s.waiters.NotifyEnd()
	return true
}

// awaitFlush waits until every pipe has written what it holds, or the linger is over, or New's context has ended.
func (s *Socket) awaitFlush() {
	// The goroutine that AfterFunc may start belongs to this call; it sets a flag and ends.
	stop := context.AfterFunc(s.parent, s.hurryUp)
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.hurry && s.parent.Err() == nil && s.unflushed() {
		s.waitOn(&s.flushed)
	}
}

func (s *Socket) unflushed() bool {
	found := false
	s.eachPipe(func(p *pipe) {
		if p.unsent() > 0 && !(p.ep.state == GaveUp && !p.ep.bound) {
			found = true
		}
	})
	return found
}

// die ends every endpoint and connection without waiting.
func (s *Socket) die() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = true
	s.announceDrops()
	for _, e := range append([]*endpoint(nil), s.endpoints...) {
		if e.bound {
			for c := range e.live {
				c.failLocked(errLocal)
			}
			e.dropInproc()
			continue
		}
		if e.net == nil {
			e.remove()
		} else {
			e.stopLocked()
		}
	}
	s.cancel(ErrClosed)
}

// settleAccounts counts what nobody took, and makes Close's result.
func (s *Socket) settleAccounts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.in.pipes) > 0 {
		p := s.in.pipes[0]
		for p.in.Len() > 0 {
			s.discard(p, p.in.Pop().msg, DropClosed)
		}
		s.in.remove(p)
	}
	if pub, ok := s.pat.(*publisher); ok {
		pub.upward = queue.Queue[subscriptionMsg]{}
	}
	s.announceDrops()
	s.label = s.name()
	s.endpoints = nil
	if s.unsent.Messages > 0 {
		unsent := s.unsent
		s.closeErr = &unsent
		s.logLater(slog.LevelWarn, "closed with messages unsent", "type", s.typ, "messages", unsent.Messages, "bytes", unsent.Bytes)
	}
}

// end takes the pipe out of use: what it holds for the user stays readable, what it holds for the peer is lost.
func (p *pipe) end(reason string) {
	if p.ended {
		return
	}
	s := p.s
	p.ended = true
	if s.dead {
		reason = DropLinger
	}
	delete(p.ep.pipes, p)
	s.pat.detach(p)
	p.inRoom.wakeAll()
	s.byteWait.wakeAll()
	if !p.writing {
		p.dropOutput(reason)
	}
	if peer := p.peer; peer != nil {
		s.hub.Forget(p.inprocID)
		s.group.Go(func() error { peer.remoteEnded(); return nil }) // owner: the socket; does not block
	}
	s.flushed.wakeAll()
	s.peersChanged.wakeAll()
}

// WaitPeers blocks until at least n peers are connected, handshake done; for PUB and XPUB: until n peers have subscribed to
// something, so that a first message is not lost. It returns context.Cause(ctx) when ctx ends first, and ErrClosed when
// the socket does.
func (s *Socket) WaitPeers(ctx context.Context, n int) error {
	if ctx == nil {
		return opError("wait", errNilContext)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.peerCount() < n {
		if s.closing {
			return opError("wait", s.closedError())
		}
		if err := s.waitFor(&s.peersChanged, ctx, nil); err != nil {
			return opError("wait", err)
		}
	}
	return nil
}

func (s *Socket) peerCount() int {
	if pub, ok := s.pat.(*publisher); ok {
		return pub.subscribers
	}
	n := 0
	s.eachPipe(func(p *pipe) {
		if p.joined() {
			n++
		}
	})
	return n
}

// replace ends a pipe whose routing id another peer took over, and with a dialled one its endpoint, which would come
// back and take the id again.
func (s *Socket) replace(p *pipe) {
	switch {
	case p.conn != nil:
		p.conn.failLocked(errReplaced)
	case p.accepted:
		p.end(DropDisconnected)
	default:
		p.ep.stopLocked()
	}
}

var errReplaced error = &reasonError{monitor.ErrLocal, sentinel.New("replaced by a peer with the same routing id")}
