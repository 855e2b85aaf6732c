package interop

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"
)

// facing returns the members with the other side of l.
func (c *tree) facing(l link) []member {
	var others []member
	for _, m := range c.members {
		for _, o := range m.links {
			if o.place == l.place && o.side != l.side && o.publishes() != l.publishes() {
				others = append(others, m)
			}
		}
	}
	return others
}

func (c *tree) faces(l link, name string) bool {
	return slices.ContainsFunc(c.facing(l), func(o member) bool { return o.name == name })
}

// routes returns the pairs (from, to) between which values go: by a link, or two links with the broker.
func (c *tree) routes() [][2]string {
	var pairs [][2]string
	for _, from := range c.members {
		for _, out := range from.links {
			for _, to := range c.facing(out) {
				if !out.publishes() || from.kind == "proxy" {
					continue
				}
				if to.kind != "proxy" {
					pairs = append(pairs, [2]string{from.name, to.name})
					continue
				}
				for _, l := range to.links {
					if l.publishes() {
						for _, m := range c.facing(l) {
							pairs = append(pairs, [2]string{from.name, m.name})
						}
					}
				}
			}
		}
	}
	return pairs
}

// exchange waits until values published from now on have come by every route that does not begin or end at the member
// without.
func (c *tree) exchange(without string) {
	c.t.Helper()
	now := time.Now().UnixNano()
	c.await("values, without "+without, func() bool {
		for _, r := range c.pairs {
			if r[0] != without && r[1] != without && c.views[r[1]].latest[r[0]] <= now {
				return false
			}
		}
		return true
	})
}

// order tells all members to publish, or not to, and waits until they do.
func (c *tree) order(what string) {
	c.t.Helper()
	for _, m := range c.members {
		if m.kind != "proxy" {
			c.orderOne(m.name, what)
		}
	}
}

func (c *tree) orderOne(name, what string) {
	c.t.Helper()
	v := c.views[name]
	v.ack = ""
	v.write(what + "\n")
	c.await(name+" obeys", func() bool { return v.ack == what })
}

// kill ends a process with SIGKILL, and returns when that was sent.
func (c *tree) kill(name string) int64 {
	c.t.Helper()
	c.views[name].ending = true
	return c.send(name, syscall.SIGKILL)
}

func (c *tree) send(name string, sig syscall.Signal) int64 {
	c.t.Helper()
	now := time.Now().UnixNano()
	if err := c.views[name].cmd.Process.Signal(sig); err != nil {
		c.t.Fatal(err)
	}
	return now
}

// noticed waits until every other member that has a link with the victim has reported the end of a connection of
// that link after the time, checks that it was within the bound, and returns how long each took.
func (c *tree) noticed(victim string, since int64, bound time.Duration) string {
	c.t.Helper()
	var took []string
	for _, m := range c.members {
		for _, l := range m.links {
			if m.kind == "proxy" || !c.faces(l, victim) {
				continue
			}
			var lost *connection
			c.await(fmt.Sprintf("%s sees the end of %s at %s", m.name, victim, l.place), func() bool {
				lost = c.views[m.name].lost(c.places[l.place], since)
				return lost != nil
			})
			after := time.Duration(lost.down - since)
			if after > bound {
				c.t.Errorf("%s noticed the end of %s after %v, want %v", m.name, victim, after, bound)
			}
			took = append(took, strings.TrimSpace(fmt.Sprintf("%s %v %s", m.name, after.Round(time.Millisecond/10), lost.why)))
		}
	}
	return strings.Join(took, ", ")
}

// lost returns the first connection of the endpoint that ended after the time.
func (v *view) lost(endpoint string, since int64) *connection {
	for _, conn := range v.conns {
		if conn.endpoint == endpoint && conn.down >= since {
			return conn
		}
	}
	return nil
}

// finish ends all processes in order; each must exit with 0.
func (c *tree) finish() {
	c.t.Helper()
	for name, v := range c.views {
		v.ending = true
		if c.member(name).kind == "proxy" {
			c.send(name, syscall.SIGINT)
		}
		_ = v.stdin.Close()
	}
	for name, v := range c.views {
		c.await(name+" ends", func() bool { return v.ended })
		if code := v.cmd.ProcessState.ExitCode(); code != 0 {
			c.t.Errorf("%s: exit code %d", name, code)
		}
	}
}
