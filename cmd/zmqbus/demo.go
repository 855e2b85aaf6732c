package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/spf13/cobra"

	"zmqbus/monitor"
	"zmqbus/socket"
)

const (
	demoTick   = 20 * time.Millisecond
	demoTicks  = 60                     // of publishing, before the publisher stops and again after it is back
	demoHalf   = 2 * time.Second        // at most, for these ticks
	demoOutage = 700 * time.Millisecond // long enough for several attempts to reconnect
	demoLimit  = 14 * time.Second       // for everything; reaching it is a failure
)

func (a *app) newDemo() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "see messages and lifecycle in one select, over real sockets",
		Long: `A publisher, two subscribers, a task queue and three workers talk over tcp on this machine, and one select takes
their messages, their lifecycle, a timer and a context. The publisher stops and comes back; the subscribers notice,
reconnect, and their subscriptions work again. At the end everything is counted. It needs no arguments, takes a few
seconds, and exits with status 1 when what it shows did not happen.`,
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
			d := &demo{out: a.stdout, start: time.Now(), sent: make(map[string]int)}
			defer d.close()
			return d.run(ctx)
		}),
	}
}

// phase is where the demo stands; only the timer moves it on.
type phase int

const (
	starting    phase = iota // until the subscriptions are in force
	publishing               // the first half
	outage                   // the publisher has gone
	returning                // it is back; until the subscriptions are in force again
	republished              // the second half
	settling                 // until all that was sent has been received
	finished
)

// run builds the sockets, loops until all has been shown and checks it.
func (d *demo) run(ctx context.Context) error {
	if err := d.setup(ctx); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if err := d.loop(ctx); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	d.finish()
	if failures := d.summary(); len(failures) > 0 {
		return fmt.Errorf("demo: %s", strings.Join(failures, "; "))
	}
	return nil
}

// setup opens seven sockets on loopback ports that the system picks.
func (d *demo) setup(ctx context.Context) error {
	if err := d.publish("tcp://127.0.0.1:*"); err != nil {
		return err
	}
	d.a = &subscriber{name: "A", topics: []string{"EUR"}}
	d.b = &subscriber{name: "B", topics: []string{"EUR", "USD"}}
	for _, s := range []*subscriber{d.a, d.b} {
		if err := d.subscribe(s); err != nil {
			return err
		}
	}
	var err error
	if d.tasks, err = d.open(zmq4.Push); err != nil {
		return err
	}
	if err := d.tasks.Listen("tcp://127.0.0.1:*"); err != nil {
		return err
	}
	for i := range d.workers {
		if d.workers[i], err = d.open(zmq4.Pull); err != nil {
			return err
		}
		if err := d.workers[i].Dial(d.tasks.Endpoints()[0].Endpoint); err != nil {
			return err
		}
	}
	d.say("tasks", "%s, waiting for three workers", d.tasks.Endpoints()[0].Endpoint)
	return d.tasks.WaitPeers(ctx, len(d.workers))
}

// open makes a socket that close ends.
func (d *demo) open(typ zmq4.SocketType) (*socket.Socket, error) {
	s, err := socket.New(context.Background(), typ, nil)
	if err == nil {
		d.sockets = append(d.sockets, s)
	}
	return s, err
}

// publish starts the publisher on ep.
func (d *demo) publish(ep string) (err error) {
	if d.pub, err = d.open(zmq4.Pub); err != nil {
		return err
	}
	d.pubLife = d.pub.Lifecycle(monitor.All | monitor.Subscribed).C()
	if err := d.pub.Listen(ep); err != nil {
		return err
	}
	d.endpoint = d.pub.Endpoints()[0].Endpoint
	d.inForce = 0
	return nil
}

func (d *demo) subscribe(s *subscriber) (err error) {
	if s.sock, err = d.open(zmq4.Sub); err != nil {
		return err
	}
	s.events = make(map[monitor.Type]int)
	s.life = s.sock.Lifecycle(monitor.All).C()
	s.msgs = s.sock.C()
	for _, t := range s.topics {
		if err := s.sock.Subscribe(t); err != nil {
			return err
		}
	}
	return s.sock.Dial(d.endpoint)
}

// loop is the point of it all: one goroutine, one select over messages, lifecycle, a timer and a context.
func (d *demo) loop(ctx context.Context) error {
	ticker := time.NewTicker(demoTick)
	defer ticker.Stop()
	for d.phase != finished {
		select {
		case m := <-d.a.msgs:
			d.quote(d.a, m)
		case m := <-d.b.msgs:
			d.quote(d.b, m)
		case <-d.workers[0].C():
			d.done[0]++
		case <-d.workers[1].C():
			d.done[1]++
		case <-d.workers[2].C():
			d.done[2]++
		case e := <-d.a.life:
			d.subscriberEvent(d.a, e)
		case e := <-d.b.life:
			d.subscriberEvent(d.b, e)
		case e, open := <-d.pubLife:
			if !open {
				d.pubLife = nil // the stream ended with its publisher
				continue
			}
			d.publisherEvent(e)
		case <-ticker.C:
			if err := d.tick(); err != nil {
				return err
			}
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), fmt.Errorf("while %s", d.phase))
		}
	}
	return nil
}

// tick moves the demo on. Tasks go out at every tick, for the workers have no part in the publisher's trouble.
func (d *demo) tick() error {
	if d.phase < settling {
		for range d.workers {
			if err := d.tasks.TrySend(zmq4.NewMsgString("task")); err != nil {
				return err
			}
			d.tasksSent++
		}
	}
	switch d.phase {
	case starting, returning:
		if d.inForce == len(d.a.topics)+len(d.b.topics) {
			d.say("timer", "subscriptions are in force: publishing EUR, USD and JPY in turn")
			d.next()
		}
	case publishing, republished:
		// A busy machine gets fewer ticks, not a longer demo.
		if d.ticks == demoTicks || d.ticks >= len(demoTopics) && time.Since(d.entered) > demoHalf {
			return d.halfDone()
		}
		d.ticks++
		return d.sendQuote()
	case outage:
		if time.Since(d.stopped) < demoOutage || d.pubLife != nil || !d.a.retried || !d.b.retried {
			return nil
		}
		d.restarted = time.Now()
		err := d.publish(d.endpoint)
		d.say("publisher", "is back")
		d.next()
		return err
	case settling:
		if d.complete() || time.Since(d.entered) > 4*time.Second {
			d.next()
		}
	}
	return nil
}

// next enters the following phase.
func (d *demo) next() {
	d.phase++
	d.ticks = 0
	d.entered = time.Now()
}

// halfDone ends a half of the publishing: after the first the publisher stops, after the second it waits for what is
// under way.
func (d *demo) halfDone() error {
	d.progress()
	first := d.phase == publishing
	d.next()
	if !first {
		return nil
	}
	d.say("publisher", "stops")
	d.stopped = time.Now()
	d.a.announced, d.b.announced = false, false
	return d.pub.Close()
}

// sendQuote publishes one numbered quote; the currencies take turns.
func (d *demo) sendQuote() error {
	d.number++
	topic := demoTopics[d.number%len(demoTopics)]
	d.sent[topic]++
	return d.pub.TrySend(zmq4.NewMsgFrom([]byte(topic), fmt.Append(nil, d.number)))
}

// close ends all sockets; those that are closed already do not mind.
func (d *demo) close() {
	for _, s := range d.sockets {
		_ = s.Close() // what did not arrive is in the counts
	}
}
