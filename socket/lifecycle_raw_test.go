package socket

import (
	"bytes"
	"io"
	"net"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/zmtp"
	"zmqbus/monitor"
)

// handmade is a peer that a script plays byte by byte.
type handmade struct {
	net.Conn
	g *stage
}

// handmadeServer listens where the stage's actors meet.
func (g *stage) handmadeServer() net.Listener {
	g.t.Helper()
	l, err := g.net.Listen(testContext(g.t), at)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { l.Close() })
	return l
}

func (g *stage) accept(l net.Listener) *handmade {
	g.t.Helper()
	c, err := l.Accept()
	if err != nil {
		g.t.Fatal(err)
	}
	return g.handmade(c)
}

func (g *stage) connect() *handmade {
	g.t.Helper()
	c, err := g.net.Dial(testContext(g.t), nil, at)
	if err != nil {
		g.t.Fatal(err)
	}
	return g.handmade(c)
}

func (g *stage) handmade(c net.Conn) *handmade {
	g.t.Cleanup(func() { c.Close() })
	return &handmade{c, g}
}

func (h *handmade) write(parts ...[]byte) {
	h.g.t.Helper()
	if _, err := h.Write(bytes.Join(parts, nil)); err != nil {
		h.g.t.Fatal(err)
	}
}

// skip reads n bytes and returns them.
func (h *handmade) skip(n int) []byte {
	h.g.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(h, b); err != nil {
		h.g.t.Fatal(err)
	}
	return b
}

// frame reads a short frame: its flags and its body.
func (h *handmade) frame() (byte, []byte) {
	h.g.t.Helper()
	head := h.skip(2)
	return head[0], h.skip(int(head[1]))
}

// greet exchanges greetings, and shake the READY commands after them.
func (h *handmade) greet(mechanism string) {
	h.g.t.Helper()
	g := make([]byte, 64)
	copy(g, "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00"+mechanism)
	h.write(g)
	h.skip(len(g))
}

func (h *handmade) shake(typ zmq4.SocketType) {
	h.g.t.Helper()
	h.greet("NULL")
	h.write(ready(typ))
	h.frame()
}

func ready(typ zmq4.SocketType) []byte {
	body := append([]byte("\x0bSocket-Type\x00\x00\x00"), byte(len(typ)))
	return zmtp.AppendCommand(nil, "READY", append(body, typ...))
}

// rawScripts have a handmade peer on one side; they are played on the in-memory network only.
var rawScripts = []lifecycleScript{
	{name: "reconnect_stop_1_refused", play: func(g *stage) {
		c := g.actor("client", zmq4.Dealer, Config{ReconnectStop: StopConnRefused})
		c.dial(g.ep)
		c.await(monitor.Closed)
		g.quiet(c)
		if c.state() != GaveUp {
			g.t.Errorf("the endpoint is %v", c.state())
		}
	}},
	{name: "reconnect_stop_1_handshake_retried", play: func(g *stage) {
		closesInHandshake(g, StopConnRefused).await(monitor.Closed)
	}},
	{name: "reconnect_stop_2_handshake", play: func(g *stage) {
		c := closesInHandshake(g, StopHandshakeFailed)
		c.await(monitor.Disconnected)
		g.quiet(c)
	}},
	{name: "reconnect_stop_2_refused_retried", play: func(g *stage) {
		c := g.actor("client", zmq4.Dealer, Config{ReconnectStop: StopHandshakeFailed})
		c.dial(g.ep)
		c.await(monitor.ConnectRetried)
		c.await(monitor.ConnectRetried)
	}},
	{name: "reconnect_stop_3", play: func(g *stage) {
		c := closesInHandshake(g, StopConnRefused|StopHandshakeFailed)
		c.await(monitor.Disconnected)
		g.quiet(c)
		c.dial(g.ep) // the listener is gone: refused
		c.await(monitor.Closed)
		g.quiet(c)
	}},
	{name: "connect_timeout", play: func(g *stage) {
		g.net.Blackhole(at, true)
		c := g.actor("client", zmq4.Dealer, Config{ConnectTimeout: 300 * time.Millisecond})
		c.dial(g.ep)
		c.await(monitor.ConnectRetried)
	}},
	{name: "server_is_silent", play: func(g *stage) {
		l := g.handmadeServer()
		c := g.actor("client", zmq4.Dealer, Config{HandshakeTimeout: 300 * time.Millisecond})
		c.dial(g.ep)
		g.accept(l)
		c.await(monitor.ConnectRetried)
	}},
	{name: "client_is_silent", play: func(g *stage) {
		s := g.actor("server", zmq4.Dealer, Config{HandshakeTimeout: 300 * time.Millisecond})
		s.listen(g.ep)
		g.connect()
		s.await(monitor.Disconnected)
	}},
	{name: "server_says_error", play: func(g *stage) {
		l := g.handmadeServer()
		c := g.actor("client", zmq4.Dealer, Config{})
		c.dial(g.ep)
		h := g.accept(l)
		h.greet("NULL")
		h.write(zmtp.AppendCommand(nil, "ERROR", []byte("\x03400")))
		c.await(monitor.Disconnected)
		g.quiet(c)
	}},
	{name: "client_says_error", play: func(g *stage) {
		s := g.actor("server", zmq4.Dealer, Config{})
		s.listen(g.ep)
		h := g.connect()
		h.greet("NULL")
		h.write(zmtp.AppendCommand(nil, "ERROR", []byte("\x03400")))
		s.await(monitor.Disconnected)
	}},
	{name: "server_has_other_mechanism", play: func(g *stage) {
		l := g.handmadeServer()
		c := g.actor("client", zmq4.Dealer, Config{})
		c.dial(g.ep)
		g.accept(l).greet("CURVE")
		c.await(monitor.Disconnected)
		g.quiet(c)
	}},
	{name: "server_sends_bad_frame", play: func(g *stage) {
		l := g.handmadeServer()
		c := g.actor("client", zmq4.Dealer, Config{})
		c.dial(g.ep)
		h := g.accept(l)
		h.shake(zmq4.Dealer)
		c.await(monitor.HandshakeSucceeded)
		h.write([]byte{0xF8, 0})
		c.await(monitor.Disconnected)
		g.quiet(c)
	}},
	{name: "server_resets", play: func(g *stage) {
		l := g.handmadeServer()
		c := g.actor("client", zmq4.Dealer, Config{})
		c.dial(g.ep)
		g.accept(l).shake(zmq4.Dealer)
		c.await(monitor.HandshakeSucceeded)
		g.net.Cut(at)
		c.await(monitor.ConnectRetried)
	}},
}

// closesInHandshake plays a server that reads the greeting, closes, and stops listening.
func closesInHandshake(g *stage, stop ReconnectStop) *actor {
	l := g.handmadeServer()
	c := g.actor("client", zmq4.Dealer, Config{ReconnectStop: stop})
	c.dial(g.ep)
	h := g.accept(l)
	l.Close()
	h.skip(64)
	h.Close()
	return c
}
