// Command compare measures zmqbus against libzmq through cgo (pebbe/zmq4) and against go-zeromq/zmq4: PUSH to PULL
// over tcp on 127.0.0.1, both ends in this process, one connection. Then it measures how long the wake-up of a poller takes
// with ever more sockets in it.
//
// The systems take turns, so that whatever else the machine does falls on all of them. Every message carries a
// number, and each run checks that all came, in order and in full: a system that loses one fails the program.
//
//	go run ./compare                 a table
//	go run ./compare -json           one JSON object per system
//	go run ./compare -size 1024 -rounds 11
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/go-zeromq/zmq4"
)

// minSize holds the message's number.
const minSize = 8

type config struct {
	messages, size, rounds, wakes int
	json                          bool
}

// result is what one system needed, in nanoseconds per message.
type result struct {
	Case     string  `json:"case"`
	System   string  `json:"system"`
	Messages int     `json:"messages"`
	Rounds   int     `json:"rounds"`
	Median   float64 `json:"median_ns"`
	Min      float64 `json:"min_ns"`
	Max      float64 `json:"max_ns"`
	// Ratio is the median over that of the first system.
	Ratio float64 `json:"ratio"`
}

func main() {
	var c config
	flag.IntVar(&c.messages, "messages", 500_000, "messages per run; a tenth of it for go-zeromq/zmq4, which is slow")
	flag.IntVar(&c.size, "size", 64, "bytes per message")
	flag.IntVar(&c.wakes, "wakes", wakes, "wake-ups per run of zmqbus's poller; fewer of libzmq's, which takes longer the more sockets it has")
	flag.IntVar(&c.rounds, "rounds", 7, "runs of each system")
	flag.BoolVar(&c.json, "json", false, "print JSON lines instead of a table")
	flag.Parse()
	if err := run(c, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run(c config, w io.Writer) error {
	if c.size < minSize || c.messages < 10 || c.rounds < 1 || c.wakes < 1 {
		return fmt.Errorf("need -size of at least %d, -messages of at least 10, -rounds of at least 1, -wakes of at least 1", minSize)
	}
	messages := prepare(c.size)
	samples := make([][]float64, len(systems))
	for range c.rounds {
		for i, s := range systems {
			n := c.messages / s.fewer
			took, err := measure(s, messages, n)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			samples[i] = append(samples[i], float64(took.Nanoseconds())/float64(n))
		}
	}
	var results []result
	for i, s := range systems {
		slices.Sort(samples[i])
		results = append(results, result{
			Case: fmt.Sprintf("PUSH-PULL/tcp/%dB", c.size), System: s.name, Messages: c.messages / s.fewer, Rounds: c.rounds,
			Median: median(samples[i]), Min: samples[i][0], Max: samples[i][c.rounds-1],
			Ratio: median(samples[i]) / median(samples[0]),
		})
	}
	woken, err := compareWakes(c)
	if err != nil {
		return err
	}
	results = append(results, woken...)
	if c.json {
		return writeJSON(w, results)
	}
	return writeTable(w, results)
}

// median of sorted values.
func median(v []float64) float64 {
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

func writeJSON(w io.Writer, results []result) error {
	enc := json.NewEncoder(w)
	for _, r := range results {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

func writeTable(w io.Writer, results []result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "case\tsystem\tmedian ns\tspread\tratio\t")
	for _, r := range results {
		fmt.Fprintf(t, "%s\t%s\t%.0f\t%.0f-%.0f\t%.2f\t\n", r.Case, r.System, r.Median, r.Min, r.Max, r.Ratio)
	}
	return t.Flush()
}

// measure runs one system once. The first message goes before the clock starts, so the connection does not count.
func measure(s system, messages []zmq4.Msg, n int) (took time.Duration, err error) {
	l, err := s.open()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if err := errors.Join(send(l, messages, 0, 1), receive(l, messages, 0, 1)); err != nil {
		return 0, err
	}
	start := time.Now()
	sent := make(chan error, 1)
	// Owned by measure, which waits for it: a libzmq socket must not be closed under its user. It ends when all is
	// sent, or when the link's patience does.
	go func() { sent <- send(l, messages, 1, n) }()
	err = receive(l, messages, 1, n)
	took = time.Since(start)
	return took, errors.Join(err, <-sent)
}
