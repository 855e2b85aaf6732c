package zmtp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"github.com/go-zeromq/zmq4"
)

// guard is the net.Conn that zmq4.Open works on. What Open writes is kept until Open turns to reading, so a command is one
// write. What Open reads was checked here first: the greeting as a whole, then command by command. The first failure is
// kept in fail, because zmq4's errors cannot be told apart.
type guard struct {
	net.Conn
	r         *Reader
	o         *Options
	mechanism string
	greeted   bool
	in        []byte // checked bytes; in[off:] is what Open has not read yet
	off       int
	out       []byte // written by Open, not flushed
	werr      error  // of the first failed flush
	fail      *HandshakeError
}

// Write implements net.Conn; it only collects.
func (g *guard) Write(p []byte) (int, error) {
	g.out = append(g.out, p...)
	return len(p), nil
}

// Read implements net.Conn. It reads and checks the next unit of the handshake when the last one is used up.
func (g *guard) Read(p []byte) (int, error) {
	if g.fail != nil {
		return 0, g.fail
	}
	if g.off == len(g.in) {
		if err := g.next(); err != nil {
			g.fail = err
			return 0, err
		}
	}
	n := copy(p, g.in[g.off:])
	g.off += n
	return n, nil
}

// flush writes what Open wrote. After an error it goes on without writing: the peer's last words, such as an ERROR command,
// may still be there to read and say more than a reset.
func (g *guard) flush() {
	if len(g.out) > 0 && g.werr == nil {
		_, g.werr = g.Conn.Write(g.out)
	}
	g.out = g.out[:0]
}

func (g *guard) next() *HandshakeError {
	g.flush()
	g.in, g.off = g.in[:0], 0
	if g.greeted {
		return g.command()
	}
	g.greeted = true
	if err := g.greeting(); err != nil {
		return err
	}
	if g.o.OnGreeting != nil {
		if err := g.o.OnGreeting(); err != nil {
			return timeoutError(err)
		}
	}
	return nil
}

// some appends at least one byte of the peer to in, and at most what makes it total bytes long. Memory follows the bytes
// that came, not the length that was declared.
func (g *guard) some(total int) *HandshakeError {
	if g.r.Buffered() == 0 {
		if err := g.r.fill(); err != nil {
			if g.werr != nil {
				err = g.werr
			}
			return ioError(err)
		}
	}
	b := g.r.peek()
	n := min(len(b), total-len(g.in))
	g.in = append(g.in, b[:n]...)
	g.r.r += n
	return nil
}

func (g *guard) greeting() *HandshakeError {
	for len(g.in) < greetingLen {
		if err := g.some(greetingLen); err != nil {
			return err
		}
		if err := checkGreeting(g.in, g.mechanism); err != nil {
			return err
		}
	}
	return nil
}

// command reads one whole command frame: flags, length of 1 or 8 bytes, body.
func (g *guard) command() *HandshakeError {
	if err := g.some(1); err != nil {
		return err
	}
	flags, head := g.in[0], 2
	switch {
	case flags&flagCommand == 0:
		return protocolError(ProtoUnexpectedCommand, errors.New("message before the end of the handshake"))
	case flags&^(flagCommand|flagLong) != 0:
		return protocolError(ProtoMalformedCommand, fmt.Errorf("command with flags %#x", flags))
	case flags&flagLong != 0:
		head = 9
	}
	for len(g.in) < head {
		if err := g.some(head); err != nil {
			return err
		}
	}
	size := uint64(g.in[1])
	if head == 9 {
		size = binary.BigEndian.Uint64(g.in[1:])
	}
	if size > maxHandshakeCommand {
		e := protocolError(ProtoMalformedCommand, fmt.Errorf("command of %d bytes", size))
		e.Oversize = true
		return e
	}
	total := head + int(size)
	for len(g.in) < total {
		if err := g.some(total); err != nil {
			return err
		}
	}
	return g.checkCommand(g.in[head:])
}

// checkCommand judges a whole command. Mechanisms other than NULL order their commands themselves.
func (g *guard) checkCommand(b []byte) *HandshakeError {
	name, body, err := splitCommand(b)
	if err != nil {
		return protocolError(ProtoMalformedCommand, err)
	}
	null := g.mechanism == string(zmq4.NullSecurity)
	switch {
	case name == zmq4.CmdError:
		return checkError(body)
	case null && name != zmq4.CmdReady:
		return protocolError(ProtoUnexpectedCommand, fmt.Errorf("command %.32q instead of READY", name))
	case null, g.mechanism == string(zmq4.PlainSecurity) && (name == zmq4.CmdReady || name == zmq4.CmdInitiate):
		return checkMetadata(body, g.o.Type)
	}
	return nil // metadata of other mechanisms may be encrypted; checkedSecurity looks at what came out
}

// checkError turns the peer's ERROR command into the failure it means. As in libzmq, a reason of "300", "400" or "500" is
// a status, and bytes behind the reason are ignored.
func checkError(body []byte) *HandshakeError {
	if len(body) == 0 || int(body[0]) > len(body)-1 {
		return protocolError(ProtoMalformedError, errors.New("malformed ERROR command"))
	}
	reason := string(body[1 : 1+int(body[0])])
	err := fmt.Errorf("peer refused the connection: %q", reason)
	switch reason {
	case "300", "400", "500":
		return &HandshakeError{Failure: Auth, Value: int64(reason[0]-'0') * 100, Err: err}
	}
	return &HandshakeError{Failure: Silent, Err: err}
}
