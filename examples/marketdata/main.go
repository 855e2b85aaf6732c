// Marketdata shows quotes on a bus with two consumers: a book that needs every quote, and a screen that is far too slow
// for that and wants the newest price of each symbol. The screen delays neither the book nor the publisher, and is
// never shown an old price: what has been overtaken since it last looked, it skips.
//
//	go run ./examples/marketdata                                   # all in one process
//	go run ./examples/marketdata -import '>tcp://127.0.0.1:7000'   # or in two: the consumers,
//	go run ./examples/marketdata -export '@tcp://127.0.0.1:7000'   # and the publisher
//
// It ends by itself, and exits with status 1 when what it shows did not happen.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"zmqbus/bus"
	"zmqbus/socket"
)

var symbols = []string{"EURUSD", "GBPUSD", "USDCHF", "USDJPY", "XAUUSD"}

const (
	prefix   = "md.quote."           // of the topics, before the symbol
	rounds   = 400                   // quotes of each symbol
	beat     = time.Millisecond      // from one round to the next
	look     = 20 * time.Millisecond // what the screen needs for one quote
	patience = 30 * time.Second      // for everything, starting the other process included
)

// Quote is one price; between processes it is JSON.
type Quote struct {
	Number   int // of this symbol, from 1
	Bid, Ask float64
}

func main() {
	var export, imports string
	flag.StringVar(&export, "export", "", "only publish, to the consumers of another process, on `ENDPOINT`")
	flag.StringVar(&imports, "import", "", "only consume, what another process publishes, from `ENDPOINT`")
	flag.Parse()
	if flag.NArg() > 0 || export != "" && imports != "" {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, export, imports); err != nil {
		fmt.Fprintln(os.Stderr, "marketdata:", err)
		os.Exit(1)
	}
}

// run plays publisher and consumers, or with an endpoint only one of them. It returns when all was shown and checked;
// several goroutines write to out.
func run(ctx context.Context, out io.Writer, export, imports string) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not finished after %v", patience))
	defer cancel()
	// A whole run fits into SendHWM: an export drops what a peer is too slow for, and the book wants everything.
	b, err := bus.New(ctx, &bus.Config{Link: &socket.Config{SendHWM: rounds * len(symbols)}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close(ctx)) }() // flushes the export
	quotes, err := bus.NewTopic[Quote](b, prefix, nil)
	if err != nil {
		return err
	}
	group, running := errgroup.WithContext(ctx) // ends all of them when one fails; run waits for them
	var consumers []func() error
	if export == "" {
		// Before the import connects and the publisher starts, so that both consumers see the first quote.
		if consumers, err = consume(running, out, quotes); err != nil {
			return err
		}
	}
	if err := connect(out, b, export, imports); err != nil {
		return err
	}
	for _, consumer := range consumers {
		group.Go(consumer)
	}
	if imports == "" {
		group.Go(func() error { return publish(running, out, b, quotes) })
	}
	return group.Wait()
}

// connect makes the link to the other process, if there is one.
func connect(out io.Writer, b *bus.Bus, export, imports string) error {
	for _, side := range []struct {
		endpoint string
		link     func(string, ...bus.LinkOption) (*bus.Link, error)
	}{{export, b.Export}, {imports, b.Import}} {
		if side.endpoint == "" {
			continue
		}
		l, err := side.link(side.endpoint)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, l) // with the port that was really bound
	}
	return nil
}

// publish gives every symbol a new price once per beat.
func publish(ctx context.Context, out io.Writer, b *bus.Bus, quotes *bus.Topic[Quote]) error {
	for _, symbol := range symbols {
		if err := b.WaitSubscribers(ctx, prefix+symbol, 1); err != nil {
			return err
		}
	}
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	start := time.Now()
	for n := 1; n <= rounds; n++ {
		for i, symbol := range symbols {
			bid := float64(i+1) + float64(n)/10_000
			if err := quotes.Publish(ctx, symbol, Quote{n, bid, bid + 0.0002}); err != nil {
				return err
			}
		}
		<-ticker.C
	}
	fmt.Fprintf(out, "publisher: %d quotes in %v\n", rounds*len(symbols), time.Since(start).Round(time.Millisecond))
	return nil
}
