package socket

import (
	"context"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/readiness"
	"zmqbus/monitor"
)

// pumpBatch is how many messages the pump takes from the queues under one lock.
const pumpBatch = 64

// Recv returns the next message, taking from the peers in turn. It blocks until there is one, for at most
// Config.RecvTimeout. The Frames slice is the caller's; the bytes may be shared with other receivers and must not be written to
// (Clone makes a private copy). Errors: ErrClosed, ErrAgain after RecvTimeout, ErrState (REQ, REP). On PUSH and PUB, which
// receive nothing, it blocks until the socket is closed. (zmq_msg_recv(3))
func (s *Socket) Recv() (zmq4.Msg, error) {
	s.mu.Lock()
	if s.c == nil && s.reader == nil {
		if s.pop() {
			m := s.popped.msg
			s.popped.msg = zmq4.Msg{}
			s.mu.Unlock()
			return m, nil
		}
	}
	wait := s.st.recvTimeout
	s.mu.Unlock()
	it, err := s.recv(context.Background(), wait)
	return it.msg, err
}

// RecvContext is Recv that ends with ctx, and does not look at Config.RecvTimeout. It then returns context.Cause(ctx), and no
// message is lost.
func (s *Socket) RecvContext(ctx context.Context) (zmq4.Msg, error) {
	m, _, err := s.RecvFrom(ctx)
	return m, err
}

// RecvFrom is RecvContext that also tells which connection the message came on; lifecycle events carry the same id. The id
// is 0 for messages that went through the channel of C.
func (s *Socket) RecvFrom(ctx context.Context) (zmq4.Msg, monitor.ConnID, error) {
	if ctx == nil {
		return zmq4.Msg{}, 0, opError("recv", errNilContext)
	}
	if ctx.Err() != nil {
		return zmq4.Msg{}, 0, opError("recv", context.Cause(ctx))
	}
	it, err := s.recv(ctx, -1)
	return it.msg, it.conn, err
}

// TryRecv is Recv that never blocks: it returns ErrAgain when there is no message. (ZMQ_DONTWAIT)
func (s *Socket) TryRecv() (zmq4.Msg, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.typ == zmq4.Push || s.typ == zmq4.Pub:
		return zmq4.Msg{}, opError("recv", ErrNotSupported)
	case s.closing:
		return zmq4.Msg{}, opError("recv", s.closedError())
	case s.reader != nil:
		return zmq4.Msg{}, opError("recv", ErrClaimed)
	}
	if err := s.pat.mayRecv(); err != nil {
		return zmq4.Msg{}, opError("recv", err)
	}
	if s.c != nil {
		select {
		case m, ok := <-s.c:
			if ok {
				s.noteTaken()
				return m, nil
			}
		default:
		}
	} else if s.pop() {
		return s.takePopped().msg, nil
	}
	return zmq4.Msg{}, opError("recv", ErrAgain)
}

// pop takes the next message for a caller of Recv into popped.
func (s *Socket) pop() bool {
	return !s.closing && s.pat.mayRecv() == nil && s.pat.pop(&s.popped)
}

func (s *Socket) takePopped() item {
	it := s.popped
	s.popped = item{}
	return it
}

func (s *Socket) recv(ctx context.Context, wait time.Duration) (item, error) {
	timeout, stop := after(wait)
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.closing {
			return item{}, opError("recv", s.closedError())
		}
		if s.reader != nil {
			return item{}, opError("recv", ErrClaimed)
		}
		if err := s.pat.mayRecv(); err != nil {
			return item{}, opError("recv", err)
		}
		if s.c != nil {
			it, err := s.recvPumped(ctx, timeout)
			if err == nil {
				s.noteTaken()
			}
			return it, err
		}
		if s.pop() {
			return s.takePopped(), nil
		}
		if err := s.waitFor(&s.recvWait, ctx, timeout); err != nil {
			return item{}, opError("recv", err)
		}
	}
}

// recvPumped receives what the pump of C has put into its channel. The caller holds the lock.
func (s *Socket) recvPumped(ctx context.Context, timeout <-chan time.Time) (item, error) {
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case m, ok := <-s.c:
		if !ok {
			return item{}, opError("recv", s.closedError())
		}
		return item{msg: m}, nil
	case <-ctx.Done():
		return item{}, opError("recv", context.Cause(ctx))
	case <-timeout:
		return item{}, opError("recv", ErrAgain)
	}
}

// C returns the channel on which received messages arrive, for use in a select: the same at each call, nil for PUSH and
// PUB. From the first call a goroutine of the socket moves messages into it, and Recv takes from it too. It is closed when the
// socket has closed and everything was offered or dropped (counted as DropClosed); what is in it stays readable.
// While somebody else reads the socket (Claim, a reactor) it is nil, and the log says so.
// Its capacity is RecvHWM up to 128, 1 for REQ and REP, and 0 with Conflate. See Recv for who owns the bytes.
//
// REP puts one request at a time into the channel, the next after its reply was sent or its peer is gone. The request
// counts as received when it has left the channel: a Send before that is ErrState.
func (s *Socket) C() <-chan zmq4.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c != nil && s.typ == zmq4.Rep && len(s.c) == 0 {
		s.recvWait.wakeAll() // the request taken last may have lost its peer: the next one can come
	}
	if s.c != nil || s.typ == zmq4.Push || s.typ == zmq4.Pub {
		return s.c
	}
	if s.reader != nil {
		s.refuseC()
		return nil
	}
	switch {
	case s.st.conflate:
		s.c = make(chan zmq4.Msg)
	case s.lockstep():
		s.c = make(chan zmq4.Msg, 1)
	default:
		s.c = make(chan zmq4.Msg, min(s.st.recvHWM, 128))
	}
	s.recvWait.wakeAll() // a Recv that waits for the queues has to wait for the channel now
	if s.closing {
		close(s.c)
	} else {
		s.group.Go(s.pump) // owner: the socket; the only sender and closer of c; ends when Close begins
	}
	return s.c
}

// lockstep reports whether the type alternates between sending and receiving.
func (s *Socket) lockstep() bool { return s.typ == zmq4.Req || s.typ == zmq4.Rep }

// unread is the number of messages that were put into C's channel and not yet taken, for the types that have a state.
func (s *Socket) unread() int {
	if !s.lockstep() {
		return 0
	}
	return len(s.c)
}

// discardUnread takes back what a relaxed REQ no longer wants.
func (s *Socket) discardUnread(reason string) {
	if s.c == nil {
		return
	}
	select {
	case m := <-s.c:
		s.undeliver(item{msg: m, size: footprint(m)}, reason)
	default:
	}
}

// pump moves messages from the queues into C's channel.
func (s *Socket) pump() error {
	defer close(s.c)
	batch := new([pumpBatch]item)
	limit := min(pumpBatch, max(1, cap(s.c)))
	for {
		n, ok := s.pumpTake(batch[:limit])
		if !ok {
			return nil
		}
		for i := range batch[:n] {
			if len(s.c) < cap(s.c) {
				s.c <- batch[i].msg // cannot block: nobody else sends
			} else if s.notePumped(); !s.offer(batch[i]) {
				s.pumpDrop(batch[i:n])
				return nil
			}
			batch[i] = item{}
		}
		s.notePumped()
	}
}

// pumpTake waits for messages and takes up to len(batch) of them; ok is false when Close has begun. In lockstep it
// hands the message over itself: the channel and the state must change together.
func (s *Socket) pumpTake(batch []item) (n int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.closing {
		for n < len(batch) {
			if !s.pat.pop(&batch[n]) {
				break
			}
			n++
		}
		switch {
		case n > 0 && s.lockstep():
			s.c <- batch[0].msg // cannot block: pop gave one because the channel is empty
			s.waiters.Notify(readiness.In)
			batch[0], n = item{}, 0
		case n > 0:
			return n, true
		default:
			s.waitOn(&s.recvWait)
		}
	}
	return 0, false
}

// offer blocks until somebody takes it, or Close begins. With Conflate a newer message takes its place meanwhile.
func (s *Socket) offer(it item) bool {
	if cap(s.c) > 0 {
		select {
		case s.c <- it.msg:
			return true
		case <-s.stopping:
			return false
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.closing {
		if s.pop() {
			s.undeliver(it, DropConflated)
			it = s.takePopped()
		}
		w := s.recvWait.add()
		s.offering = true
		s.waiters.Notify(readiness.In)
		s.mu.Unlock()
		taken := false
		select {
		case s.c <- it.msg:
			taken = true
		case <-w.ch:
		}
		s.mu.Lock()
		s.offering = false
		s.recvWait.done(w, !taken)
		if taken {
			return true
		}
	}
	s.undeliver(it, DropClosed)
	return true
}

func (s *Socket) pumpDrop(batch []item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, it := range batch {
		s.undeliver(it, DropClosed)
	}
}
