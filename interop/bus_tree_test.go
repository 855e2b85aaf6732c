package interop

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// member is a process of a topic tree: two frames, topic and JSON, below "tree.".
type member struct {
	name  string
	kind  string // bus, PUB, SUB (both pyzmq) or proxy
	links []link
}

// link is one socket of a bus, or one endpoint of a pyzmq socket, at a place where another member has the other side.
type link struct {
	kind  string // export or import; of the proxy front or back
	side  string // @ binds, > connects
	place string
}

func (l link) publishes() bool { return l.kind == "export" || l.kind == "back" }

// treeNote is in every value: what JSON encoders escape in different ways.
const treeNote = `grüße <&> "quoted" ` + "\u2028\U0001F600"

// tree is a set of members that run. Everything in it belongs to the test's goroutine; the others post to it.
type tree struct {
	t       *testing.T
	members []member
	places  map[string]string // endpoints; one with "*" is resolved by the first who binds it
	views   map[string]*view  // of the members that run
	posts   chan func()
	over    chan struct{}
	timeout <-chan struct{}
	readers sync.WaitGroup
	pairs   [][2]string // see routes
	stopped bool        // somebody was stopped and went on: what waited in its connections may come late
}

// view is what one process has told.
type view struct {
	*proc
	ending, ended bool
	links         int // those it has reported
	ack           string
	conns         []*connection
	latest        map[string]int64 // by source: when the newest value was published
}

// connection is one that the process reported, with the times.
type connection struct {
	endpoint string
	id       int64
	up, down int64 // nanoseconds since 1970
	ready    bool  // the handshake succeeded
	why      string
}

// newTree starts the members one after the other.
func newTree(t *testing.T, members []member, places map[string]string) *tree {
	t.Helper()
	c := &tree{
		t: t, members: members, places: places, views: map[string]*view{},
		posts: make(chan func(), 1000), over: make(chan struct{}), timeout: testContext(t).Done(),
	}
	t.Cleanup(func() {
		close(c.over)
		c.readers.Wait()
	})
	c.pairs = c.routes()
	for _, m := range members {
		c.start(m.name, nil)
	}
	return c
}

func (c *tree) member(name string) member {
	return c.members[slices.IndexFunc(c.members, func(m member) bool { return m.name == name })]
}

// start starts a member, again if it was killed, and waits until it has its links. dialled, if not nil, changes the
// endpoints that it connects to.
func (c *tree) start(name string, dialled func(string) string) {
	c.t.Helper()
	m := c.member(name)
	v := &view{latest: map[string]int64{}}
	v.proc = c.run(m, dialled)
	c.views[name] = v
	c.readers.Go(func() { c.read(m, v) }) // owned by the tree; ends with the process
	c.await(name+" has its links", func() bool { return m.kind == "proxy" || v.links == len(m.links) })
}

func (c *tree) run(m member, dialled func(string) string) *proc {
	c.t.Helper()
	var links []string
	for _, l := range m.links {
		ep := c.places[l.place]
		if l.side == ">" && dialled != nil {
			ep = dialled(ep)
		}
		if m.kind == "bus" {
			l.side = l.kind + " " + l.side
		}
		links = append(links, l.side+ep)
	}
	switch m.kind {
	case "bus":
		return start(c.t, os.Args[0], append([]string{busPeerRole, m.name, treeNote}, links...)...)
	case "proxy":
		return zmqbus(c.t, "proxy", "--frontend", "xsub,"+links[0], "--backend", "xpub,"+links[1],
			"-o", fmt.Sprint("heartbeat_ivl=", treeInterval.Milliseconds()))
	default:
		args := append([]string{"tree", m.kind, m.name, treeNote}, links...)
		if c.views[m.name] == nil {
			return pyzmq(c.t, args...)
		}
		return start(c.t, python, append([]string{filepath.Join("testdata", "peer.py")}, args...)...)
	}
}

// read posts the lines of a process until they end.
func (c *tree) read(m member, v *view) {
	for v.out.Scan() {
		line := v.out.Text()
		if !c.post(func() { c.take(m, v, line) }) {
			return
		}
	}
	c.post(func() { c.end(m, v) })
}

func (c *tree) post(f func()) bool {
	select {
	case c.posts <- f:
		return true
	case <-c.over:
		return false
	}
}

// await takes what is reported until cond is true.
func (c *tree) await(what string, cond func() bool) {
	c.t.Helper()
	for !cond() {
		select {
		case f := <-c.posts:
			f()
		case <-c.timeout:
			c.t.Fatalf("waited for: %s\n%s", what, c)
		}
	}
}

func (c *tree) take(m member, v *view, line string) {
	var r report
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		c.t.Fatalf("%s: %q: %v", m.name, line, err)
	}
	switch r.Kind {
	case "link":
		l := m.links[v.links]
		if v.links++; l.side == "@" {
			c.places[l.place] = r.Endpoint
		}
	case "ack":
		v.ack = r.Name
	case "event":
		v.event(r)
	case "value":
		c.value(m, v, r)
	default:
		c.t.Errorf("%s: %s", m.name, line)
	}
}

func (v *view) event(r report) {
	switch r.Name {
	case "ACCEPTED", "CONNECTED":
		v.conns = append(v.conns, &connection{endpoint: r.Endpoint, id: r.Conn, up: r.At})
	case "HANDSHAKE_SUCCEEDED":
		if conn := v.open(r); conn != nil {
			conn.ready = true
		}
	case "DISCONNECTED":
		if conn := v.open(r); conn != nil {
			conn.down, conn.why = r.At, r.Why
		}
	}
}

// open finds the newest open connection of an event. pyzmq's ids are descriptors, which are used again, and 0 with
// HANDSHAKE_SUCCEEDED.
func (v *view) open(r report) *connection {
	for _, conn := range slices.Backward(v.conns) {
		if conn.down == 0 && conn.endpoint == r.Endpoint && (conn.id == r.Conn || r.Conn == 0) {
			return conn
		}
	}
	return nil
}

// value checks what a member received: from one publisher by one connection in order, each once, as it was sent.
func (c *tree) value(m member, v *view, r report) {
	if r.Note != treeNote || r.Topic != "tree."+r.From {
		c.t.Errorf("%s received %+v, note and topic do not fit", m.name, r)
	}
	if m.kind == "bus" && r.Endpoint == "" {
		if r.From != m.name {
			c.t.Errorf("%s received %+v as its own", m.name, r)
		}
		return
	}
	if !slices.Contains(c.pairs, [2]string{r.From, m.name}) {
		c.t.Errorf("%s received a value of %s, from which no link comes", m.name, r.From)
	}
	key := fmt.Sprint(r.From, " by ", r.Conn)
	if r.At <= v.latest[key] && !(c.stopped && r.Conn == 0) {
		c.t.Errorf("%s: value of %s is not newer than the one before", m.name, key)
	}
	v.latest[key] = r.At
	v.latest[r.From] = max(v.latest[r.From], r.At)
}

// end is called with the end of a process's output.
func (c *tree) end(m member, v *view) {
	err := v.cmd.Wait()
	v.done, v.ended = true, true
	if strings.Contains(v.stderr.String(), "DATA RACE") {
		c.t.Errorf("%s: data race", m.name)
	}
	if !v.ending {
		c.t.Fatalf("%s ended by itself: %v\n%s", m.name, err, v.stderr.String())
	}
}

// String tells what the members have received and what stands.
func (c *tree) String() string {
	var b strings.Builder
	for name, v := range c.views {
		fmt.Fprintf(&b, "%s: ended %v, received", name, v.ended)
		for from, at := range v.latest {
			fmt.Fprintf(&b, " %s %s,", from, time.Unix(0, at).Format("05.000"))
		}
		for _, conn := range v.conns {
			fmt.Fprintf(&b, "\n  %+v", *conn)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
