// Package reactor is a select whose cases come and go while it runs: sockets and what happens to their connections,
// adapted sockets, file descriptors, timers and Go channels, merged by one goroutine into one channel of typed
// events.
//
//	r, err := reactor.New(ctx, nil)
//	quotes, err := r.Add(reactor.MessagesAndLifecycle(sub, 0))
//	beat, err := r.Add(reactor.Every(time.Second))
//	for e := range r.Events() {
//		switch e := e.(type) {
//		case reactor.Message: ...   // e.Source == quotes
//		case reactor.Lifecycle: ...
//		case reactor.Tick: ...      // e.Source == beat
//		case reactor.Closed: ...
//		}
//	}
//	return r.Wait()
//
// [Reactor.Handle] is the other form: a function per source, called on the reactor's goroutine, as with czmq's zloop.
// Both forms may be used in one reactor. A program with a fixed set of sources needs neither: a select over socket.C
// and its like is enough.
//
// # Delivery
//
// Order: the events of one source are delivered in the order in which it had them, and Closed is the last. Sources
// are served in turn, first come first served, and between them no order is promised; nor is it between the messages
// of a socket and its lifecycle, also under one id.
//
// Buffering: the reactor holds what is in the channel of Events (its capacity is Config.Events, 64 at most), one
// event in its hand while that is full, and one value of each Go channel. All else stays in the sources. Nothing is
// taken for a handler before it is called.
//
// Backpressure: while the reader of Events does not read, sources added with Add are left alone. Their queues fill up
// to their own limits, which for a socket means that TCP makes the peer wait; ticks are counted into one; lifecycle
// streams lose their oldest events and say how many (Lifecycle.Event.Lost). Sources with handlers go on meanwhile.
//
// Loss: what was taken from a source is delivered, or returned by [Reactor.Remove], or named in the
// [UndeliveredError] of Wait. Delivered means that it is in the channel of Events, which stays readable after the
// end, or that the handler was called. What is not taken stays in the source: the next who reads a socket that was
// removed, or whose reactor has ended, gets the next message. Only a lifecycle stream is the reactor's own, and ends
// with its source with what is in it; so do a timer's ticks.
//
// Fairness: a source takes at most Config.Budget events in its turn. One that becomes ready waits for at most budget
// x sources events of the others, and cap(Events) events that were there before; MessagesAndLifecycle counts as two
// sources. While the channel is full, sources with handlers take turns among themselves alone.
//
// # The calls
//
// Add, Handle, Remove, Pause, Resume, Post and Stop may be called from any goroutine, also from handlers and posted
// functions, and have their effect before they return: after Remove or Pause nothing more is taken from the source,
// after Stop from none, but for the one value that is received ahead from a Go channel. What was delivered before may
// still be on its way: events in the channel, a call of a handler on the reactor's goroutine.
//
// A socket in a reactor is claimed: others' Recv returns socket.ErrClaimed, until Remove, the source's end, or the
// reactor's. Sending is not restricted. Sources are never closed by the reactor.
//
// # Handlers
//
// A handler gets one event at a time, and nothing else runs on the reactor's goroutine meanwhile: neither another
// handler nor a posted function, nor is anything delivered to Events. So it should be short, and must not call Wait,
// Close or Run, or wait for Events to be read. It may do everything else, such as remove its own source. Its error
// ends the reactor.
//
// # The end
//
// Stop, Close, the error of a handler or of Run's function, and the end of New's context end the reactor, whether
// anybody reads Events or not; only a handler or posted function that does not return holds it up. Functions that
// Post had accepted are run. Then the sources are given back, Events and Done are closed, and Wait returns the first
// error, if there was one.
package reactor
