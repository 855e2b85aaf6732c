// Package monitor describes the lifecycle of ZeroMQ connections: which events there are, what their values mean, how
// a program listens to them, and how libzmq writes them into frames. It has no sockets; a socket records its events
// into a [Hub] and hands out [Stream]s.
//
// Types, values and endpoints are those of zmq_socket_monitor(3), as libzmq 4.3.4 was seen to produce them. An
// [Event] adds what libzmq does not tell: time, connection, both addresses, the peer, a typed reason, and whether a
// reconnect attempt follows.
//
// # Delivery
//
// Order: a hub orders all its events, and every stream sees that order. Between events and messages there is none.
//
// Numbers: each stream counts the events that its mask lets through; [Event.Seq] starts at 1 and grows by one.
//
// Loss: recording never blocks. A stream whose buffer is full loses its oldest event. A step of more than one in Seq
// is that loss, at its exact place; [Stream.Next] and [Stream.All] turn it into [Event.Lost], and [Stream.Lost] is
// the total. The newest event is never the one that goes, so every loss is followed by an event that shows it.
//
// Snapshot: with [WithSnapshot] a stream starts with the events that made what stands now, marked
// [Event.Snapshot], in the order in which they happened: LISTENING of each listener, CONNECTED or ACCEPTED of each
// connection, and its HANDSHAKE_SUCCEEDED. Nothing is missed and nothing is told twice between them and what
// follows. Without it, nothing is replayed.
//
// End: MONITOR_STOPPED, if the mask has it, comes exactly once, as the last event; there is always room for it.
// Then the channel is closed. What it holds stays readable.
package monitor
