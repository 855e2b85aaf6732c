package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// bench is one run of "zmqbus bench".
type bench struct {
	*app
	messages, roundTrips, size int
	transports                 []string
	timeout                    time.Duration
	json                       bool
}

// benchLine is one measurement, in JSON as it stands here.
type benchLine struct {
	Kind       string  `json:"kind"`
	Pattern    string  `json:"pattern"`
	Transport  string  `json:"transport"`
	Size       int     `json:"size"`
	Messages   int     `json:"messages"` // sent, received and verified; round trips for req-rep
	Seconds    float64 `json:"seconds"`
	PerSecond  float64 `json:"per_second"`
	MegaBytes  float64 `json:"mb_per_second"`
	P50Micros  float64 `json:"p50_us,omitempty"` // of a round trip
	P99Micros  float64 `json:"p99_us,omitempty"`
	Skipped    string  `json:"skipped,omitempty"` // why there is no measurement
	roundTrips bool
}

// benchTransports are measured by default; ipc is skipped where the system has none.
var benchTransports = []string{"tcp", "ipc", "inproc"}

func (a *app) newBench() *cobra.Command {
	b := &bench{app: a}
	cmd := &cobra.Command{
		Use:   "bench [flags]",
		Short: "measure throughput and round trips on this machine",
		Long: `Measures PUSH to PULL throughput and REQ to REP round trips between two sockets of this process. Every message is
numbered and checked when it arrives: a lost, repeated or changed one is a failure, exit status 1. MB are 10^6 bytes of
payload.`,
		Example: `  zmqbus bench
  zmqbus bench --transport tcp --size 1024 --messages 1000000 --json`,
		GroupID: "tools",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("bench takes flags only: %q", args[0])
			}
			return nil
		},
	}
	fs := cmd.Flags()
	fs.IntVar(&b.messages, "messages", 500_000, "messages from PUSH to PULL")
	fs.IntVar(&b.roundTrips, "round-trips", 10_000, "requests from REQ to REP")
	fs.IntVar(&b.size, "size", 64, "bytes of a message, at least 8")
	fs.StringSliceVar(&b.transports, "transport", benchTransports, "transports to measure")
	fs.DurationVar(&b.timeout, "timeout", time.Minute, "time for one measurement; a longer one is a failure")
	fs.BoolVar(&b.json, "json", false, "JSON lines instead of a table")
	cmd.RunE = a.runE(func(ctx context.Context, _ []string) error {
		if err := b.check(); err != nil {
			return err
		}
		return b.run(ctx, fs)
	})
	return cmd
}

func (b *bench) check() error {
	for _, t := range b.transports {
		if !slices.Contains(benchTransports, t) {
			return usagef("--transport %q: one of %s", t, strings.Join(benchTransports, " "))
		}
	}
	switch {
	case b.messages < 1 || b.roundTrips < 1:
		return usagef("--messages and --round-trips must be at least 1")
	case b.size < 8 || b.size > 64<<20:
		return usagef("--size %d: must be from 8 to 67108864", b.size)
	case b.timeout <= 0:
		return usagef("--timeout %v: must be more than 0", b.timeout)
	}
	return nil
}

// run measures and prints. The table is written as a whole, so that its columns align.
func (b *bench) run(ctx context.Context, fs *pflag.FlagSet) error {
	out := &printer{json: true, out: b.stdout}
	table := tabwriter.NewWriter(b.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	if !b.json {
		fmt.Fprintln(table, "pattern\ttransport\tbytes\tmessages\ttime\tper second\tMB/s\tp50\tp99\t")
	}
	for _, transport := range b.transports {
		for _, measure := range []func(context.Context, string) (benchLine, error){b.pushPull, b.reqRep} {
			line, err := b.once(ctx, transport, measure)
			if errors.Is(err, errors.ErrUnsupported) && !fs.Changed("transport") {
				line.Skipped, err = describe(err), nil
			}
			if err != nil {
				return errors.Join(fmt.Errorf("bench: %s over %s: %w", line.Pattern, transport, err), table.Flush())
			}
			if b.json {
				err = out.object(line)
			} else {
				_, err = fmt.Fprintln(table, line.row())
			}
			if err != nil {
				return err
			}
		}
	}
	return table.Flush()
}

// once runs one measurement within its time.
func (b *bench) once(ctx context.Context, transport string, measure func(context.Context, string) (benchLine, error)) (benchLine, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, b.timeout, fmt.Errorf("not finished after %v", b.timeout))
	defer cancel()
	line, err := measure(ctx, transport)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = cause // a cancelled call does not say why
	}
	line.Kind, line.Transport, line.Size = "bench", transport, b.size
	if line.Seconds > 0 {
		line.PerSecond = math.Round(float64(line.Messages) / line.Seconds)
		line.MegaBytes = math.Round(line.PerSecond*float64(b.size)/1e3) / 1e3
	}
	return line, err
}

// row is a line of the table.
func (l benchLine) row() string {
	if l.Skipped != "" {
		return fmt.Sprintf("%s\t%s\t%d\tskipped: %s\t", l.Pattern, l.Transport, l.Size, l.Skipped)
	}
	p50, p99 := "-", "-"
	if l.roundTrips {
		p50, p99 = fmt.Sprintf("%.1f us", l.P50Micros), fmt.Sprintf("%.1f us", l.P99Micros)
	}
	return fmt.Sprintf("%s\t%s\t%d\t%d\t%.3f s\t%.0f\t%.1f\t%s\t%s\t", l.Pattern, l.Transport, l.Size, l.Messages,
		l.Seconds, l.PerSecond, l.MegaBytes, p50, p99)
}
