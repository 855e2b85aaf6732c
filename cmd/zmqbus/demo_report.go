package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/bus"
	"zmqbus/monitor"
)

// demoEvents are libzmq's events and two of our own.
const demoEvents = monitor.All | monitor.Subscribed | monitor.Dropped

// tally is what the demo counts.
type tally struct {
	number     int            // of the last quote
	sent       map[string]int // by symbol
	newest     map[string]int // number of the last quote of a topic
	ordersSent int

	traderReceived int
	traderDisorder int // not the number that follows; it gets all
	plainReceived  int
	plainLast      int
	plainDisorder  int // not a quote, or a number that does not rise

	screenReceived int
	screenLost     uint64         // told by Event.Lost
	screenNewest   map[string]int // number of the last quote it saw of a topic
	announced      uint64         // told by DROPPED
	dropEvents     int            // how many DROPPED
	otherDrops     uint64         // DROPPED of anything else
	stats          bus.SubscriptionStats

	ordersReceived, batches, ordersDisorder int
	ordersBefore, ordersMeanwhile           int // sent before the link died, and received of others until it was back

	deskEvents, marketEvents map[monitor.Type]int
	eventsLost               uint64
	endpoint                 string // of the link that dies
	retried, firstShown      bool
	stopped, gone            time.Time // when the link began to close, and DISCONNECTED
	restarted, back          time.Time // when it was made again, and CONNECTED
	inForceAgain             time.Time
}

func newTally() tally {
	return tally{
		sent: map[string]int{}, newest: map[string]int{}, screenNewest: map[string]int{},
		deskEvents: map[monitor.Type]int{}, marketEvents: map[monitor.Type]int{},
	}
}

// say prints one line of the timeline.
func (d *demo) say(who, format string, args ...any) {
	line := fmt.Sprintf("%7.3fs  %-9s  %s", time.Since(d.start).Seconds(), who, fmt.Sprintf(format, args...))
	fmt.Fprintln(d.out, strings.TrimRight(line, " "))
}

// progress tells the counts so far.
func (t *tally) progress() string {
	return fmt.Sprintf("%d quotes: trader %d, plain SUB %d of %d, screen %d and %d missed; orders %d of %d", t.number,
		t.traderReceived, t.plainReceived, t.euros(), t.screenReceived, t.screenLost, t.ordersReceived, t.ordersSent)
}

// euros is how many quotes were sent that the plain socket and the screen are subscribed to.
func (t *tally) euros() int { return t.sent["EURUSD"] + t.sent["EURGBP"] }

// complete reports whether all that was sent has been received, or was missed as the screen's policy has it.
func (t *tally) complete() bool {
	return t.traderReceived >= t.number && t.plainReceived >= t.euros() && t.ordersReceived >= t.ordersSent &&
		t.screenReceived+int(t.screenLost) >= t.euros()
}

// traded counts a quote of the trader, and lets the slow screen look now and then.
func (d *demo) traded(e bus.Event[demoQuote]) {
	if d.traderReceived++; e.Value.Number != d.traderReceived {
		d.traderDisorder++
	}
	if !d.firstShown {
		d.firstShown = true
		d.say("trader", "receives %s %.5f, number %d, from %s", e.Topic, e.Value.Price, e.Value.Number, e.Source)
	}
	if d.traderReceived%demoGlance == 0 {
		d.look = d.screen.C()
	}
}

// seen counts a quote of the screen, which looks away again.
func (d *demo) seen(e bus.Event[demoQuote]) {
	d.look = nil
	d.screenReceived++
	d.screenLost += e.Lost
	d.screenNewest[e.Topic] = e.Value.Number
}

// booked counts a batch of orders.
func (d *demo) booked(orders []bus.Event[demoOrder]) {
	d.batches++
	for _, e := range orders {
		if d.ordersReceived++; e.Value.Number != d.ordersReceived {
			d.ordersDisorder++
		}
	}
}

// plainMessage counts a message of the plain socket: two frames, topic and JSON.
func (d *demo) plainMessage(m zmq4.Msg) {
	d.plainReceived++
	var q demoQuote
	if len(m.Frames) != 2 || json.Unmarshal(m.Frames[1], &q) != nil || q.Number <= d.plainLast ||
		!strings.HasPrefix(string(m.Frames[0]), "md.quote.EUR") {
		d.plainDisorder++
	}
	if d.plainReceived == 1 {
		d.say("plain SUB", "receives %s", m.Frames)
	}
	d.plainLast = q.Number
}

// deskEvent counts an event and shows those that tell the story; attempts in between, and further losses, are only
// counted.
func (d *demo) deskEvent(e monitor.Event) {
	d.deskEvents[e.Type]++
	if e.Type == monitor.Dropped {
		d.dropped(e)
		return
	}
	if e.Endpoint != d.endpoint {
		return
	}
	switch e.Type {
	case monitor.Disconnected:
		d.gone = e.Time
	case monitor.ConnectRetried:
		if d.retried || d.phase != outage {
			return
		}
		d.retried = true
	case monitor.Connected:
		if d.phase >= returning && d.back.IsZero() {
			d.back = e.Time
		}
	case monitor.HandshakeSucceeded:
	default:
		return
	}
	d.say("desk", "%-20s %-8s %s", e.Type, e.Detail(), e.Endpoint)
}

// dropped counts losses: the screen's are what its policy is for, all others should not be.
func (d *demo) dropped(e monitor.Event) {
	if e.Endpoint != d.screen.String() {
		d.otherDrops += e.Count
		return
	}
	d.announced += e.Count
	if d.dropEvents++; d.dropEvents == 1 {
		d.say("desk", "%-20s %d     %s, which is slow and wants the %s only", e.Type, e.Count, e.Endpoint, e.Reason)
	}
}

// marketEvent counts an event, and shows the subscriptions as they come into force.
func (d *demo) marketEvent(e monitor.Event) {
	d.marketEvents[e.Type]++
	switch e.Type {
	case monitor.Dropped:
		d.otherDrops += e.Count
	case monitor.Subscribed:
		d.say("market", "%-20s %s", e.Type, e.Detail())
	}
}

// summary prints what happened and returns what should have happened and did not.
func (d *demo) summary() (failures []string) {
	fmt.Fprintln(d.out, "\nSummary")
	d.row("published", "EURUSD %d, EURGBP %d, USDJPY %d, over tcp as JSON", d.sent["EURUSD"], d.sent["EURGBP"], d.sent["USDJPY"])
	d.row("trader", "all pairs, block: received %d of %d, lost %d, out of order %d",
		d.traderReceived, d.number, d.number-d.traderReceived, d.traderDisorder)
	d.row("plain SUB", "EUR: received %d of %d, lost %d, out of order %d",
		d.plainReceived, d.euros(), d.euros()-d.plainReceived, d.plainDisorder)
	d.row("screen", "EUR, %s: saw %d of %d, %d were replaced by newer ones, which %d events announced",
		d.stats.Policy, d.screenReceived, d.euros(), d.screenLost, d.dropEvents)
	d.row("orders", "the way back: received %d of %d in %d batches, lost %d; %d came while the other link was gone",
		d.ordersReceived, d.ordersSent, d.batches, d.ordersSent-d.ordersReceived, d.ordersMeanwhile)
	d.row("desk", "%s", countText(d.deskEvents))
	d.row("market", "%s; lost %d events", countText(d.marketEvents), d.eventsLost)
	if failures = d.check(); len(failures) > 0 {
		return failures
	}
	d.row("noticed", "%s after the link began to close", since(d.stopped, d.gone))
	d.row("reconnected", "%s after it was back; all subscriptions in force after %s",
		since(d.restarted, d.back), since(d.restarted, d.inForceAgain))
	fmt.Fprintf(d.out, "All as it should be, in %.1f s.\n", time.Since(d.start).Seconds())
	return nil
}

func (d *demo) row(name, format string, args ...any) {
	fmt.Fprintf(d.out, "  %-12s %s\n", name, fmt.Sprintf(format, args...))
}

// countText lists events by type, in libzmq's order of numbers.
func countText(counts map[monitor.Type]int) string {
	var words []string
	for _, t := range slices.Sorted(maps.Keys(counts)) {
		words = append(words, fmt.Sprintf("%s %d", t, counts[t]))
	}
	return strings.Join(words, ", ")
}

func since(from, to time.Time) string { return to.Sub(from).Round(10 * time.Microsecond).String() }
