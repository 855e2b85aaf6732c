package main

import (
	"fmt"
	"strings"

	"zmqbus/monitor"
)

// check returns what should have happened and did not.
func (t *tally) check() (failures []string) {
	fail := func(ok bool, format string, args ...any) {
		if !ok {
			failures = append(failures, fmt.Sprintf(format, args...))
		}
	}
	fail(t.number > 0 && t.traderReceived == t.number, "the trader received %d of %d quotes", t.traderReceived, t.number)
	fail(t.traderDisorder == 0, "the trader got %d quotes out of order", t.traderDisorder)
	fail(t.plainReceived > 0 && t.plainReceived == t.euros(), "the plain socket received %d of %d quotes", t.plainReceived, t.euros())
	fail(t.plainDisorder == 0, "the plain socket got %d messages that are wrong or out of order", t.plainDisorder)
	fail(t.ordersSent > 0 && t.ordersReceived == t.ordersSent, "the market received %d of %d orders", t.ordersReceived, t.ordersSent)
	fail(t.ordersMeanwhile > 0, "no order came while the other link was gone")
	fail(t.ordersDisorder == 0, "the market got %d orders out of order", t.ordersDisorder)

	fail(t.screenReceived > 0 && t.screenReceived+int(t.screenLost) == t.euros(),
		"the screen saw %d quotes and was told of %d lost ones, of %d", t.screenReceived, t.screenLost, t.euros())
	fail(t.screenLost > 0, "the slow screen lost nothing")
	fail(t.stats.Conflated+t.stats.Dropped == t.screenLost && t.announced == t.screenLost,
		"of the screen's %d losses %d were counted and %d announced", t.screenLost, t.stats.Conflated+t.stats.Dropped, t.announced)
	for topic, number := range t.newest {
		fail(t.screenNewest[topic] == number || !strings.HasPrefix(topic, "md.quote.EUR"),
			"the screen shows number %d of %s, not %d", t.screenNewest[topic], topic, number)
	}
	fail(t.otherDrops == 0, "%d messages were dropped that should not be", t.otherDrops)

	fail(t.eventsLost == 0, "%d lifecycle events were lost", t.eventsLost)
	for _, typ := range []monitor.Type{monitor.Disconnected, monitor.ConnectRetried, monitor.Connected, monitor.MonitorStopped} {
		fail(t.deskEvents[typ] > 0, "the desk did not see %s", typ)
	}
	fail(!t.gone.IsZero(), "the desk did not notice that the link was gone")
	fail(!t.back.IsZero(), "the desk did not reconnect")
	fail(!t.inForceAgain.IsZero(), "the subscriptions did not return")
	return failures
}
