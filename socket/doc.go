// Package socket provides ZeroMQ sockets in pure Go: all eleven classic types over tcp, ipc and inproc, with messages and
// connection lifecycle on Go channels. A peer may be libzmq, or anything else that speaks ZMTP 3.
//
//	s, err := socket.New(ctx, zmq4.Sub, nil)
//	s.Subscribe("quotes.")
//	s.Dial("tcp://127.0.0.1:5555")
//	events := s.Lifecycle(0)
//	for {
//		select {
//		case msg, ok := <-s.C(): ...
//		case ev := <-events.C(): ...
//		case <-ctx.Done(): ...
//		}
//	}
//
// # Delivery
//
// Order: what one socket sends to one peer arrives in the order of the Send calls, also across a reconnect. Peers are read
// in turn, one message each. Between messages and events no order is promised.
//
// Wholeness: a message of several frames is sent, queued, dropped and received whole.
//
// Queues: each peer has a pipe with a bounded queue in each direction (SendHWM, RecvHWM, counted in messages). Accepted
// means queued, not received by the peer: ZeroMQ has no acknowledgements. The queue of a dialled endpoint exists from Dial until
// Disconnect and outlives its connections; that of an accepted connection ends with it. A full queue makes Send wait, or,
// on PUB, XPUB and ROUTER, drops and counts. A full inbound queue stops reading, and TCP makes the peer wait. The loss of a connection whose
// inbound queue is full is noticed when the queue has room again: what the peer sent before it went is read first.
//
// Loss: what is lost is counted in [Stats] under a reason, and can be announced as an event. Accepted = Written + Dropped +
// Queued and Received = Delivered + Dropped + Queued hold at any time. Written means that the kernel, or the inproc peer, took the last byte: a
// connection that breaks may still lose it. A message that was partly written is dropped and never sent again; those
// behind it are sent on the next connection.
//
// Bytes: frames that are received may be shared and must not be written to; frames that are sent must not change after
// Send. zmq4.Msg.Clone makes a private copy.
//
// # Lifecycle
//
// [Socket.Lifecycle] streams what happened: libzmq's events in libzmq's order, with its values and endpoints, and the peer, the
// reason and whether a retry follows besides; see package monitor for how a slow reader loses events. [Socket.Monitor] sends the
// same as libzmq's frames. As in libzmq a close by this side is silent: only the listener's CLOSED and MONITOR_STOPPED are told.
//
// # End
//
// Close flushes for up to Linger, the end of New's context flushes nothing; both end every goroutine, connection and
// channel of the socket before Done is closed. Calls that block then return an error that matches [ErrClosed].
//
// # Limits
//
// ZMTP 3.0 and 3.1 peers only, mechanism NULL. A hostile peer costs an event and its connection: lengths are not trusted, memory grows as
// bytes arrive, and handshakes, frames, subscriptions and waiting connections are bounded (see [Config]).
package socket
