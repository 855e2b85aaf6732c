package reactor

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// watchdog warns about calls of the program's functions that do not return: first after the limit, then each time
// the call has lasted twice as long. The clock and the timer are touched once a turn, not once a call, so a call that was
// not the first of its turn may have lasted for up to one limit longer than is known.
type watchdog struct {
	limit time.Duration // negative: off
	log   *slog.Logger

	what atomic.Pointer[string] // the call that runs, or ran last
	seq  atomic.Uint64          // counts beginnings and ends: odd while a call runs

	mu      sync.Mutex // guards what follows
	timer   *time.Timer
	on      bool          // a turn is under way
	set     time.Time     // when the timer was set
	wait    time.Duration // to what
	watched uint64        // seq of the call that is watched
	known   time.Duration // for how long that call had run when the timer was set
}

// turn begins a turn; calls follow, and rest.
func (w *watchdog) turn() {
	if w.limit < 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on = true
	w.watch(w.seq.Load() + 1)
}

// watch waits for the limit; when no call runs, the next one is found then. The caller holds mu.
func (w *watchdog) watch(call uint64) {
	w.watched, w.known = call, 0
	w.arm(w.limit)
}

func (w *watchdog) arm(d time.Duration) {
	w.set, w.wait = time.Now(), d
	if w.timer == nil {
		w.timer = time.AfterFunc(d, w.bark)
	} else {
		w.timer.Reset(d)
	}
}

// rest ends the turn.
func (w *watchdog) rest() {
	if w.limit < 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on = false
	w.timer.Stop()
}

// begin and end are around each call.
func (w *watchdog) begin(what *string) {
	w.what.Store(what)
	w.seq.Add(1)
}

func (w *watchdog) end() { w.seq.Add(1) }

// bark runs on the timer's transient goroutine, which nobody waits for: a log handler may block as long as it likes.
func (w *watchdog) bark() {
	if what, lasts := w.check(); lasts > 0 {
		w.log.Warn("handler stalls", "source", what, "for", lasts)
	}
}

// check returns how long the watched call has lasted, if it still does.
func (w *watchdog) check() (what string, lasts time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.on || time.Since(w.set) < w.wait { // it fired while its turn ended
		return "", 0
	}
	call, running := w.seq.Load(), w.what.Load()
	none := call%2 == 0
	if none || call != w.watched || w.seq.Load() != call { // a name read while calls change may be another's
		w.watch(call)
		return "", 0
	}
	w.known += w.wait
	w.arm(w.known)
	return *running, w.known
}
