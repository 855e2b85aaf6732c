package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/poller"
	"zmqbus/socket"
)

// polled is one source of a poll.
type polled struct {
	name string
	kind kind
	endpointFlags
	sock          *socket.Socket // nil: a descriptor
	fd            int            // -1: a socket
	want          poller.Events  // asked for
	level         poller.Events  // as printed last
	now           poller.Events  // as seen last, with the error that reading will find out
	reads, writes bool

	received, sent int // messages
	bytes          int // read from a descriptor
}

// unknown is the level of a source before its first line.
const unknown = ^poller.Events(0)

// pollBurst bounds what is taken, or sent, before the other sources have their turn.
const pollBurst = 1000

// open opens the sockets. Descriptors are looked at first: a number that is not open yet would be taken by a socket.
func (p *poll) open() error {
	for _, s := range p.sources {
		if s.sock == nil && s.fd >= 0 {
			if err := checkFD(s.fd); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	log := p.logger(p.stderr)
	for _, s := range p.sources {
		if s.fd >= 0 {
			continue
		}
		cfg, err := p.config(s.kind, log)
		if err != nil {
			return err
		}
		if s.sock, err = socket.New(context.Background(), s.kind.typ, cfg); err != nil {
			return err
		}
		if err := s.attach(s.sock, s.kind, p.out.note); err != nil {
			return err
		}
		s.name = s.sock.String()
	}
	for _, s := range p.sources {
		p.width = max(p.width, len(s.name))
	}
	return nil
}

// loop prints the first line of each source and then follows them. It returns nil when none is left.
func (p *poll) loop(ctx context.Context) error {
	for _, s := range slices.Clone(p.sources) {
		if err := p.update(s, 0); err != nil {
			return err
		}
	}
	for _, s := range slices.Clone(p.sources) {
		if err := p.add(s); err != nil {
			return err
		}
	}
	p.next = time.Now().Add(p.interval)
	events := make([]poller.Event, len(p.sources))
	for len(p.sources) > 0 {
		n, err := p.poller.WaitAll(ctx, events, p.timeout())
		var ended *poller.OpError
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &ended) && ended.UserData != nil:
			err = p.end(ended.UserData.(*polled), ended.Err)
		case errors.Is(err, poller.ErrAgain):
			err = nil
		}
		if err != nil {
			return err
		}
		for _, e := range events[:n] {
			if err := p.visit(e.UserData.(*polled), e.Events); err != nil {
				return err
			}
		}
		if err := p.sample(); err != nil {
			return err
		}
	}
	return nil
}

// add gives a source to the poller.
func (p *poll) add(s *polled) error {
	if s.sock == nil {
		return p.poller.AddFD(s.fd, s.waitsFor(), s)
	}
	err := p.poller.Add(s.sock, s.waitsFor(), s)
	if errors.Is(err, socket.ErrClosed) {
		return p.end(s, err)
	}
	return err
}

// waitsFor is what the poller is asked for: what is not the case already, or it would never wait, and what serve deals
// with.
func (s *polled) waitsFor() poller.Events {
	ev := s.want &^ s.level
	if s.reads {
		ev |= s.want & poller.In
	}
	if s.writes {
		ev |= poller.Out
	}
	return ev
}

// timeout is how long to wait: until the next sample, when there is any readiness that may end.
func (p *poll) timeout() time.Duration {
	if slices.ContainsFunc(p.sources, func(s *polled) bool { return s.level != 0 }) {
		return max(0, time.Until(p.next))
	}
	return -1
}

// sample looks at all sources, when it is time.
func (p *poll) sample() error {
	if time.Now().Before(p.next) {
		return nil
	}
	p.next = time.Now().Add(p.interval)
	for _, s := range slices.Clone(p.sources) {
		if err := p.visit(s, 0); err != nil {
			return err
		}
	}
	return nil
}

// visit shows a source's new state, with what the poller has seen rise, takes from it what it has, and asks the poller
// for the rest.
func (p *poll) visit(s *polled, rose poller.Events) error {
	if err := p.update(s, rose); err != nil {
		return err
	}
	if s.reads || s.writes {
		if err := p.serve(s); err != nil {
			return err
		}
		if err := p.update(s, 0); err != nil {
			return err
		}
	}
	switch {
	case !slices.Contains(p.sources, s):
		return nil
	case s.sock != nil:
		return p.poller.Modify(s.sock, s.waitsFor())
	}
	return p.poller.ModifyFD(s.fd, s.waitsFor())
}

// update prints a source's state when it is another one than before. What rose is shown even when it has fallen
// meanwhile.
func (p *poll) update(s *polled, rose poller.Events) error {
	if !slices.Contains(p.sources, s) {
		return nil
	}
	item := []poller.Item{{FD: s.fd, Events: s.want}}
	if s.sock != nil {
		item[0].Socket = s.sock
	}
	_, err := poller.Poll(context.Background(), item, 0) // does not block
	var ended *poller.ItemError
	switch {
	case errors.As(err, &ended):
		return p.end(s, ended.Err)
	case err != nil:
		return err
	}
	s.now = item[0].Revents
	level := rose | s.now
	failed := level&poller.Err != 0
	if s.reads {
		level, failed = level&^poller.Err, false // reading finds out what it is
	}
	if level != s.level {
		s.level = level
		if failed {
			return p.end(s, errHungUp)
		}
		return p.print(s, "")
	}
	return nil
}

// errHungUp is all that the system tells without reading.
var errHungUp = errors.New("in error or hung up")

// serve takes what a source has, and sends what it has room for, up to pollBurst. What fails shows at the next look.
func (p *poll) serve(s *polled) error {
	if !slices.Contains(p.sources, s) {
		return nil
	}
	if s.sock == nil {
		return p.serveFD(s)
	}
	if s.reads {
		for range pollBurst {
			if _, err := s.sock.TryRecv(); err != nil {
				break
			}
			s.received++
			if s.kind.typ == zmq4.Rep {
				_ = s.sock.TrySend(zmq4.NewMsg(nil)) // fails when whoever asked has gone
			}
		}
	}
	if s.writes {
		for range pollBurst {
			if s.sock.TrySend(zmq4.NewMsg(make([]byte, 1024))) != nil {
				break
			}
			s.sent++
		}
	}
	return nil
}

// serveFD reads once from a descriptor that is readable, or in error.
func (p *poll) serveFD(s *polled) error {
	if s.now&(poller.In|poller.Err) == 0 {
		return nil
	}
	n, err := readFD(s.fd, make([]byte, 64<<10))
	s.bytes += max(n, 0)
	switch {
	case errors.Is(err, syscall.EAGAIN) && s.now&poller.Err != 0:
		return p.end(s, errHungUp)
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		return nil
	case errors.Is(err, io.EOF):
		s.level &^= poller.In
		return p.end(s, errEndOfFile)
	case err != nil:
		s.level |= poller.Err
		return p.end(s, err)
	}
	return nil
}

var errEndOfFile = errors.New("end of file")
