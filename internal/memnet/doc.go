// Package memnet is an in-memory TCP look-alike for tests: connections, listeners and a transport whose faults a test
// commands.
//
// A Network implements zmq4's transport.Transport. Given to a socket as the transport of a scheme, it lets whole
// ZeroMQ sockets run inside a testing/synctest bubble: everything that waits here waits on a sync.Cond, a timer or the
// caller's context, and nothing asks the kernel. Create the Network, its connections and the contexts given to it in
// the bubble that uses them.
//
// # Delivery contract
//
// Bytes arrive in order, once, and without message boundaries. Each direction holds a bounded number of bytes
// (64 KiB, Network.Buffer changes it); a Write blocks while the direction is full. Writes of several goroutines on
// one connection do not mix. A byte that a Write accepted can be read at the other end at once: there is no latency
// but that of Network.Delay, which is for dialing only.
//
// An end that is closed lets its peer read what was written before, then io.EOF. If the closing end had unread bytes,
// or was ended by Conn.Reset, the peer reads what was written before, then ECONNRESET, as after a TCP RST. The peer's
// Write fails at once, with EPIPE after an orderly close and with ECONNRESET after a reset; TCP would often let one
// more write pass. These errors stay: TCP reports a reset once and EOF from then on.
//
// Connections that were cut (Network.Cut) give both ends what they had received, then ECONNRESET. Half-open ones
// (Network.HalfOpen) take every byte that is written and deliver none: no end learns that the other closed. A kernel
// would block once its send buffer is full; here the writer never notices, so only heartbeats and deadlines can.
//
// # Addresses
//
// Addresses are host:port, whatever the scheme. 0.0.0.0 and :: stand for every host, of both families; localhost is
// 127.0.0.1; any other name resolves, to itself, unless Network.Unresolvable was told otherwise. A connection dialed
// to a listener of 0.0.0.0 has the dialed host as the server's local address. Clients get ports from 40000 up, in the
// order of their dials; listeners that ask for any port get one from 30000 up.
//
// # Descriptors
//
// Conn.FD and the FD method of listeners return numbers that look like file descriptors. A Network counts them from 3
// and never gives one twice. An attempt to dial takes its number before the outcome is known and tells it to the
// dialer, when that has a method Attempt(fd int).
package memnet
