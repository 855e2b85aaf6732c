package reactor

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The timer may go off when no call runs, as after a pause of the machine between a turn's beginning and its first
// call. That is no stall, and the next call's time begins with it.
func TestWatchdogBetweenCalls(t *testing.T) {
	const ms = time.Millisecond
	beat := "beat"
	for name, c := range map[string]struct {
		first, pause, call time.Duration // pause comes after a call of first, or before any when that is 0
		want               string
	}{
		"before the first, quick":  {0, 1500 * ms, 900 * ms, ""},
		"before the first, stalls": {0, 1500 * ms, 2200 * ms, "source=beat for=1s"},
		"between two, quick":       {100 * ms, 2500 * ms, 900 * ms, ""},
		"between two, stalls":      {100 * ms, 2500 * ms, 1800 * ms, "source=beat for=1s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				w := &watchdog{limit: time.Second, log: watchLog(&out)}
				call := func(d time.Duration) {
					w.begin(&beat)
					time.Sleep(d)
					w.end()
				}
				w.turn()
				if c.first > 0 {
					call(c.first)
				}
				time.Sleep(c.pause)
				call(c.call)
				w.rest()
				synctest.Wait()
				if got := strings.TrimSpace(out.String()); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		})
	}
}
