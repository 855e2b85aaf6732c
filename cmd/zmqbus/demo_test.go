package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"zmqbus/bus"
	"zmqbus/monitor"
)

func TestDemo(t *testing.T) {
	began := time.Now()
	out, _ := start(t, "demo").wantExit(exitDone)
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("took %v", took)
	}
	all := strings.Join(out, "\n")
	for _, story := range [][]string{ // each in its order; values and lifecycle have none between them
		{"closes its link", "DISCONNECTED", "CONNECT_RETRIED", "exports again", " CONNECTED "},
		{"are in force", "trader     receives", "exports again", "are in force", "trader     receives", "Summary"},
		{"plain SUB  receives", "exports again"},
		{"Summary", "noticed", "reconnected", "All as it should be"},
		{" DROPPED "},
	} {
		rest := all
		for _, want := range story {
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Fatalf("%q is not in this order, %q is missing in:\n%s", story, want, all)
			}
			rest = after
		}
	}
}

// demoCutter ends a context when a line with some words is written.
type demoCutter struct {
	words string
	cut   func()
	bytes.Buffer
}

func (c *demoCutter) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(c.words)) {
		c.cut()
	}
	return c.Buffer.Write(p)
}

func TestDemoCutShort(t *testing.T) {
	errCut := errors.New("cut short")
	for words, phase := range map[string]string{
		"receives md.quote.": "while publishing (",
		"DISCONNECTED":       "while the link is gone (",
		"exports again":      "while waiting for the subscriptions to return (",
	} {
		t.Run(words, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			out := &demoCutter{words: words, cut: func() { cancel(errCut) }}
			var stderr bytes.Buffer
			status := execute(ctx, []string{"demo"}, strings.NewReader(""), out, &stderr)
			if status != exitFailed {
				t.Errorf("exit status %d", status)
			}
			if got := stderr.String(); !strings.Contains(got, "cut short") || strings.Count(got, "\n") != 1 {
				t.Errorf("standard error: %q", got)
			} else if !strings.Contains(got, phase) {
				t.Errorf("no %q in %q", phase, got)
			}
			if strings.Contains(out.String(), "Summary") {
				t.Error("a summary of half a demo")
			}
		})
	}
}

// demoTally is what a demo counts in which all went well.
func demoTally() tally {
	now := time.Now()
	events := map[monitor.Type]int{
		monitor.Disconnected: 1, monitor.ConnectRetried: 2, monitor.Connected: 2, monitor.MonitorStopped: 1,
	}
	return tally{
		number: 6, sent: map[string]int{"EURUSD": 2, "EURGBP": 2, "USDJPY": 2}, ordersSent: 9,
		newest:         map[string]int{"md.quote.EURGBP": 4, "md.quote.EURUSD": 6, "md.quote.USDJPY": 5},
		traderReceived: 6, plainReceived: 4, ordersReceived: 9, batches: 1, ordersBefore: 3, ordersMeanwhile: 2,
		screenReceived: 2, screenLost: 2, announced: 2, dropEvents: 1, stats: bus.SubscriptionStats{Conflated: 2},
		screenNewest: map[string]int{"md.quote.EURGBP": 4, "md.quote.EURUSD": 6},
		deskEvents:   events, marketEvents: maps.Clone(events),
		stopped: now, gone: now, restarted: now, back: now, inForceAgain: now,
	}
}

func TestDemoChecks(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*tally)
		says  string // "" for nothing
	}{
		{"all well", func(*tally) {}, ""},
		{"nothing sent", func(n *tally) { n.number, n.traderReceived = 0, 0 }, "trader received 0 of 0"},
		{"trader", func(n *tally) { n.traderReceived-- }, "trader received 5 of 6"},
		{"trader twice", func(n *tally) { n.traderReceived++ }, "trader received 7 of 6"},
		{"trader's order", func(n *tally) { n.traderDisorder = 1 }, "trader got 1 quotes out of order"},
		{"plain", func(n *tally) { n.plainReceived-- }, "plain socket received 3 of 4"},
		{"plain order", func(n *tally) { n.plainDisorder = 3 }, "plain socket got 3"},
		{"orders", func(n *tally) { n.ordersReceived-- }, "received 8 of 9 orders"},
		{"orders' order", func(n *tally) { n.ordersDisorder = 1 }, "1 orders out of order"},
		{"way back gone too", func(n *tally) { n.ordersMeanwhile = 0 }, "no order came"},
		{"screen", func(n *tally) { n.screenReceived-- }, "screen saw 1 quotes and was told of 2 lost ones, of 4"},
		{"screen fast", func(n *tally) {
			n.screenReceived, n.screenLost, n.announced, n.stats.Conflated = 4, 0, 0, 0
		}, "lost nothing"},
		{"not counted", func(n *tally) { n.stats.Conflated-- }, "2 losses 1 were counted and 2 announced"},
		{"not announced", func(n *tally) { n.announced-- }, "2 losses 2 were counted and 1 announced"},
		{"screen stale", func(n *tally) { n.screenNewest["md.quote.EURGBP"] = 3 }, "number 3 of md.quote.EURGBP, not 4"},
		{"screen blank", func(n *tally) { delete(n.screenNewest, "md.quote.EURUSD") }, "number 0 of md.quote.EURUSD, not 6"},
		{"drops", func(n *tally) { n.otherDrops = 7 }, "7 messages were dropped"},
		{"events lost", func(n *tally) { n.eventsLost = 1 }, "1 lifecycle events were lost"},
		{"no DISCONNECTED", func(n *tally) { delete(n.deskEvents, monitor.Disconnected) }, "did not see DISCONNECTED"},
		{"no CONNECT_RETRIED", func(n *tally) { delete(n.deskEvents, monitor.ConnectRetried) }, "did not see CONNECT_RETRIED"},
		{"no CONNECTED", func(n *tally) { delete(n.deskEvents, monitor.Connected) }, "did not see CONNECTED"},
		{"no MONITOR_STOPPED", func(n *tally) { delete(n.deskEvents, monitor.MonitorStopped) }, "did not see MONITOR_STOPPED"},
		{"not gone", func(n *tally) { n.gone = time.Time{} }, "did not notice"},
		{"not back", func(n *tally) { n.back = time.Time{} }, "did not reconnect"},
		{"not in force", func(n *tally) { n.inForceAgain = time.Time{} }, "did not return"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDemo(io.Discard)
			d.tally = demoTally()
			c.spoil(&d.tally)
			got := d.summary()
			if c.says == "" && len(got) == 0 {
				return
			}
			if len(got) != 1 || c.says == "" || !strings.Contains(got[0], c.says) {
				t.Errorf("want %q, got %q", c.says, got)
			}
		})
	}
}
