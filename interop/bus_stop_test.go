//go:build unix

package interop

import (
	"strings"
	"syscall"
	"testing"
)

// TestBusStop stops each member with SIGSTOP: its connections stay open, half, and only heartbeats tell. They must
// within interval and timeout, which is less than a second. When it goes on it takes part again.
func TestBusStop(t *testing.T) {
	c := newMesh(t)
	c.stopped = true
	for _, m := range mesh {
		took := c.noticed(m.name, c.send(m.name, syscall.SIGSTOP), soon)
		t.Logf("%s was stopped; noticed after: %s", m.name, took)
		if !strings.Contains(took, "PING") {
			t.Errorf("no bus names a PING that was not answered: %s", took)
		}
		c.exchange(m.name)
		c.send(m.name, syscall.SIGCONT)
		c.exchange("")
	}
	c.finish()
}
