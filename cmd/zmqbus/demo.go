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
	"zmqbus/reactor"
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
the subscribers' messages and lifecycle, a timer and a context. What comes and goes is in a reactor, whose channel is
one more case: the publisher stops and comes back, a worker is taken out and put in again, timers are added and removed.
The subscribers notice, reconnect, and their subscriptions work again; the worker catches up. At the end everything is
counted. It needs no arguments, takes a few seconds, and exits with status 1 when what it shows did not happen.`,
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

// phase is where the demo stands; only the timers move it on.
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
	if err := d.endReactor(ctx); err != nil {
		return fmt.Errorf("demo: at the end: %w", err)
	}
	if failures := d.summary(); len(failures) > 0 {
		return fmt.Errorf("demo: %s", strings.Join(failures, "; "))
	}
	return nil
}

// setup opens seven sockets on loopback ports that the system picks.
func (d *demo) setup(ctx context.Context) error {
	if err := d.newReactor(ctx); err != nil {
		return err
	}
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
	d.say("tasks", "%s, waiting for three workers", d.tasks.Endpoints()[0].Endpoint)
	for i := range d.workers {
		w := &worker{name: fmt.Sprintf("worker %d", i+1)}
		if w.sock, err = d.open(zmq4.Pull); err != nil {
			return err
		}
		if err := d.addWorker(w); err != nil {
			return err
		}
		if err := w.sock.Dial(d.tasks.Endpoints()[0].Endpoint); err != nil {
			return err
		}
		d.workers[i] = w
	}
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
	life := reactor.LifecycleOf(d.pub, monitor.All|monitor.Subscribed)
	if d.life, err = d.add(life, "publisher: lifecycle"); err != nil {
		return err
	}
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

// loop is the point of it all: one goroutine, one select over messages, lifecycle, a timer, a context, and the reactor.
func (d *demo) loop(ctx context.Context) error {
	ticker := time.NewTicker(demoTick)
	defer ticker.Stop()
	for d.phase != finished {
		select {
		case m := <-d.a.msgs:
			d.quote(d.a, m)
		case m := <-d.b.msgs:
			d.quote(d.b, m)
		case e := <-d.a.life:
			d.subscriberEvent(d.a, e)
		case e := <-d.b.life:
			d.subscriberEvent(d.b, e)
		case e, open := <-d.reactor.Events():
			err := errReactorEnded
			if open {
				err = d.happened(e)
			}
			if err != nil {
				return err
			}
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

// tick moves the demo on, but for publishing, which has a beat of its own. Tasks go out at every tick, for the workers have no part in the publisher's trouble.
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
			var err error
			d.beat, err = d.add(reactor.Every(demoTick), "a beat every "+demoTick.String())
			return err
		}
	case outage:
		if d.outage != 0 || d.life != 0 || !d.a.retried || !d.b.retried {
			return nil
		}
		d.next()
		return d.restartPublisher()
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
	if err := d.remove(&d.beat); err != nil || !first {
		return err
	}
	return d.stopPublisher()
}

// sendQuote publishes one numbered quote; the currencies take turns.
func (d *demo) sendQuote() error {
	d.number++
	topic := demoTopics[d.number%len(demoTopics)]
	d.sent[topic]++
	return d.pub.TrySend(zmq4.NewMsgFrom([]byte(topic), fmt.Append(nil, d.number)))
}

// close ends all; what is closed already does not mind.
func (d *demo) close() {
	if d.reactor != nil {
		_ = d.reactor.Close() // a failure's own error is the one to tell
	}
	for _, s := range d.sockets {
		_ = s.Close() // what did not arrive is in the counts
	}
}
