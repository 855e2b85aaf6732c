package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"zmqbus/poller"
	"zmqbus/socket"
)

// poll is one run of "zmqbus poll".
type poll struct {
	*app
	commonFlags
	endpointFlags // its endpoints are TYPE,EP here
	fds           []string
	events        string
	interval      time.Duration
	read, write   bool
	count         int

	out     *printer
	poller  *poller.Poller
	sources []*polled // those that have not ended
	width   int       // of the longest name
	lines   int       // printed
	next    time.Time // when to look for readiness that has ended
}

func (a *app) newPoll() *cobra.Command {
	p := &poll{app: a}
	cmd := &cobra.Command{
		Use:   "poll [-b TYPE,EP]... [-c TYPE,EP]... [--fd N[,in][,out][,pri]]... [flags]",
		Short: "print when sockets and file descriptors become ready",
		Long: `Prints what each source is ready for, at the beginning and whenever it changes: in, out, in+out or none. Each -b and
-c opens a socket; further endpoints follow after commas, and @ (bind) or > (connect) before an endpoint overrides the
flag. --fd takes a descriptor that zmqbus was started with, 0 is standard input; without events it is polled for in.

Readiness that begins is told at once. Nobody tells when it ends, so that is looked for every --interval: what lasts
for less may be missed. Nothing is taken from a source without --read, which counts what it takes; a rep then answers
with an empty frame. A descriptor that is in error or hung up, or whose end --read has found, is printed as ended and
polled no more; when no source is left the run ends.`,
		Example: `  zmqbus poll -b pull,tcp://*:5556                   in when there is a message
  zmqbus poll -b pull,tcp://*:5556 --fd 0 --read     take messages and input, and count them
  zmqbus poll -c push,tcp://127.0.0.1:5556 --json    out while a peer has room
  zmqbus poll -c dealer,tcp://127.0.0.1:5557 --write -o sndhwm=10`,
		GroupID:           "tools",
		ValidArgsFunction: cobra.NoFileCompletions,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("poll takes flags only: %q", args[0])
			}
			return nil
		},
	}
	fs := cmd.Flags()
	p.register(fs)
	cmd.RunE = a.runE(func(ctx context.Context, _ []string) error {
		if err := p.check(fs); err != nil {
			return err
		}
		return p.run(ctx)
	})
	return cmd
}

func (p *poll) register(fs *pflag.FlagSet) {
	p.commonFlags.register(fs)
	fs.StringArrayVarP(&p.bind, "bind", "b", nil, "`TYPE,EP` of a socket that binds, such as pull,tcp://*:5556 (repeatable)")
	fs.StringArrayVarP(&p.connect, "connect", "c", nil, "`TYPE,EP` of a socket that connects (repeatable)")
	fs.StringArrayVar(&p.fds, "fd", nil, "file descriptor, `N[,in][,out][,pri]` (repeatable; not on Windows)")
	p.registerTopics(fs)
	fs.StringVar(&p.events, "events", "in,out", "what the sockets are polled for, `EVENTS`: in, out or both")
	fs.DurationVar(&p.interval, "interval", 50*time.Millisecond, "time between two looks for readiness that has ended")
	fs.BoolVar(&p.read, "read", false, "take messages and input, so that readiness ends")
	fs.BoolVar(&p.write, "write", false, "send messages of 1 KiB while there is room (push, dealer, pair, req)")
	fs.IntVarP(&p.count, "count", "n", 0, "exit after `N` lines")
}

// check finds wrong usage that the flag parser does not, and makes the sources.
func (p *poll) check(fs *pflag.FlagSet) error {
	switch {
	case fs.Changed("count") && p.count < 1:
		return usagef("--count %d: must be at least 1", p.count)
	case p.interval <= 0:
		return usagef("--interval %v: must be more than 0", p.interval)
	}
	if err := firstError(p.commonFlags.check(fs), p.parse()); err != nil {
		return err
	}
	has := func(what func(*polled) bool) bool { return slices.ContainsFunc(p.sources, what) }
	switch {
	case len(p.sources) == 0:
		return usagef("nothing to poll: at least one --bind, --connect or --fd")
	case fs.Changed("topic") && !has(func(s *polled) bool { return s.kind.topics }):
		return usagef("--topic is for sub and xsub, and there is none")
	case p.write && !has(func(s *polled) bool { return s.writes }):
		return usagef("--write is for push, dealer, pair and req that are polled for out, and there is none")
	}
	return nil
}

// parse reads the flags that name sources.
func (p *poll) parse() error {
	events, err := parseEvents("--events", strings.Split(p.events, ","), poller.In|poller.Out)
	if err != nil {
		return err
	}
	for _, flag := range []struct {
		name    string
		values  []string
		connect bool
	}{{"bind", p.bind, false}, {"connect", p.connect, true}} {
		for _, value := range flag.values {
			s := &polled{fd: -1, want: events, level: unknown, reads: p.read}
			if s.kind, s.endpointFlags, err = parseTypeEndpoints(flag.name, value, flag.connect); err != nil {
				return err
			}
			s.topics = p.topics
			switch s.kind.typ {
			case zmq4.Push, zmq4.Dealer, zmq4.Pair, zmq4.Req: // the others drop, or send only to whom they heard of
				s.writes = p.write && events&poller.Out != 0
			}
			p.sources = append(p.sources, s)
		}
	}
	for _, value := range p.fds {
		s, err := p.parseFD(value)
		if err != nil {
			return err
		}
		p.sources = append(p.sources, s)
	}
	return nil
}

// parseFD reads N[,in][,out][,pri].
func (p *poll) parseFD(value string) (*polled, error) {
	number, words, some := strings.Cut(value, ",")
	fd, err := strconv.ParseInt(number, 10, 32)
	if err != nil || fd < 0 {
		return nil, usagef("--fd %q: must be N[,in][,out][,pri] such as 0,in", value)
	}
	s := &polled{name: fmt.Sprintf("fd %d", fd), fd: int(fd), want: poller.In, level: unknown}
	if some {
		if s.want, err = parseEvents("--fd", strings.Split(words, ","), poller.In|poller.Out|poller.Pri); err != nil {
			return nil, err
		}
	}
	if slices.ContainsFunc(p.sources, func(other *polled) bool { return other.fd == s.fd }) {
		return nil, usagef("--fd %d is there twice", fd)
	}
	s.reads = p.read && s.want&poller.In != 0
	return s, nil
}

var eventWords = []struct {
	event poller.Events
	word  string
}{{poller.In, "in"}, {poller.Out, "out"}, {poller.Pri, "pri"}, {poller.Err, "err"}}

// parseEvents reads the names of events that are among known.
func parseEvents(flag string, words []string, known poller.Events) (poller.Events, error) {
	var events poller.Events
next:
	for _, w := range words {
		for _, e := range eventWords {
			if e.word == w && e.event&known != 0 {
				events |= e.event
				continue next
			}
		}
		return 0, usagef("%s: unknown event %q: one of %s", flag, w, strings.Join(wordsOf(known), " "))
	}
	return events, nil
}

func wordsOf(events poller.Events) []string {
	words := []string{} // in JSON none is [], not null
	for _, e := range eventWords {
		if events&e.event != 0 {
			words = append(words, e.word)
		}
	}
	return words
}

// run opens the sources, prints until ctx ends, --count is reached or no source is left, and closes the sockets.
func (p *poll) run(ctx context.Context) error {
	p.prepare()
	ctx, release := p.limit(ctx)
	defer release()
	all := slices.Clone(p.sources)
	err := p.open()
	if err == nil {
		err = p.outcome(p.loop(ctx))
	}
	p.closing()
	err = firstError(err, p.poller.Close())
	for _, s := range all {
		if s.sock == nil {
			continue
		}
		// With linger=0 it does not wait for what --write has queued, which is nobody's loss.
		if closed := s.sock.Close(); !errors.As(closed, new(*socket.UnsentError)) {
			err = firstError(err, closed)
		}
	}
	return firstError(err, p.out.failed())
}

// prepare makes what open and loop need.
func (p *poll) prepare() {
	p.out = &printer{json: p.json, out: p.stdout, diag: p.stderr}
	if p.quiet {
		p.out.diag = nil
	}
	p.options = append([]string{"linger=0"}, p.options...)
	p.poller = poller.New()
}

// outcome is what the command ends with when the loop has.
func (p *poll) outcome(err error) error {
	short := p.count > 0 && p.lines < p.count
	switch {
	case err == nil && short:
		return fmt.Errorf("%d of %d lines, and no source is left", p.lines, p.count)
	case err == errDuration && short:
		return fmt.Errorf("%d of %d lines within %v", p.lines, p.count, p.duration)
	case err == errDone || err == errDuration || err == errSignal:
		return nil
	}
	return err
}
