package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
	"zmqbus/socket"
)

// demoTopics are what the publisher sends; nobody subscribes to JPY.
var demoTopics = []string{"EUR", "USD", "JPY"}

// demo is one run of "zmqbus demo". Only its loop touches it.
type demo struct {
	out     io.Writer
	start   time.Time
	sockets []*socket.Socket

	dynamic

	pub      *socket.Socket
	endpoint string
	inForce  int // subscriptions that the running publisher has applied

	a, b    *subscriber
	tasks   *socket.Socket
	workers [3]*worker

	phase     phase
	ticks     int // in this phase
	number    int // of the last quote
	sent      map[string]int
	tasksSent int

	stopped, restarted, inForceAgain time.Time
	entered                          time.Time // when this phase began
}

// subscriber is a SUB with what it saw.
type subscriber struct {
	name         string
	topics       []string
	sock         *socket.Socket
	msgs         <-chan zmq4.Msg
	life         <-chan monitor.Event
	received     int
	last         int // number of the last quote, which only rises
	disorder     int
	foreign      int // messages on topics that it did not ask for
	announced    bool
	events       map[monitor.Type]int
	lostEvents   uint64
	gone, back   time.Time // DISCONNECTED, and CONNECTED after it
	retried      bool
	lastSequence uint64
}

func (p phase) String() string {
	return [...]string{"waiting for the subscriptions", "publishing", "the publisher is gone",
		"waiting for the subscriptions to return", "publishing again", "waiting for the last messages", "done"}[p]
}

// say prints one line of the timeline.
func (d *demo) say(who, format string, args ...any) {
	line := fmt.Sprintf("%7.3fs  %-12s  %s", time.Since(d.start).Seconds(), who, fmt.Sprintf(format, args...))
	fmt.Fprintln(d.out, strings.TrimRight(line, " "))
}

// progress prints the counts so far.
func (d *demo) progress() {
	d.say("counts", "A received %d, B %d; workers %d, %d, %d", d.a.received, d.b.received, d.workers[0].done, d.workers[1].done, d.workers[2].done)
}

// quote counts a message of a subscriber.
func (d *demo) quote(s *subscriber, m zmq4.Msg) {
	if len(m.Frames) != 2 || !slices.Contains(s.topics, string(m.Frames[0])) {
		s.foreign++
		return
	}
	number, err := strconv.Atoi(string(m.Frames[1]))
	if err != nil || number <= s.last {
		s.disorder++
	}
	s.last = number
	s.received++
	if !s.announced {
		s.announced = true
		d.say("subscriber "+s.name, "receives %s, number %d", m.Frames[0], number)
	}
}

// subscriberEvent counts an event and shows those that tell the story; the attempts in between are only counted.
func (d *demo) subscriberEvent(s *subscriber, e monitor.Event) {
	s.events[e.Type]++
	if e.Seq > s.lastSequence+1 {
		s.lostEvents += e.Seq - s.lastSequence - 1
	}
	s.lastSequence = e.Seq
	switch e.Type {
	case monitor.Disconnected:
		s.gone = e.Time
	case monitor.ConnectRetried:
		if s.retried {
			return
		}
		s.retried = true
	case monitor.Connected:
		if !s.gone.IsZero() && s.back.IsZero() {
			s.back = e.Time
		}
	case monitor.HandshakeSucceeded:
	default:
		return
	}
	d.say("subscriber "+s.name, "%-20s %-12s %s", e.Type, e.Detail(), e.Endpoint)
}

// publisherEvent shows the publisher's side of it and counts the subscriptions that are in force.
func (d *demo) publisherEvent(e monitor.Event) {
	switch e.Type {
	case monitor.Subscribed:
		d.inForce++
		if d.phase == returning {
			d.inForceAgain = e.Time
		}
		d.say("publisher", "%-20s %s", e.Type, e.Detail())
	case monitor.Listening, monitor.MonitorStopped:
		d.say("publisher", "%-20s %-12s %s", e.Type, e.Detail(), e.Endpoint)
	}
}

// finish closes the subscribers and counts their last events, so that the summary has all.
func (d *demo) finish() {
	for _, s := range []*subscriber{d.a, d.b} {
		_ = s.sock.Close() // a SUB has nothing to flush
		for e := range s.life {
			s.events[e.Type]++
		}
	}
}

// complete reports whether all that was sent to somebody has been received.
func (d *demo) complete() bool {
	return d.a.received >= d.expected(d.a) && d.b.received >= d.expected(d.b) &&
		d.done() >= d.tasksSent
}

// done is how many tasks the workers did.
func (d *demo) done() int { return d.workers[0].done + d.workers[1].done + d.workers[2].done }

// expected is how many quotes s should have received. All were sent while its subscriptions were in force.
func (d *demo) expected(s *subscriber) int {
	n := 0
	for _, t := range s.topics {
		n += d.sent[t]
	}
	return n
}

// summary prints what happened and returns what should have happened and did not.
func (d *demo) summary() (failures []string) {
	fail := func(ok bool, format string, args ...any) {
		if !ok {
			failures = append(failures, fmt.Sprintf(format, args...))
		}
	}
	row := func(name, format string, args ...any) {
		fmt.Fprintf(d.out, "  %-14s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(d.out, "\nSummary")
	row("published", "EUR %d, USD %d, JPY %d", d.sent["EUR"], d.sent["USD"], d.sent["JPY"])
	for _, s := range []*subscriber{d.a, d.b} {
		lost := d.expected(s) - s.received
		row("subscriber "+s.name, "%s: received %d of %d, lost %d, out of order %d, not asked for %d",
			strings.Join(s.topics, " and "), s.received, d.expected(s), lost, s.disorder, s.foreign)
		fail(lost == 0 && s.received > 0, "subscriber %s received %d of %d", s.name, s.received, d.expected(s))
		fail(s.disorder == 0 && s.foreign == 0, "subscriber %s got messages out of order or not asked for", s.name)
	}
	row("tasks", "%d sent, workers did %d, %d and %d, lost %d", d.tasksSent,
		d.workers[0].done, d.workers[1].done, d.workers[2].done, d.tasksSent-d.done())
	for _, w := range d.workers {
		fail(3*w.done == d.tasksSent, "%s did %d of %d tasks, not a third", w.name, w.done, d.tasksSent)
	}
	d.reactorSummary(row, fail)
	for _, s := range []*subscriber{d.a, d.b} {
		row("events of "+s.name, "%s; lost %d", countText(s.events), s.lostEvents)
		fail(s.lostEvents == 0, "subscriber %s lost %d events", s.name, s.lostEvents)
		for _, t := range []monitor.Type{monitor.Disconnected, monitor.ConnectRetried, monitor.Connected, monitor.MonitorStopped} {
			fail(s.events[t] > 0, "subscriber %s did not see %s", s.name, t)
		}
		fail(!s.back.IsZero(), "subscriber %s did not reconnect", s.name)
	}
	fail(!d.inForceAgain.IsZero(), "the subscriptions did not return")
	if len(failures) == 0 {
		row("noticed", "A %s, B %s after the publisher began to stop", since(d.stopped, d.a.gone), since(d.stopped, d.b.gone))
		row("reconnected", "A %s, B %s after it was back; all subscriptions in force after %s",
			since(d.restarted, d.a.back), since(d.restarted, d.b.back), since(d.restarted, d.inForceAgain))
		fmt.Fprintf(d.out, "All as it should be, in %.1f s.\n", time.Since(d.start).Seconds())
	}
	return failures
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
