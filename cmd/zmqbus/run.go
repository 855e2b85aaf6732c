package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"zmqbus/socket"
)

// errDone is the cause of a run's context when what was asked for has been done.
var errDone = errors.New("done")

// runner is one run of "zmqbus TYPE".
type runner struct {
	*app
	kind kind
	commonFlags
	endpointFlags
	frames   []string      // the message of the command line; none: read standard input
	repeat   int           // how often to send it; 0 is for ever
	interval time.Duration // between two messages
	delim    string
	count    int
	wait     int
	echo     bool
	reply    []string
	eventSet string

	sock *socket.Socket
	out  *printer
	log  *slog.Logger

	// Each is written by one loop and read when all loops have ended.
	sent, received int
	waiting        bool // peers have not come yet
	pending        bool // a message has not been taken yet; of a REQ: has no reply yet
}

// newRun returns the command of one socket type.
func (a *app) newRun(k kind) *cobra.Command {
	r := &runner{app: a, kind: k}
	use := k.name() + " [flags]"
	if k.input() {
		use += " [FRAME...]"
	}
	cmd := &cobra.Command{
		Use:               use,
		Short:             k.short,
		Long:              k.short + ".\n\n" + k.help(),
		Example:           "  " + strings.Join(k.examples, "\n  "),
		GroupID:           "types",
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	fs := cmd.Flags()
	r.register(fs)
	cmd.RunE = a.runE(func(ctx context.Context, args []string) error {
		r.frames = args
		if err := r.check(fs); err != nil {
			return err
		}
		return r.run(ctx)
	})
	return cmd
}

func (r *runner) register(fs *pflag.FlagSet) {
	r.commonFlags.register(fs)
	r.endpointFlags.register(fs)
	if r.kind.topics {
		r.registerTopics(fs)
	}
	what := "received"
	if !r.kind.receives {
		what = "sent"
	}
	fs.IntVarP(&r.count, "count", "n", 0, "exit after `N` messages "+what)
	fs.StringVar(&r.delim, "delim", "", "`S` between frames, of an input line (default: the line is one frame) and of output (default: a space)")
	fs.StringVar(&r.eventSet, "events", "", "also report lifecycle events: all, or names with commas (`MASK`)")
	if r.kind.input() {
		fs.IntVar(&r.repeat, "repeat", 1, "send the FRAMEs `N` times; 0 is for ever, the default with --interval")
		fs.DurationVar(&r.interval, "interval", 0, "time between two messages")
		fs.IntVar(&r.wait, "wait", 0, "send nothing until `N` peers are there (pub, xpub: N subscribers)")
	}
	if r.kind.typ == zmq4.Rep {
		fs.BoolVar(&r.echo, "echo", true, "answer with the request")
		fs.StringArrayVar(&r.reply, "reply", nil, "answer with this `FRAME` (repeatable: a reply of several frames)")
	}
}

// check finds wrong usage that flags alone do not show.
func (r *runner) check(fs *pflag.FlagSet) error {
	if err := firstError(r.commonFlags.check(fs), r.endpointFlags.check()); err != nil {
		return err
	}
	switch {
	case len(r.frames) > 0 && !r.kind.input():
		return usagef("%s takes no FRAME: %q", r.kind.name(), r.frames[0])
	case len(r.frames) == 0 && fs.Changed("repeat"):
		return usagef("--repeat needs a message: FRAME arguments")
	case fs.Changed("count") && r.count < 1:
		return usagef("--count %d: must be at least 1", r.count)
	case r.repeat < 0 || r.interval < 0 || r.wait < 0:
		return usagef("--repeat, --interval and --wait must not be negative")
	case fs.Changed("echo") && r.echo && len(r.reply) > 0:
		return usagef("--echo and --reply exclude each other")
	case fs.Changed("echo") && !r.echo && len(r.reply) == 0:
		return usagef("--echo=false needs a --reply: a rep has to answer")
	}
	if fs.Changed("interval") && !fs.Changed("repeat") {
		r.repeat = 0
	}
	return nil
}

// run opens the socket, does the work and closes the socket. The events of all three are printed.
func (r *runner) run(ctx context.Context) error {
	mask, err := parseMask("events", r.eventSet)
	if err != nil {
		return err
	}
	r.log = r.logger(r.stderr)
	cfg, err := r.config(r.kind, r.log)
	if err != nil {
		return err
	}
	// A background context: cancelling the socket's own would drop what is queued.
	r.sock, err = socket.New(context.Background(), r.kind.typ, cfg)
	if err != nil {
		return err
	}
	r.out = &printer{json: r.json, delim: r.delim, out: r.stdout, events: r.stderr, diag: r.stderr}
	if r.quiet {
		r.out.diag = nil
	}
	if r.delim == "" {
		r.out.delim = " "
	}
	var events sync.WaitGroup
	if mask != 0 {
		stream := r.sock.Lifecycle(mask)
		// Owned by this call; the stream ends when the socket has closed.
		events.Go(func() { r.out.follow(stream, "") })
	}
	err = r.attach(r.sock, r.kind, r.out.note)
	if err == nil {
		err = r.work(ctx)
	}
	if err == nil && r.pending && r.kind.typ != zmq4.Req {
		r.out.note("one message had no room and was not sent")
	}
	r.closing()
	closed := r.sock.Close() // flushes for up to the linger time
	events.Wait()
	if errors.Is(context.Cause(ctx), errSignal) && closed != nil {
		r.out.note("%s", describe(closed)) // a signal is a clean end, but what it cost is said
		closed = nil
	}
	return firstError(err, r.out.failed(), closed)
}

// work runs the loops of the socket type until one of them has done what was asked for, until one fails, or until the
// time or a signal ends them.
func (r *runner) work(ctx context.Context) error {
	ctx, release := r.limit(ctx)
	defer release()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var loops sync.WaitGroup
	start := func(loop func(context.Context) error) {
		// Owned by work, which waits for it; ends when it is done or ctx is.
		loops.Go(func() {
			if err := loop(ctx); err != nil {
				stop(err)
			}
		})
	}
	switch {
	case r.kind.typ == zmq4.Req:
		start(r.ask)
	case r.kind.typ == zmq4.Rep:
		start(r.answer)
	default:
		if r.kind.sends {
			start(r.send)
		}
		if r.kind.receives {
			start(r.receive)
		}
	}
	loops.Wait()
	switch cause := context.Cause(ctx); cause {
	case nil, errDone, errSignal:
		return nil
	case errDuration:
		return r.unfinished()
	default:
		return cause
	}
}

// unfinished says what had not happened when the time was over; nil when nothing else was asked for.
func (r *runner) unfinished() error {
	got, did := r.received, "received"
	if !r.kind.receives {
		got, did = r.sent, "sent"
	}
	switch {
	case r.waiting:
		return fmt.Errorf("waited %v for --wait %d, not that many peers came", r.duration, r.wait)
	case r.pending && r.kind.typ == zmq4.Req:
		return fmt.Errorf("no reply within %v", r.duration)
	case r.pending && r.sent == 0:
		return fmt.Errorf("no peer took a message within %v", r.duration)
	case r.count > 0 && got < r.count:
		return fmt.Errorf("%d of %d messages %s within %v", got, r.count, did, r.duration)
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
