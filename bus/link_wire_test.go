package bus_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/bus"
	"zmqbus/socket"
)

// linkPlaces are endpoints of all transports, to be bound on the system's network.
func linkPlaces(t testing.TB) map[string]string {
	return map[string]string{
		"tcp":    "tcp://127.0.0.1:*",
		"ipc":    "ipc://" + filepath.Join(t.TempDir(), "s"),
		"inproc": "inproc://place",
	}
}

// TestLinkSides links two buses over each transport, with either side bound, and by the defaults.
func TestLinkSides(t *testing.T) {
	for scheme := range linkPlaces(t) {
		for _, side := range []struct {
			export, imports string
			first           string // who is bound
		}{{"@", ">", "export"}, {"", "", "export"}, {"@", "", "export"}, {"", ">", "export"}, {">", "@", "import"}} {
			t.Run(fmt.Sprintf("%s/export%s/import%s", scheme, side.export, side.imports), func(t *testing.T) {
				g, at := linkReal(t), linkPlaces(t)[scheme]
				from, to := g.bus(socket.Config{}), g.bus(socket.Config{})
				var out, in *bus.Link
				if side.first == "export" {
					out = g.export(from, side.export+at)
					in = g.imports(to, side.imports+out.Endpoint())
				} else {
					in = g.imports(to, side.imports+at)
					out = g.export(from, side.export+in.Endpoint())
				}
				if out.Endpoint() != in.Endpoint() || !strings.HasPrefix(out.Endpoint(), scheme+"://") || strings.Contains(out.Endpoint(), "*") {
					t.Fatalf("linked %v with %v", out, in)
				}
				if out.Import() || !in.Import() || out.String() != "export "+out.Endpoint() || in.String() != "import "+in.Endpoint() {
					t.Fatalf("links are called %v and %v", out, in)
				}
				s := g.sub(to, "a")
				g.wait(from, "a", 1)
				g.publish(from, "a.b", "1")
				g.publish(from, "b", "2")
				g.publish(from, "a", "")
				g.wants(s, "a.b=1", "a=")
			})
		}
	}
}

// TestLinkConnectBeforeBind: neither side has to be first.
func TestLinkConnectBeforeBind(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		for _, at := range []string{"tcp://" + linkAt, "inproc://later"} {
			from, to := g.bus(socket.Config{}), g.bus(socket.Config{})
			in := g.imports(to, at)
			s := g.sub(to, "")
			g.same(in.Endpoint(), at)
			out := g.export(from, at)
			g.wait(from, "a", 1)
			g.publish(from, "a", "1")
			g.wants(s, "a=1")
			g.must(out.Close(linkEnded()))
		}
	})
}

// TestLinkFramesOut: a plain SUB of an export gets topic and payload, and nothing it has not subscribed to.
func TestLinkFramesOut(t *testing.T) {
	type quote struct {
		Bid float64 `json:"bid"`
	}
	for scheme := range linkPlaces(t) {
		for _, side := range []string{"@", ">"} {
			t.Run(scheme+side, func(t *testing.T) {
				g, at := linkReal(t), linkPlaces(t)[scheme]
				b := g.bus(socket.Config{})
				var sub *socket.Socket
				if side == "@" {
					sub = g.subscriber(g.export(b, side+at).Endpoint(), socket.Config{}, "s", "j", "r")
				} else {
					sub, at = g.bound(zmq4.Sub, at, socket.Config{})
					for _, p := range []string{"s", "j", "r"} {
						g.must(sub.Subscribe(p))
					}
					g.export(b, side+at)
				}
				for _, topic := range []string{"s", "j", "r"} {
					g.wait(b, topic, 1)
				}
				ctx := t.Context()
				raw, quotes := linkTopic[[]byte](g, b), linkTopic[quote](g, b)
				g.publish(b, "not", "sent")
				g.publish(b, "s", "text")
				g.must(quotes.Publish(ctx, "j.x", quote{1.5}))
				g.must(raw.Publish(ctx, "r\x00\xff", []byte("\x00\x01")))
				g.must(raw.Publish(ctx, "r", nil))
				g.recv(sub, "s", "text")
				g.recv(sub, "j.x", `{"bid":1.5}`)
				g.recv(sub, "r\x00\xff", "\x00\x01")
				g.recv(sub, "r", "")
			})
		}
	}
}

// TestLinkExportToProxy: an export that is connected to an XSUB, a broker's front, gives it what it asks for.
func TestLinkExportToProxy(t *testing.T) {
	linkBubble(t, func(g *linkRig) {
		xsub, at := g.bound(zmq4.XSub, "tcp://"+linkAt, socket.Config{})
		b := g.bus(socket.Config{})
		g.export(b, ">"+at)
		g.rest()
		g.send(xsub, "\x01a")
		g.wait(b, "a", 1)
		g.publish(b, "b", "not sent")
		g.publish(b, "a", "1")
		g.recv(xsub, "a", "1")
	})
}

// TestLinkFramesIn: an import delivers what a plain PUB and an XPUB send, from whichever side.
func TestLinkFramesIn(t *testing.T) {
	for _, typ := range []zmq4.SocketType{zmq4.Pub, zmq4.XPub} {
		for scheme := range linkPlaces(t) {
			for _, side := range []string{"@", ">"} {
				t.Run(fmt.Sprint(typ, "/", scheme, side), func(t *testing.T) {
					g, at := linkReal(t), linkPlaces(t)[scheme]
					b := g.bus(socket.Config{})
					raw, err := linkTopic[[]byte](g, b).Subscribe(t.Context(), bus.Prefix("a\x00"))
					g.must(err)
					text := g.sub(b, "a")
					pub := g.socket(typ, socket.Config{})
					if side == ">" {
						g.must(pub.Listen(at))
						g.imports(b, side+pub.Endpoints()[0].Endpoint)
					} else {
						g.must(pub.Dial(g.imports(b, side+at).Endpoint()))
					}
					g.subscribed(pub, 2)
					g.send(pub, "b", "not wanted")
					g.send(pub, "a\x00b", "\xff")
					g.send(pub, "a", "")
					g.wants(text, "a\x00b=\xff", "a=")
					e := linkNext(g, raw)
					g.same([]string{e.Topic, string(e.Value)}, []string{"a\x00b", "\xff"})
				})
			}
		}
	}
}

// TestLinkEndpointResolves: Endpoint tells what was really bound.
func TestLinkEndpointResolves(t *testing.T) {
	g := linkReal(t)
	b := g.bus(socket.Config{})
	for _, ep := range []string{"@tcp://127.0.0.1:0", "tcp://127.0.0.1:*", "@tcp://*:*"} {
		for _, l := range []*bus.Link{g.export(b, ep), g.imports(b, "@"+strings.TrimPrefix(ep, "@"))} {
			if got := l.Endpoint(); !strings.HasPrefix(got, "tcp://") || strings.ContainsAny(got, "*@>") || strings.HasSuffix(got, ":0") {
				t.Errorf("%s is bound to %s", ep, got)
			}
		}
	}
}
