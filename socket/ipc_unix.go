//go:build unix

package socket

// probeNetwork finds out if a socket file is served, without disturbing the server: connecting a datagram socket to a
// stream socket fails with EPROTOTYPE while one is bound, with ECONNREFUSED when none is.
const probeNetwork = "unixgram"
