package poller

import "zmqbus/internal/readiness"

// Events is a set of conditions, with the numbers of zmq_poll(3).
type Events = readiness.Events

// What an item or a source can be asked for, and be ready for.
const (
	In  = readiness.In  // ZMQ_POLLIN: a message can be received without blocking; a descriptor can be read
	Out = readiness.Out // ZMQ_POLLOUT: a message can be sent without blocking; a descriptor can be written
	Err = readiness.Err // ZMQ_POLLERR: descriptors only: hung up, in error, or not open; told without being asked for
	Pri = readiness.Pri // ZMQ_POLLPRI: descriptors only: urgent data
)

// Pollable is what can be polled besides descriptors: *socket.Socket, *socket.Adapter, *monitor.Stream, and whatever
// else implements it. A Pollable must be comparable, as pointers are.
//
// An implementation keeps a [Waiters] under its lock. When it becomes ready it first makes that visible to Readiness
// and then calls Waiters.Notify; at its end it calls Waiters.NotifyEnd. Neither blocks.
type Pollable interface {
	// Readiness returns what the source is ready for at this moment, without blocking, and an error once it has ended.
	// It must not be called, nor wait for a lock that is held, while a Waiter is being notified.
	Readiness() (Events, error)
	// Notify registers w: whenever w is armed, it is woken as soon as the source becomes ready for what w wants, or ends.
	Notify(w *Waiter)
	// Forget takes back Notify. An unknown w is ignored.
	Forget(w *Waiter)
}

// Waiter is who waits for a source: a poller or a reactor. An implementation of [Pollable] calls its Notify and
// NotifyEnd.
type Waiter = readiness.Waiter

// Waiters is the set of waiters that an implementation of [Pollable] keeps, guarded by its own lock. The zero value is
// empty.
type Waiters = readiness.Waiters
