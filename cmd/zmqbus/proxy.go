package main

import (
	"context"
	"log/slog"
	"sync"

	"github.com/go-zeromq/zmq4"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// proxy is one run of "zmqbus proxy".
type proxy struct {
	*app
	commonFlags
	frontend, backend, capture string
	eventSet                   string

	out *printer
	log *slog.Logger
}

func (a *app) newProxy() *cobra.Command {
	p := &proxy{app: a}
	cmd := &cobra.Command{
		Use:   "proxy --frontend TYPE,EP --backend TYPE,EP [--capture TYPE,EP]",
		Short: "forward between two sockets, both ways",
		Long: `Forwards every message of the frontend to the backend and back, subscriptions too. EP starts with @ to bind (as
without) or with > to connect; further endpoints follow after commas. Usual pairs: xsub and xpub, router and dealer,
pull and push. The capture socket (pub, push, dealer or pair) gets a copy of every message, in both directions; a
push or dealer that nobody reads holds the proxy up, as libzmq's does, a pub never.

Prints what it bound, and what it forwarded when a signal or -d ends it. Options of -o are for frontend and backend.`,
		Example: `  zmqbus proxy --frontend xsub,@tcp://*:5559 --backend xpub,@tcp://*:5560
  zmqbus proxy --frontend router,@tcp://*:5561 --backend dealer,@tcp://*:5562
  zmqbus proxy --frontend 'xsub,>tcp://10.0.0.1:5555' --backend xpub,@tcp://*:5560 --capture pub,@tcp://*:5563`,
		GroupID: "tools",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("proxy takes flags only: %q", args[0])
			}
			return nil
		},
	}
	fs := cmd.Flags()
	p.register(fs)
	fs.StringVar(&p.frontend, "frontend", "", "`TYPE,EP` of the one side")
	fs.StringVar(&p.backend, "backend", "", "`TYPE,EP` of the other side")
	fs.StringVar(&p.capture, "capture", "", "`TYPE,EP` of a socket that gets a copy of every message")
	fs.StringVar(&p.eventSet, "events", "", "also report lifecycle events: all, or names with commas (`MASK`)")
	cmd.RunE = a.runE(func(ctx context.Context, _ []string) error { return p.run(ctx, fs) })
	return cmd
}

// run opens the sides, forwards until ctx ends, and closes them.
func (p *proxy) run(ctx context.Context, fs *pflag.FlagSet) error {
	front, back, capture, err := p.sides(fs)
	if err != nil {
		return err
	}
	mask, err := parseMask("events", p.eventSet)
	if err != nil {
		return err
	}
	p.log = p.logger(p.stderr)
	p.out = &printer{json: p.json, out: p.stdout, events: p.stderr, diag: p.stderr}
	if p.quiet {
		p.out.diag = nil
	}
	sides := []*side{front, back}
	if capture != nil {
		sides = append(sides, capture)
	}
	ctx, release := p.limit(ctx)
	defer release()
	var events sync.WaitGroup
	for _, s := range sides {
		if err = p.open(s, mask, &events, s == capture); err != nil {
			break
		}
	}
	if err == nil {
		err = forwardBoth(ctx, front, back, capture, p.log)
		p.out.note("proxy: frontend -> backend %s, backend -> frontend %s", back.total(), front.total())
	}
	p.closing()
	for _, s := range sides {
		if s.sock != nil {
			err = firstError(err, s.sock.Close())
		}
	}
	events.Wait()
	return firstError(err, p.out.failed())
}

// sides reads the three flags and checks that something can be forwarded.
func (p *proxy) sides(fs *pflag.FlagSet) (front, back, capture *side, err error) {
	if err = p.check(fs); err != nil {
		return
	}
	if front, err = parseSide("frontend", p.frontend); err != nil {
		return
	}
	if back, err = parseSide("backend", p.backend); err != nil {
		return
	}
	for _, s := range []*side{front, back} {
		if s.kind.typ == zmq4.Req || s.kind.typ == zmq4.Rep {
			err = usagef("--%s: %s cannot be forwarded, it takes one message at a time: use dealer or router", s.name, s.kind.name())
			return
		}
	}
	if !front.forwards(back) && !back.forwards(front) {
		err = usagef("nothing to forward between %s and %s", front.kind.name(), back.kind.name())
		return
	}
	if p.capture == "" {
		return
	}
	if capture, err = parseSide("capture", p.capture); err != nil {
		return
	}
	switch capture.kind.typ {
	case zmq4.Pub, zmq4.Push, zmq4.Dealer, zmq4.Pair:
	default:
		err = usagef("--capture: %s cannot take copies: use pub, push, dealer or pair", capture.kind.name())
	}
	return
}
