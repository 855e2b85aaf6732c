package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/pflag"

	"zmqbus/monitor"
	"zmqbus/socket"
)

// errDuration is the cause of a context that --duration ended.
var errDuration = errors.New("duration is over")

// commonFlags are the flags of every command that opens sockets.
type commonFlags struct {
	options        []string
	duration       time.Duration
	json           bool
	quiet, verbose bool
	level          slog.LevelVar // of the log
}

func (f *commonFlags) register(fs *pflag.FlagSet) {
	fs.StringArrayVarP(&f.options, "option", "o", nil,
		"socket option, `NAME=VALUE` such as sndhwm=10; the names are libzmq's in lower case without ZMQ_ (repeatable)")
	fs.DurationVarP(&f.duration, "duration", "d", 0, "end after this time, such as 500ms or 10s")
	fs.BoolVar(&f.json, "json", false, "JSON lines on standard output")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "no notes and no log on standard error, only the error that ends the run")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "a detailed log on standard error")
}

func (f *commonFlags) check(fs *pflag.FlagSet) error {
	if fs.Changed("duration") && f.duration <= 0 {
		return usagef("--duration %v: must be more than 0", f.duration)
	}
	if f.quiet && f.verbose {
		return usagef("--quiet and --verbose exclude each other")
	}
	return nil
}

// limit returns a context that also ends after --duration, with errDuration as its cause.
func (f *commonFlags) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if f.duration == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, f.duration, errDuration)
}

// config turns -o, -q and -v into a socket's configuration.
func (f *commonFlags) config(k kind, log *slog.Logger) (*socket.Config, error) {
	cfg := &socket.Config{Logger: log}
	for _, o := range f.options {
		if err := socket.ParseOption(cfg, k.typ, o); err != nil {
			return nil, usageError{err}
		}
	}
	return cfg, nil
}

// logger writes warnings to standard error; everything with -v, nothing with -q.
func (f *commonFlags) logger(w io.Writer) *slog.Logger {
	switch {
	case f.quiet:
		return slog.New(slog.DiscardHandler)
	case f.verbose:
		f.level.Set(slog.LevelDebug)
	default:
		f.level.Set(slog.LevelWarn)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: &f.level}))
}

// closing keeps warnings back from here on, since the command itself says in one line what closing could not do.
func (f *commonFlags) closing() {
	if !f.verbose {
		f.level.Set(slog.LevelError)
	}
}

// endpointFlags say where a socket binds and connects, and what it subscribes to.
type endpointFlags struct {
	bind, connect, topics []string
}

func (f *endpointFlags) register(fs *pflag.FlagSet) {
	fs.StringArrayVarP(&f.bind, "bind", "b", nil, "bind to `EP`: tcp://ADDR:PORT, ipc://PATH (repeatable)")
	fs.StringArrayVarP(&f.connect, "connect", "c", nil, "connect to `EP` (repeatable)")
}

func (f *endpointFlags) registerTopics(fs *pflag.FlagSet) {
	fs.StringArrayVarP(&f.topics, "topic", "t", []string{""}, "subscribe to `PREFIX` (repeatable; default: all)")
}

func (f *endpointFlags) check() error {
	if len(f.bind)+len(f.connect) == 0 {
		return usagef("an endpoint is missing: at least one --bind or --connect")
	}
	return nil
}

// attach subscribes, binds and connects, in this order, so that no connection stands before its subscriptions are
// known. note is told each endpoint that binding resolved, such as the
// port behind tcp://127.0.0.1:*.
func (f *endpointFlags) attach(s *socket.Socket, k kind, note func(format string, args ...any)) error {
	if k.topics {
		for _, t := range f.topics {
			if err := s.Subscribe(t); err != nil {
				return err
			}
		}
	}
	given := make(map[string]bool)
	for _, ep := range f.bind {
		given[ep] = true
		if err := s.Listen(ep); err != nil {
			return err
		}
	}
	for _, e := range s.Endpoints() {
		if e.Bound && !given[e.Endpoint] {
			note("%s bound to %s", k.name(), e.Endpoint)
		}
	}
	for _, ep := range f.connect {
		if err := s.Dial(ep); err != nil {
			return err
		}
	}
	return nil
}

// parseMask reads a set of lifecycle events; "" is none.
func parseMask(flag, value string) (monitor.Type, error) {
	if value == "" {
		return 0, nil
	}
	mask, err := monitor.ParseTypes(value)
	if err != nil {
		return 0, usageError{fmt.Errorf("--%s: %w", flag, err)}
	}
	if mask == 0 {
		return 0, usagef("--%s %q: names no event", flag, value)
	}
	return mask, nil
}
