package socket

// probeNetwork finds out if a socket file is served. Windows has no datagram sockets of this family, so that a live
// server sees a connection that ends at once.
const probeNetwork = "unix"
