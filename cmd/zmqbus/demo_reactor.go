package main

import (
	"context"
	"errors"
	"time"

	"zmqbus/monitor"
	"zmqbus/reactor"
	"zmqbus/socket"
)

// What comes and goes while the demo runs cannot be a case of a select, which are fixed when the program is written: the
// publishers, the workers, and two timers are sources of a reactor, and its channel is one case.

// worker is a PULL whose tasks come through the reactor.
type worker struct {
	name string
	sock *socket.Socket
	id   reactor.ID // 0 while it is out
	done int

	// Of the one that is taken out and put in again.
	out, in int // tasks sent to all when it was taken out, and when it was put in
	again   int // tasks that it did since
}

// dynamic is what the demo knows about its reactor.
type dynamic struct {
	reactor *reactor.Reactor
	life    reactor.ID // lifecycle of the publisher that runs; 0 once it has ended
	beat    reactor.ID // of publishing; 0 while nothing is published
	outage  reactor.ID // the timer that ends the outage

	names    map[reactor.ID]string
	workerOf map[reactor.ID]*worker // under old ids too: what was delivered before Remove may still be on its way

	added, removed, ended, ticked int // sources, and those that were timers and had their only tick
	lost                          uint64
}

func (d *demo) newReactor(ctx context.Context) (err error) {
	d.names, d.workerOf = make(map[reactor.ID]string), make(map[reactor.ID]*worker)
	d.reactor, err = reactor.New(ctx, nil)
	d.say("select", "has fixed cases: messages and lifecycle of A and B, a timer, a context")
	d.say("reactor", "takes what comes and goes: its channel is one more case")
	return err
}

// add puts a source into the reactor.
func (d *demo) add(src reactor.Source, name string) (reactor.ID, error) {
	id, err := d.reactor.Add(reactor.Named(src, name))
	if err == nil {
		d.added++
		d.names[id] = name
		d.say("reactor", "+ %s", name)
	}
	return id, err
}

// remove takes a source out; what it had under way is dealt with as if it had come through the channel.
func (d *demo) remove(id *reactor.ID) error {
	old := *id
	rest, err := d.reactor.Remove(old)
	if err != nil {
		return err
	}
	d.removed++
	d.say("reactor", "- %s", d.names[old])
	*id = 0
	for _, e := range rest {
		if err := d.happened(e); err != nil {
			return err
		}
	}
	return nil
}

// addWorker puts a worker in, for the first time or again.
func (d *demo) addWorker(w *worker) (err error) {
	w.id, err = d.add(reactor.MessagesAndLifecycle(w.sock, monitor.All), w.name+": messages and lifecycle")
	d.workerOf[w.id] = w
	return err
}

// happened deals with one event of the reactor.
func (d *demo) happened(e reactor.Event) error {
	switch e := e.(type) {
	case reactor.Message:
		w := d.workerOf[e.Source]
		w.done++
		if w.in > 0 && e.Source == w.id {
			w.again++
		}
	case reactor.Lifecycle:
		d.lost += e.Event.Lost
		if w := d.workerOf[e.Source]; w == nil {
			d.publisherEvent(e.Event)
		} else if e.Event.Type == monitor.HandshakeSucceeded {
			d.say(w.name, "%-20s %-12s %s", e.Event.Type, e.Event.Detail(), e.Event.Endpoint)
		}
	case reactor.Tick:
		switch e.Source {
		case d.beat: // others were on their way when it was removed
			return d.publishNext()
		case d.outage:
			d.ticked++
			d.outage = 0
			d.say("reactor", "%s is over", d.names[e.Source])
		}
	case reactor.Closed:
		d.ended++
		d.say("reactor", "- %s: closed", d.names[e.Source])
		if e.Source == d.life {
			d.life = 0
		}
		return e.Err
	}
	return nil
}

// publishNext is what the beat does: one quote, or the end of this half.
func (d *demo) publishNext() error {
	// A busy machine gets fewer ticks, not a longer demo.
	if d.ticks == demoTicks || d.ticks >= len(demoTopics) && time.Since(d.entered) > demoHalf {
		return d.halfDone()
	}
	d.ticks++
	return d.sendQuote()
}

// stopPublisher begins the outage. One worker is taken out of the reactor for as long: its tasks wait in its socket.
func (d *demo) stopPublisher() (err error) {
	if err = d.remove(&d.workers[2].id); err != nil {
		return err
	}
	d.workers[2].out = d.tasksSent
	if d.outage, err = d.add(reactor.After(demoOutage), "a pause of "+demoOutage.String()); err != nil {
		return err
	}
	d.say("publisher", "stops")
	d.stopped = time.Now()
	d.a.announced, d.b.announced = false, false
	return d.pub.Close()
}

// restartPublisher ends the outage: a new publisher, whose lifecycle is a new source, and the worker is in again.
func (d *demo) restartPublisher() error {
	w := d.workers[2]
	w.in = d.tasksSent
	if err := d.addWorker(w); err != nil {
		return err
	}
	d.restarted = time.Now()
	err := d.publish(d.endpoint)
	d.say("publisher", "is back")
	return err
}

// endReactor closes what is in the reactor, waits until it has told that each has ended, and ends it.
func (d *demo) endReactor(ctx context.Context) error {
	_ = d.pub.Close() // what did not arrive is in the counts
	for _, w := range d.workers {
		_ = w.sock.Close()
	}
	for d.left() > 0 {
		select {
		case e, open := <-d.reactor.Events():
			if !open {
				return errors.Join(d.reactor.Wait(), errReactorEnded)
			}
			if err := d.happened(e); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return d.reactor.Close()
}

var errReactorEnded = errors.New("the reactor ended")

// left is how many sources are in the reactor.
func (d *demo) left() int { return d.added - d.removed - d.ended - d.ticked }

// reactorSummary prints what came and went, and checks it. All that the worker got since it was taken out must have come
// after it was put in again, or it was never out.
func (d *demo) reactorSummary(row func(name, format string, args ...any), fail func(ok bool, format string, args ...any)) {
	w := d.workers[2]
	missed := (w.in - w.out) / len(d.workers)
	row("reactor", "%d sources came, %d removed, %d closed, %d timer ran out; lifecycle events lost %d",
		d.added, d.removed, d.ended, d.ticked, d.lost)
	row("", "%s was out while %d of its tasks were sent, and did them when it was in again", w.name, missed)
	fail(d.removed == 3 && d.ticked == 1 && d.left() == 0, "of %d sources of the reactor %d were removed, %d closed and %d ran out",
		d.added, d.removed, d.ended, d.ticked)
	fail(d.lost == 0, "the reactor's sources lost %d events", d.lost)
	fail(missed > 0, "%s missed nothing while it was out", w.name)
	fail(len(d.workers)*w.again >= d.tasksSent-w.out, "%s did %d tasks since it was in again, too few", w.name, w.again)
}
