package interop

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// soon is within what everybody must notice that a peer has gone, or is silent.
const soon = time.Second

// mesh is two buses, a pyzmq PUB and a pyzmq SUB, with all that links can be: exports and imports that bind and
// connect, over tcp and ipc. Any two of them meet at one place at most, and each is at one that it binds and at one
// that it connects to.
var mesh = []member{
	{"bus1", "bus", []link{{"export", "@", "bus1's"}, {"import", "@", "bus1's inlet"}, {"import", ">", "bus2's"}}},
	{"pub", "PUB", []link{{"export", "@", "pub's"}, {"export", ">", "bus1's inlet"}}},
	{"sub", "SUB", []link{{"import", "@", "sub's"}, {"import", ">", "bus1's"}}},
	{"bus2", "bus", []link{
		{"export", "@", "bus2's"}, {"export", ">", "sub's"}, {"import", ">", "bus1's"}, {"import", ">", "pub's"},
	}},
}

func newMesh(t *testing.T) *tree {
	t.Helper()
	c := newTree(t, mesh, map[string]string{
		"bus1's": anyPort, "bus1's inlet": ipcEndpoint(t), "bus2's": ipcEndpoint(t), "pub's": anyPort, "sub's": anyPort,
	})
	c.order("on")
	c.exchange("")
	return c
}

// TestBusKill kills each member with SIGKILL: the others see it at once, go on among themselves, and when it is
// started again it takes part again. At rest nobody has anything to send, so that no write fails.
func TestBusKill(t *testing.T) {
	for _, rest := range []bool{true, false} {
		t.Run(pick(rest, "at_rest", "under_traffic"), func(t *testing.T) {
			c := newMesh(t)
			for _, m := range mesh {
				if rest {
					c.order("off")
				}
				took := c.noticed(m.name, c.kill(m.name), soon)
				t.Logf("%s was killed; noticed after: %s", m.name, took)
				c.gone(m.name)
				if rest {
					for _, o := range mesh {
						if o.name != m.name {
							c.orderOne(o.name, "on")
						}
					}
				}
				c.exchange(m.name)
				c.again(m.name)
			}
			c.finish()
		})
	}
}

// gone waits until a killed process has ended.
func (c *tree) gone(name string) {
	c.t.Helper()
	c.await(name+" ends", func() bool { return c.views[name].ended })
}

// again starts a killed member, which must take part again.
func (c *tree) again(name string) {
	c.t.Helper()
	born := time.Now()
	c.start(name, nil)
	if c.member(name).kind != "proxy" {
		c.orderOne(name, "on")
	}
	c.exchange("")
	c.t.Logf("%s takes part again %v after it was started", name, time.Since(born).Round(time.Millisecond))
}

// TestBusKillInHandshake kills each member at chosen points of its first conversation with those it connects to:
// connected, within the greeting, before and within READY, within its first subscription or value.
func TestBusKillInHandshake(t *testing.T) {
	for _, m := range mesh {
		t.Run(m.name, func(t *testing.T) {
			c := newMesh(t)
			c.kill(m.name)
			c.gone(m.name)
			points := []int64{0, 11, 64, 80, m.handshake() + 2}
			if slices.ContainsFunc(m.links, func(l link) bool { return l.publishes() && l.side == ">" }) {
				points = append(points, m.handshake()+60) // the payload
			}
			for _, bytes := range points {
				c.killAfter(m.name, bytes)
			}
			c.again(m.name)
			c.finish()
		})
	}
}

// handshake is the length of a greeting and READY. Of our PUB and SUB that has an empty Identity, which libzmq's do
// not send.
func (m member) handshake() int64 {
	if m.kind == "bus" {
		return 64 + 40
	}
	return 64 + 27
}

// killAfter starts a member and kills it when so many bytes of one of the connections that it makes have arrived.
func (c *tree) killAfter(name string, bytes int64) {
	c.t.Helper()
	g := newGate(c.t, bytes, func(f func()) { c.post(f) })
	defer g.close()
	born := time.Now().UnixNano()
	c.start(name, g.through)
	c.orderOne(name, "on")
	c.await(fmt.Sprintf("%s has sent %d bytes", name, bytes), func() bool { return g.reached })
	if bytes > c.member(name).handshake() {
		c.await("a handshake", func() bool { return c.shaken(g, born) })
	}
	since := c.kill(name)
	took := c.unmade(g, name, born, since)
	c.t.Logf("%s was killed after %d bytes; noticed after %v", name, bytes, took.Round(time.Millisecond/10))
	if took > soon {
		c.t.Errorf("noticed after %v, want %v", took, soon)
	}
	if bytes < c.member(name).handshake() && c.shaken(g, born) {
		c.t.Errorf("%s shook hands with %d bytes", name, bytes)
	}
	c.gone(name)
	c.exchange(name)
}

// shaken reports whether a connection by the gate has got through its handshake.
func (c *tree) shaken(g *gate, born int64) bool {
	for _, v := range c.views {
		for _, conn := range v.conns {
			if g.made[conn.endpoint] > 0 && conn.up >= born && conn.ready {
				return true
			}
		}
	}
	return false
}

// unmade waits until the others have reported the end of each connection that the victim made by the gate, and of
// those that they made to it, and returns how long that took.
func (c *tree) unmade(g *gate, victim string, born, since int64) time.Duration {
	c.t.Helper()
	last := since
	for _, m := range c.members {
		for _, l := range m.links {
			if !c.faces(l, victim) {
				continue
			}
			ep, v := c.places[l.place], c.views[m.name]
			c.await(m.name+" sees all ends at "+l.place, func() bool {
				ended, open := 0, 0
				for _, conn := range v.conns {
					switch {
					case conn.endpoint == ep && conn.down >= since:
						ended++
						last = max(last, conn.down)
					case conn.endpoint == ep && conn.up >= born && conn.down == 0:
						open++
					}
				}
				return ended >= g.made[ep] && (l.side == "@" || open == 0)
			})
		}
	}
	return time.Duration(last - since)
}
