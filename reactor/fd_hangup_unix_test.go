//go:build unix

package reactor

import (
	"os"
	"testing"

	"zmqbus/poller"
)

// A descriptor that is hung up, or not open, is told again and again until its handler removes it, and others have
// their turns in between.
func TestFDHungUpHandler(t *testing.T) {
	for name, fd := range map[string]func(t *testing.T) int{
		"hung up": func(t *testing.T) int {
			from, to, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = from.Close() })
			_ = to.Close()
			return int(from.Fd())
		},
		"not open": func(*testing.T) int { return 1 << 30 }, // no limit is as high
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, 0)
			others, calls := make(chan int), 0
			g.handle(FD(fd(t), poller.In), func(e Event) error {
				if e.(Readiness).Events != poller.Err {
					t.Errorf("got %s", say(e))
				}
				if calls++; calls == 100 {
					_, err := g.Remove(e.From())
					close(others)
					return err
				}
				return nil
			})
			g.add(Chan(others))
			others <- 1
			others <- 2 // the first one was taken
			for e := g.next(); say(e) != "2: closed <nil>"; e = g.next() {
			}
			done := make(chan int)
			g.must(g.Post(func() { done <- calls }))
			if n := <-done; n != 100 {
				t.Errorf("%d calls", n)
			}
		})
	}
}
