// Package interop tests zmqbus against the reference: libzmq through cgo, pyzmq from a shell. It is a module of
// its own, so the main module stays free of cgo. It needs a C compiler and libzmq3-dev, and python3-zmq for the
// tests that run the command line and those of the bus; interop/compare measures against the other libraries.
//
// Nothing here sleeps to wait: tests wait for a lifecycle event, for a handshake, or repeat a cheap question to a
// libzmq socket, each time with a receive timeout, until a deadline.
package interop
