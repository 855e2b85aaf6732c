package memnet

import (
	"context"
	"io"
	"net"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testAddr = "127.0.0.1:5555"

func listen(t *testing.T, n *Network, addr string) net.Listener {
	t.Helper()
	l, err := n.Listen(context.Background(), addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func dial(t *testing.T, n *Network, addr string) *Conn {
	t.Helper()
	c, err := n.Dial(context.Background(), nil, addr)
	if err != nil {
		t.Fatal(err)
	}
	return c.(*Conn)
}

func accept(t *testing.T, l net.Listener) *Conn {
	t.Helper()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return c.(*Conn)
}

// connected returns both ends of a connection over n, whose listener is closed again.
func connected(t *testing.T, n *Network) (client, server *Conn) {
	t.Helper()
	l := listen(t, n, testAddr)
	client = dial(t, n, testAddr)
	server = accept(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

func send(t *testing.T, c *Conn, s string) {
	t.Helper()
	if n, err := c.Write([]byte(s)); n != len(s) || err != nil {
		t.Fatalf("Write(%q) = %d, %v", s, n, err)
	}
}

// drained reads until an error, and returns what came and the error.
func drained(c *Conn) (string, error) {
	var all []byte
	b := make([]byte, 3)
	for {
		n, err := c.Read(b)
		all = append(all, b[:n]...)
		if err != nil {
			return string(all), err
		}
	}
}

func closeAll(t *testing.T, cs ...io.Closer) {
	t.Helper()
	for _, c := range cs {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
