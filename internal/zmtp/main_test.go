package zmtp

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/go-zeromq/zmq4"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a net.Conn whose peer has said everything already; after it comes the end error.
type script struct {
	net.Conn
	in  io.Reader
	end error
	out bytes.Buffer
}

func (s *script) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	if err == io.EOF && s.end != nil {
		err = s.end
	}
	return n, err
}

func (s *script) Write(p []byte) (int, error) { return s.out.Write(p) }

// readers are the ways in which the same bytes may arrive.
var readers = map[string]func(io.Reader) io.Reader{
	"whole":       func(r io.Reader) io.Reader { return r },
	"one byte":    iotest.OneByteReader,
	"half":        iotest.HalfReader,
	"with error":  iotest.DataErrReader,
	"three bytes": func(r io.Reader) io.Reader { return &limited{r, 3} },
}

type limited struct {
	r io.Reader
	n int
}

func (l *limited) Read(p []byte) (int, error) { return l.r.Read(p[:min(len(p), l.n)]) }

// tcpPair returns both ends of a loopback connection, closed at the end of the test.
func tcpPair(t testing.TB) (a, b *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

// ready is a READY command frame with the given properties.
func ready(kv ...string) []byte { return AppendCommand(nil, "READY", props(kv...)) }

func props(kv ...string) []byte {
	var b []byte
	for i := 0; i < len(kv); i += 2 {
		b = append(b, byte(len(kv[i])))
		b = append(b, kv[i]...)
		b = append(b, 0, 0, byte(len(kv[i+1])>>8), byte(len(kv[i+1])))
		b = append(b, kv[i+1]...)
	}
	return b
}

// greet is a greeting with the given version, mechanism and as-server byte.
func greet(major, minor byte, mechanism string, server byte) []byte {
	b := make([]byte, greetingLen)
	b[0], b[9], b[10], b[11], b[32] = 0xFF, 0x7F, major, minor, server
	copy(b[12:32], mechanism)
	return b
}

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// collect runs fn in a goroutine that wait joins.
func collect(fn func()) (wait func()) {
	var wg sync.WaitGroup
	wg.Go(fn)
	return wg.Wait
}

// decodeAll reads messages and commands until the source ends.
func decodeAll(d *Decoder) (msgs []zmq4.Msg, err error) {
	var batch []zmq4.Msg
	for {
		if batch, err = d.ReadBatch(batch); err != nil {
			return msgs, err
		}
		msgs = append(msgs, batch...)
	}
}
