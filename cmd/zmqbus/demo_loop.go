package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// phase is where the demo stands.
type phase int

const (
	starting    phase = iota // until the subscriptions are in force
	publishing               // the first half
	outage                   // the market's link has gone
	returning                // it is back; until the subscriptions are in force again
	republished              // the second half
	settling                 // until all that was sent has been received
	finished
)

func (p phase) String() string {
	return [...]string{"waiting for the subscriptions", "publishing", "the link is gone",
		"waiting for the subscriptions to return", "publishing again", "waiting for the last values", "done"}[p]
}

// loop is the point of it all: one goroutine, one select over values, lifecycle, a timer and a context.
func (d *demo) loop(ctx context.Context) error {
	ticker := time.NewTicker(demoTick)
	defer ticker.Stop()
	d.ready = d.awaitSubscribers(ctx)
	for d.phase != finished {
		var err error
		select {
		case quote := <-d.trader.C():
			d.traded(quote)
		case quote := <-d.look:
			d.seen(quote)
		case orders := <-d.book:
			d.booked(orders)
		case msg := <-d.plain.C():
			d.plainMessage(msg)
		case event := <-d.deskLife.C():
			d.deskEvent(event)
		case event := <-d.marketLife.C():
			d.marketEvent(event)
		case err = <-d.ready:
			if err == nil {
				d.subscribed()
			}
		case <-ticker.C:
			err = d.tick(ctx)
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		if err != nil {
			return fmt.Errorf("%w, while %s (%s)", errors.Join(err, d.bindErr), d.phase, d.progress())
		}
	}
	return nil
}

// awaitSubscribers asks whether everybody is there, so that the first values are not lost to somebody who is still
// connecting. The goroutine is the loop's; it ends with its answer, at the latest when ctx or the buses do.
func (d *demo) awaitSubscribers(ctx context.Context) <-chan error {
	ready := make(chan error, 1)
	go func() {
		err := d.desk.WaitSubscribers(ctx, "order.new", 1)
		for _, p := range demoPairs {
			if err == nil {
				err = d.market.WaitSubscribers(ctx, "md.quote."+p.symbol, p.peers)
			}
		}
		ready <- err
	}()
	return ready
}

// subscribed begins a half of the publishing.
func (d *demo) subscribed() {
	d.ready = nil
	if d.phase == returning {
		d.inForceAgain = time.Now()
	}
	d.say("market", "all subscriptions are in force: publishes three pairs in turn")
	d.next()
}

// next enters the following phase.
func (d *demo) next() {
	d.phase++
	d.ticks = 0
	d.entered = time.Now()
	d.firstShown = false
}

// tick is what the timer does: it publishes, and moves the demo on.
func (d *demo) tick(ctx context.Context) error {
	if d.phase > starting && d.phase < settling { // the way back has no part in the trouble
		if err := d.order(ctx); err != nil {
			return err
		}
	}
	switch d.phase {
	case publishing, republished:
		if d.ticks == demoTicks || d.ticks >= demoLeast && time.Since(d.entered) > demoHalf {
			return d.halfDone(ctx)
		}
		d.ticks++
		return d.publish(ctx)
	case outage:
		if d.retried && d.ordersReceived > d.ordersBefore && time.Since(d.entered) > demoOutage {
			d.restartLink(ctx)
		}
	case settling:
		if d.traderReceived == d.number {
			d.look = d.screen.C() // now that nothing more comes, it looks until it has all
		}
		if d.complete() {
			d.next()
		}
	}
	return nil
}

// publish sends one numbered quote; the pairs take turns.
func (d *demo) publish(ctx context.Context) error {
	d.number++
	p := demoPairs[d.number%len(demoPairs)]
	d.sent[p.symbol]++
	d.newest["md.quote."+p.symbol] = d.number
	return d.quotes.Publish(ctx, p.symbol, demoQuote{d.number, p.price * (1 + float64(d.number)/1e5)})
}

func (d *demo) order(ctx context.Context) error {
	d.ordersSent++
	return d.orders.Publish(ctx, "new", demoOrder{d.ordersSent, demoPairs[0].symbol})
}

// halfDone ends a half of the publishing: after the first the link dies, after the second the last values are awaited.
// Close flushes what the link has queued, so that even now nothing is lost.
func (d *demo) halfDone(ctx context.Context) error {
	d.say("counts", "%s", d.progress())
	d.next()
	if d.phase != outage {
		return nil
	}
	d.say("market", "closes its link")
	d.ordersBefore = d.ordersSent
	d.stopped = time.Now()
	return d.link.Close(ctx)
}

// restartLink ends the outage: the same endpoint again. Somebody may have taken the port in the meantime; then the next
// tick tries again.
func (d *demo) restartLink(ctx context.Context) {
	d.ordersMeanwhile = d.ordersReceived - d.ordersBefore
	d.restarted = time.Now()
	if d.link, d.bindErr = d.market.Export("@" + d.endpoint); d.bindErr != nil {
		return
	}
	d.say("market", "exports again")
	d.next()
	d.ready = d.awaitSubscribers(ctx)
}
