package reactor

import "testing"

// The panic of a handler comes out as it is: it is the program's, and a lock that is released twice on its way would
// replace it by an error that says nothing.
func TestPanicOfAHandlerComesOut(t *testing.T) {
	g := newRig(t, 0)
	g.must(g.Close()) // so that this goroutine can be the loop
	f := &feed{feeder: &chattyFeed{left: 2}, entry: &entry{handler: func(Event) error { panic("the program's") }}}
	defer func() {
		if p := recover(); p != "the program's" {
			t.Errorf("panic %v", p)
		}
		if !g.mu.TryLock() {
			t.Error("the lock is held")
		}
		g.mu.Unlock()
	}()
	g.mu.Lock()
	g.serveHandler(f, 1)
}
