package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/spf13/cobra"

	"zmqbus/bus"
	"zmqbus/bus/flow"
	"zmqbus/monitor"
	"zmqbus/socket"
)

const (
	demoTick   = 20 * time.Millisecond
	demoTicks  = 75                     // with a quote each, before the link dies and again after it is back
	demoHalf   = 2 * time.Second        // a busy machine gets fewer ticks, not a longer demo
	demoLeast  = 15                     // but never fewer than these
	demoOutage = 700 * time.Millisecond // long enough for several attempts to reconnect
	demoLimit  = 14 * time.Second       // for everything; reaching it is a failure
	demoGlance = 10                     // the screen takes one quote whenever the trader has had so many
)

func (a *app) newDemo() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "see two buses, typed topics and lifecycle in one select, over real sockets",
		Long: `Two buses are linked over tcp on this machine: the market publishes quotes, typed structs, and the desk sends orders
back. One select takes values, lifecycle, a timer and a context. On the desk a trader gets every quote, a slow screen
only the latest of each topic, with what it missed counted and announced; a plain ZeroMQ SUB socket joins the same
topics. The market's link dies and comes back: the desk notices, reconnects, and its subscriptions work again. At the
end everything is counted. It needs no arguments, takes a few seconds, and exits with status 1 when what it shows did
not happen.`,
		GroupID: "tools",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("demo takes no arguments: %q", args[0])
			}
			return nil
		},
		RunE: a.runE(func(ctx context.Context, _ []string) error {
			ctx, cancel := context.WithTimeoutCause(ctx, demoLimit, fmt.Errorf("not finished after %v", demoLimit))
			defer cancel()
			if err := newDemo(a.stdout).run(ctx); err != nil {
				return fmt.Errorf("demo: %w", err)
			}
			return nil
		}),
	}
}

// demoQuote and demoOrder are what travels: values of these types in a program, JSON between programs.
type (
	demoQuote struct {
		Number int
		Price  float64
	}
	demoOrder struct {
		Number int
		Symbol string
	}
)

// demoPairs are what the market publishes in turn. The desk gets all of them, the plain socket only those in EUR.
var demoPairs = []struct {
	symbol string
	price  float64
	peers  int // that get it
}{{"EURUSD", 1.08, 2}, {"EURGBP", 0.85, 2}, {"USDJPY", 156, 1}}

// demo is one run of "zmqbus demo". Only its loop touches it.
type demo struct {
	out   io.Writer
	start time.Time

	market     *bus.Bus
	marketLife *monitor.Stream
	quotes     *bus.Topic[demoQuote]
	link       *bus.Link // the market's export, which dies
	book       <-chan []bus.Event[demoOrder]

	desk     *bus.Bus
	deskLife *monitor.Stream
	trader   *bus.Subscription[demoQuote]
	screen   *bus.Subscription[demoQuote]
	look     <-chan bus.Event[demoQuote] // the screen's channel while it looks, else nil: such a case never comes
	orders   *bus.Topic[demoOrder]

	plain *socket.Socket

	phase   phase
	entered time.Time    // when this phase began
	ticks   int          // in this phase
	ready   <-chan error // tells when all subscribers are there; nil while nobody asks
	bindErr error        // why the link is not back yet

	tally
}

func newDemo(out io.Writer) *demo { return &demo{out: out, start: time.Now(), tally: newTally()} }

// run builds it all, loops until all has been shown, and checks it.
func (d *demo) run(ctx context.Context) error {
	// The buses outlive ctx, so that no channel closes while the loop reads it: ctx ends the loop, and the loop the rest.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer d.wait()
	defer end()
	if err := d.setup(life); err != nil {
		return err
	}
	if err := d.loop(ctx); err != nil {
		return err
	}
	if err := d.finish(ctx); err != nil {
		return err
	}
	if failures := d.summary(); len(failures) > 0 {
		return fmt.Errorf("%s", strings.Join(failures, "; "))
	}
	return nil
}

func (d *demo) setup(life context.Context) error {
	for _, step := range []func(context.Context) error{d.openMarket, d.openDesk, d.connect} {
		if err := step(life); err != nil {
			return err
		}
	}
	return nil
}

// openMarket makes the bus that publishes quotes. It takes orders in batches, which keeps a database busy with fewer
// and bigger writes; with Block none is ever lost.
func (d *demo) openMarket(life context.Context) (err error) {
	if d.market, err = bus.New(life, &bus.Config{Name: "market"}); err != nil {
		return err
	}
	d.marketLife = d.market.Lifecycle(demoEvents)
	if d.quotes, err = bus.NewTopic[demoQuote](d.market, "md.quote.", nil); err != nil {
		return err
	}
	orders, err := bus.NewTopic[demoOrder](d.market, "order.", nil)
	if err != nil {
		return err
	}
	book, err := orders.Subscribe(life, bus.Name("book"), bus.WithPolicy(bus.Block))
	if err != nil {
		return err
	}
	d.book = flow.Batch(life, book.C(), 10, 100*time.Millisecond)
	return nil
}

// openDesk makes the bus that gets the quotes: all of them for the trader, the newest of each pair in EUR for the screen.
func (d *demo) openDesk(life context.Context) (err error) {
	if d.desk, err = bus.New(life, &bus.Config{Name: "desk"}); err != nil {
		return err
	}
	d.deskLife = d.desk.Lifecycle(demoEvents)
	quotes, err := bus.NewTopic[demoQuote](d.desk, "md.quote.", nil)
	if err != nil {
		return err
	}
	if d.trader, err = quotes.Subscribe(life, bus.Name("trader"), bus.WithPolicy(bus.Block)); err != nil {
		return err
	}
	d.screen, err = quotes.Subscribe(life, bus.Name("screen"), bus.Prefix("EUR"), bus.WithPolicy(bus.Latest))
	if err != nil {
		return err
	}
	d.orders, err = bus.NewTopic[demoOrder](d.desk, "order.", nil)
	return err
}

// connect links the buses in both directions, on ports that the system picks, and lets a plain socket join the market.
func (d *demo) connect(life context.Context) (err error) {
	if d.link, err = d.market.Export("@tcp://127.0.0.1:*"); err != nil {
		return err
	}
	d.endpoint = d.link.Endpoint()
	if _, err = d.desk.Import(">" + d.endpoint); err != nil {
		return err
	}
	back, err := d.desk.Export("@tcp://127.0.0.1:*")
	if err != nil {
		return err
	}
	if _, err = d.market.Import(">" + back.Endpoint()); err != nil {
		return err
	}
	if d.plain, err = socket.New(life, zmq4.Sub, nil); err != nil {
		return err
	}
	if err = d.plain.Subscribe("md.quote.EUR"); err != nil {
		return err
	}
	return d.plain.Dial(d.endpoint)
}

// finish closes both buses, which delivers what is under way, and counts the last events.
func (d *demo) finish(ctx context.Context) error {
	if err := d.plain.Close(); err != nil {
		return err
	}
	if err := d.desk.Close(ctx); err != nil {
		return err
	}
	if err := d.market.Close(ctx); err != nil {
		return err
	}
	for e := range d.deskLife.C() {
		d.deskEvent(e)
	}
	for e := range d.marketLife.C() {
		d.marketEvent(e)
	}
	d.stats = d.screen.Stats()
	d.eventsLost = d.deskLife.Lost() + d.marketLife.Lost()
	return nil
}

// wait blocks until what the end of the buses' context ends has ended.
func (d *demo) wait() {
	for _, b := range []*bus.Bus{d.market, d.desk} {
		if b != nil {
			<-b.Done()
		}
	}
	if d.plain != nil {
		_ = d.plain.Close() // a failure's own error is the one to tell
	}
}
