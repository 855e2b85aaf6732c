// Package zmtp speaks the ZeroMQ Message Transport Protocol (RFC 23, and the commands of RFC 37) on one connection:
// a guarded handshake through zmq4.Open, and then our own frame codec on the same buffered reader.
//
// Delivery contract:
//
//   - Handshake hands zmq4 only bytes that it has checked itself; a hostile peer gets a *HandshakeError, never a panic
//     and never more than 64 KiB of memory. No byte behind the peer's last handshake command is lost: it stays in the
//     Reader.
//   - A Decoder delivers whole messages and commands in the order of the wire, and never a part of one. What was decoded before a
//     violation is delivered before the violation is reported. A declared length is checked before its bytes are read and is
//     never trusted: memory grows as bytes arrive.
//   - Every slice that a Decoder hands out has cap == len, and no two messages share bytes (but for Decoder.Prefix, which all
//     messages of one connection share).
//   - A Writer never tears a message without saying so: after an error it tells how many messages the kernel took whole,
//     and whether it took a part of the next.
//
// Nothing here starts a goroutine or sets a deadline. Buffers of 64 KiB come from a pool and go back to it: an idle
// connection holds none.
package zmtp
