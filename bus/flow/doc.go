// Package flow has operators on Go channels: each takes a channel and returns one. They work with any <-chan T,
// a subscription's or a ticker's or the output of another operator, and know nothing of buses and sockets.
//
//	ctx, cancel := context.WithCancel(ctx)
//	defer cancel()
//	prices := flow.Map(ctx, sub.C(), func(e bus.Event[Quote]) float64 { return e.Value.Bid })
//	for p := range flow.All(ctx, flow.Throttle(ctx, prices, 100*time.Millisecond)) {
//		screen.Show(p)
//	}
//
// # Delivery
//
// Order: an operator gives values in the order in which it took them. [Merge] keeps the order of each input, and
// promises none between them.
//
// Backpressure: while the reader does not read, [Map], [Filter], [Scan], [Merge], [Tee], [Batch] and [Timeout] let the
// input wait, and lose nothing. [Throttle], [Debounce] and [Latest] never do: they read on, and of the values that the
// reader did not take they keep the newest alone. What they offer is withdrawn when a newer value comes.
//
// Buffering: outputs are unbuffered. An operator holds at most one value that it has taken and not given, Batch at
// most n. [All] holds none. The state of Scan is kept besides.
//
// End of the input: what the operator holds is given, then its output is closed. The reader may take its time.
//
// End of the context: what the operator holds is dropped, its output is closed at once, and the rest stays in the
// input. At most one value is still given, when its reader came at the same moment. An operator whose context has
// ended before takes nothing. A closed output does not say which end it was: ctx.Err and Timeout's function do.
//
// # Goroutines
//
// Each operator has one goroutine, whatever the number of its inputs and outputs, and All has none. It ends with the
// input or the context, whichever is first, and closes the output as its last act. A reader that stops before the end
// must cancel the context: until then the goroutine waits for it, and so does the sender of the input. Senders that
// may be left alone should watch the same context.
//
// Functions run on the goroutine of their operator, one call at a time, in the order of the values. A function that
// does not return holds up the end. A panic in it ends the program, as in every goroutine.
//
// An operator may be called from any goroutine. Its output may have several readers, each value going to one of them;
// for the same values to each there is Tee. Values are passed on as they are: who gets a pointer, a map or a slice
// shares it with whoever else has it.
//
// # Arguments
//
// A nil context, a nil function, a count out of range and a duration that is not positive panic in the call, and the
// text names the operator and the argument. Only Batch has a use for such a duration: no limit. A nil input is what a
// nil channel is to Go: it never has a value and never ends, so the operator ends with the context.
package flow
