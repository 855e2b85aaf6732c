package main

import (
	"context"
	"errors"
	"sync"

	"github.com/go-zeromq/zmq4"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"zmqbus/monitor"
	"zmqbus/socket"
)

// watcher is one run of "zmqbus monitor TYPE".
type watcher struct {
	*app
	commonFlags
	endpointFlags
	mask     string
	snapshot bool
}

func (a *app) newMonitor() *cobra.Command {
	w := &watcher{app: a}
	cmd := &cobra.Command{
		Use:   "monitor TYPE [flags]",
		Short: "print the lifecycle of a socket's connections",
		Long: `Opens a socket and prints its lifecycle events: time, event, value in words, endpoint, peer. Messages that come
are received and dropped, so that no peer is held up; a rep answers each request with an empty frame, since it could
take no other before. A bind that fails prints its events and exits with status 1.`,
		Example: `  zmqbus monitor sub -c tcp://127.0.0.1:5555
  zmqbus monitor pull -b tcp://*:5556 --mask accepted,disconnected --json
  zmqbus monitor dealer -c tcp://127.0.0.1:5557 -d 10s -o reconnect_ivl=500`,
		GroupID:   "tools",
		ValidArgs: kindNames(),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("monitor takes one socket type, not %d", len(args))
			}
			_, err := findKind(args[0])
			return err
		},
	}
	fs := cmd.Flags()
	w.commonFlags.register(fs)
	w.endpointFlags.register(fs)
	w.registerTopics(fs)
	fs.StringVar(&w.mask, "mask", "all", "the events to print: all (libzmq's), or names with commas (`MASK`)")
	fs.BoolVar(&w.snapshot, "snapshot", false, "start with the connections that stand already")
	cmd.RunE = a.runE(func(ctx context.Context, args []string) error {
		k, err := findKind(args[0])
		if err == nil {
			err = w.check(fs, k)
		}
		if err != nil {
			return err
		}
		return w.run(ctx, k)
	})
	return cmd
}

func (w *watcher) check(fs *pflag.FlagSet, k kind) error {
	if fs.Changed("topic") && !k.topics {
		return usagef("--topic is for sub and xsub, not for %s", k.name())
	}
	if w.mask == "" {
		return usagef("--mask names no event")
	}
	return firstError(w.commonFlags.check(fs), w.endpointFlags.check())
}

// run prints events until the time is over or a signal comes, and then those of the socket's own end.
func (w *watcher) run(ctx context.Context, k kind) error {
	mask, err := parseMask("mask", w.mask)
	if err != nil {
		return err
	}
	cfg, err := w.config(k, w.logger(w.stderr))
	if err != nil {
		return err
	}
	s, err := socket.New(context.Background(), k.typ, cfg)
	if err != nil {
		return err
	}
	out := &printer{json: w.json, out: w.stdout, events: w.stdout, diag: w.stderr}
	if w.quiet {
		out.diag = nil
	}
	var opts []monitor.Option
	if w.snapshot {
		opts = append(opts, monitor.WithSnapshot())
	}
	ctx, release := w.limit(ctx)
	defer release()
	var loops sync.WaitGroup
	stream := s.Lifecycle(mask, opts...)
	// Both are owned by this call and end when the socket has closed.
	loops.Go(func() { out.follow(stream, "") })
	if k.receives {
		loops.Go(func() { discard(s) })
	}
	err = w.attach(s, k, out.note)
	if err == nil {
		<-ctx.Done()
	}
	w.closing()
	closed := s.Close()
	loops.Wait()
	if errors.As(closed, new(*socket.UnsentError)) {
		closed = nil // nothing was sent here but subscriptions
	}
	return firstError(err, out.failed(), closed)
}

// discard takes messages and drops them until the socket closes. A REP gets its next request only after it answered
// the last one, so it answers with an empty frame: without, its first peer and all later ones would wait for ever.
func discard(s *socket.Socket) {
	for range s.C() {
		if s.Type() == zmq4.Rep {
			_ = s.Send(zmq4.NewMsg(nil)) // fails when whoever asked has gone, and the next request may come
		}
	}
}
