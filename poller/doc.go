// Package poller waits for sockets and file descriptors together: [Poll] is zmq_poll, [Poller] is zmq_poller. Both take
// whatever implements [Pollable], which *socket.Socket, *socket.Adapter and *monitor.Stream do, and any descriptor of
// the operating system.
//
//	p := poller.New()
//	p.Add(sub, poller.In, "quotes")
//	p.AddFD(0, poller.In, "stdin")
//	for {
//		ev, err := p.Wait(ctx, -1)
//		...
//	}
//
// Poll is for a few items, or for a program that is ported line by line; it looks at all of them in each call. A Poller
// is told once, and a wait costs what is ready: 10,000 idle sockets cost nothing. A program that only receives needs
// neither: it selects over channels.
//
// # What is reported
//
// Level-triggered: each call reports what is ready at that moment, again and again until it is dealt with. Neither Poll
// nor Wait takes anything from a source, so what was ready may have gone to somebody else by the time it is used: read
// with TryRecv, or without blocking.
//
// Only what is asked for and is the case is reported. A source is ready for In and Out; a descriptor also for Pri and,
// asked or not, for Err: hung up, in error, or not open. With events 0 a Poller does not report an item at all, a Poll
// still reports Err of a descriptor. Unknown bits are ignored by Poll and refused by a Poller, as in libzmq.
//
// Order: Poll fills its items in place. A Poller reports in the order in which sources became ready; those that stay
// ready take turns, so with room for fewer events than are ready each is reported once before any is reported again.
//
// # Errors
//
// Poll returns 0 and no error when the time is over, a Poller [ErrAgain]. A source that has ended is an error that names
// it, *[ItemError] or *[OpError], also with events 0. In a Poller it stays registered until it is removed; its
// error comes when its turn does, after the events before it and before those behind it, so neither hides the other.
// The end of a context is an error with its cause; it is looked at first.
//
// # Concurrency
//
// Any number of calls of Poll may share sources and descriptors. All methods of a Poller may be called at any time from
// any goroutine. A Wait that runs goes by every change at once: what is added or asked for newly wakes it, what is
// removed is not reported by a Wait that begins after Remove has returned. Several Waits of one Poller may run at the same time: none sleeps while
// something is ready, so the same event may go to more than one of them. [Poller.Wake] ends one Wait. Neither Poll nor
// a Poller reads, writes or closes what it waits for.
//
// # Descriptors
//
// Linux: poll(2), and epoll(7) for a Poller. Other Unixes: poll(2), with which a Poller takes time in proportion to its
// descriptors. Other systems: errors.ErrUnsupported. A Poller that waits for descriptors has one goroutine and one
// descriptor (two without Linux) of its own from the first AddFD until Close; without descriptors it has neither, and Poll never keeps
// any. A thread of the system sleeps in a Poll that waits for descriptors, and in a Poller's goroutine without epoll.
//
// Remove a descriptor from a Poller before you close it. The system does not tell that a descriptor was closed, and
// gives its number to the next file: a Poller that is not told finds Err, or the other file, when it looks at the number again.
package poller
