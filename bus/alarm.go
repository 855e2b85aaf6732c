package bus

import (
	"sync"
	"time"
)

// alarm is a timer whose goroutine the end of its owner waits for. The owner's lock guards it.
type alarm struct {
	owner *sync.WaitGroup // counts the goroutine from set until it is done
	timer *time.Timer
	on    bool
}

// set lets f run in d, unless the alarm is set already. The owner must be counted in its group, so that the group is not
// waited for to the end; f calls rang first, with the lock, and owner.Done last.
func (a *alarm) set(d time.Duration, f func()) {
	if a.on {
		return
	}
	a.on = true
	a.owner.Add(1)
	if a.timer == nil {
		a.timer = time.AfterFunc(d, f)
	} else {
		a.timer.Reset(d)
	}
}

func (a *alarm) rang() { a.on = false }

// clear takes set back. A function that runs already goes on.
func (a *alarm) clear() {
	if a.on && a.timer.Stop() {
		a.on = false
		a.owner.Done()
	}
}
