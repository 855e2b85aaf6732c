package reactor

import (
	"testing"
	"time"
)

// The count of a tick is an int, which a period of a nanosecond can overflow where that has 32 bits.
func TestCountOfALongPause(t *testing.T) {
	rigBubble(t, 0, func(g *rig) {
		id := g.add(Every(1))
		g.must(g.Pause(id))
		g.wait()
		for len(g.Events()) > 0 { // ticks from before the pause
			<-g.Events()
		}
		g.pass(5 * time.Second)
		g.must(g.Resume(id))
		const largest = int64(^uint(0) >> 1)
		if tick := g.next().(Tick); int64(tick.Count) < min(5e9, largest) {
			t.Fatalf("count %d", tick.Count)
		}
	})
}
