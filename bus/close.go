package bus

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"zmqbus/socket"
)

// Close ends the bus in order. It takes nothing any more: calls return ErrClosed, and imports are not read; what an
// import's socket had received by then is dropped, and counted by the socket as "closed". What was accepted is delivered:
// each subscription ends when its events are in its channel, which it then closes; exports flush for up to their linger
// time. So somebody has to go on reading: a subscription that nobody reads holds Close up until ctx ends, or New's
// context. Close returns when every goroutine, socket and channel of the bus has ended; a function given to OnDecodeError,
// or a codec, that does not return holds it up, so neither may call Close. It may be called again, and from several
// goroutines: each call returns at the end, with the same result, and the first of their contexts to end hurries all of
// them. Errors: *UndeliveredError when something was left; a nil ctx.
func (b *Bus) Close(ctx context.Context) error {
	if ctx == nil {
		return &OpError{"close", b.name, errNilContext}
	}
	b.end(ctx)
	return b.err
}

// end ends the bus, or waits for whoever is at it; ctx bounds the waiting for readers and peers.
func (b *Bus) end(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { b.cut(context.Cause(ctx)) })
	defer stop()
	if b.beginEnd() {
		b.shutdown(ctx)
	}
	<-b.done
}

func (b *Bus) beginEnd() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closing.Load() {
		return false
	}
	b.closing.Store(true) // under mu: nothing joins subs and links after this
	b.broadcast()
	return true
}

func (b *Bus) shutdown(ctx context.Context) {
	b.mu.Lock()
	subs, links := slices.Clone(b.subs), slices.Concat(b.links, b.settling)
	b.mu.Unlock()
	report := &UndeliveredError{}
	var closing sync.WaitGroup
	var mu sync.Mutex // guards report while exports close
	for _, l := range links {
		if l.imports {
			l.stopReading()
			continue
		}
		closing.Go(func() { // owned by this call, which waits; ends with its linger time
			var unsent *socket.UnsentError
			if errors.As(l.flush(b.hurry), &unsent) {
				mu.Lock()
				defer mu.Unlock()
				report.Messages += unsent.Messages
				report.Links = append(report.Links, l.Endpoint())
			}
		})
	}
	b.drainSubscriptions(subs, links)
	closing.Wait()
	for _, l := range links {
		if l.imports {
			_ = l.flush(b.hurry) // there is nothing to flush: it ends the socket
		}
	}
	if b.reactor != nil {
		_ = b.reactor.Close() // its handlers return no errors
	}
	b.hub.Stop()
	// A subscription may have seen that a context ended before b.cut did.
	if report.Err = cmp.Or(context.Cause(b.hurry), context.Cause(ctx), context.Cause(b.parent)); report.Err != nil {
		report.addEvents(subs, links)
	}
	if report.Events+report.Messages > 0 {
		b.err = report
	}
	b.mu.Lock()
	b.links = nil
	b.mu.Unlock()
	b.unhook()
	b.cut(nil)
	b.cause = context.Cause(b.parent)
	close(b.done)
}

// addEvents adds what was left when e.Err ended the waiting.
func (e *UndeliveredError) addEvents(subs []sink, links []*Link) {
	for _, l := range links {
		if l.undelivered {
			e.add(1, l.Endpoint())
		}
	}
	for _, s := range subs {
		e.add(s.undelivered(e.Err), s.String())
	}
}

// drainSubscriptions waits until links and subscriptions have delivered what they hold, or there is no more time.
func (b *Bus) drainSubscriptions(subs []sink, links []*Link) {
	for _, l := range links {
		if l.imports {
			select {
			case <-l.settled:
			case <-b.hurry.Done():
			}
		}
	}
	for _, s := range subs {
		s.drain()
	}
	for _, s := range subs {
		select {
		case <-s.Done():
		case <-b.hurry.Done():
			s.stop(b.closedError())
		}
	}
	b.running.Wait()
}

// flush closes a link's socket, within its linger time and ctx, and waits for its last lifecycle event.
func (l *Link) flush(ctx context.Context) error {
	// The goroutine belongs to this call; it ends with the socket.
	stop := context.AfterFunc(ctx, func() { _ = l.sock.CloseContext(ctx) })
	defer stop()
	err := l.sock.Close()
	<-l.ended
	return err
}
