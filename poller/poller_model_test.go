package poller

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// counter is a source that is ready to receive while it has something.
type counter struct {
	nr int

	mu      sync.Mutex
	n       int
	waiters Waiters
	removed int64 // how many Waits had begun when the last Remove returned; none while it may be registered
}

const notRemoved = math.MaxInt64

func (c *counter) Readiness() (Events, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n > 0 {
		return In, nil
	}
	return 0, nil
}

func (c *counter) Notify(w *Waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiters.Add(w)
}

func (c *counter) Forget(w *Waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiters.Remove(w)
}

func (c *counter) put() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	c.waiters.Notify(In)
}

func (c *counter) take() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == 0 {
		return false
	}
	c.n--
	return true
}

func (c *counter) setRemoved(at int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removed = at
}

// pollerModel is a run: what is put into sources while others change what is registered is consumed to the last by those
// that wait, and nothing is reported that was removed before the Wait began.
type pollerModel struct {
	p       *Poller
	sources []*counter
	waits   atomic.Int64 // begun
	left    atomic.Int64 // not consumed
	done    chan struct{}
}

type pollerStep struct {
	source int
	op     int // of a changer: 0 Add, 1 Remove, 2 Wake, others Modify
	ev     Events
}

func drawSteps(t *rapid.T, label string, sources int) [][]pollerStep {
	step := rapid.Custom(func(t *rapid.T) pollerStep {
		return pollerStep{
			source: rapid.IntRange(0, sources-1).Draw(t, "source"),
			op:     rapid.IntRange(0, 5).Draw(t, "op"),
			ev:     rapid.SampledFrom([]Events{0, In, Out, In | Out}).Draw(t, "events"),
		}
	})
	return rapid.SliceOfN(rapid.SliceOfN(step, 0, 60), 1, 3).Draw(t, label)
}

func TestPollerModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &pollerModel{p: New(), done: make(chan struct{})}
		defer m.p.Close()
		for i := range rapid.IntRange(1, 5).Draw(rt, "sources") {
			m.sources = append(m.sources, &counter{nr: i, removed: notRemoved})
		}
		anchor := &counter{nr: -1} // there is always something to wait for
		if err := m.p.Add(anchor, In, nil); err != nil {
			rt.Fatal(err)
		}
		puts := drawSteps(rt, "puts", len(m.sources))
		changes := drawSteps(rt, "changes", len(m.sources))
		for _, steps := range puts {
			m.left.Add(int64(len(steps)))
		}
		m.run(rt, puts, changes, rapid.IntRange(1, 3).Draw(rt, "waiters"), rapid.IntRange(1, 4).Draw(rt, "room"))
	})
}

func (m *pollerModel) run(rt *rapid.T, puts, changes [][]pollerStep, waiters, room int) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var waiting, busy sync.WaitGroup
	errs := make(chan error, waiters)
	if m.left.Load() == 0 {
		close(m.done)
	}
	for i := range waiters {
		timeout := []time.Duration{-1, 50 * time.Microsecond}[i%2]
		waiting.Go(func() { errs <- m.wait(ctx, room, timeout) }) // ends with ctx, or when all is consumed
	}
	var changing sync.Mutex // Add and Remove of the model; the poller needs it not
	for _, steps := range changes {
		busy.Go(func() { // ends with its steps
			for _, s := range steps {
				m.change(&changing, s)
			}
		})
	}
	for _, steps := range puts {
		busy.Go(func() { // ends with its steps
			for _, s := range steps {
				m.sources[s.source].put()
			}
		})
	}
	busy.Wait()
	for i := range m.sources {
		m.change(&changing, pollerStep{source: i, op: 0, ev: In})
		m.change(&changing, pollerStep{source: i, op: 9, ev: In})
	}
	select {
	case <-m.done:
	case <-ctx.Done():
		rt.Errorf("%d are ready and not reported", m.left.Load())
	}
	m.p.Close()
	waiting.Wait()
	close(errs)
	for err := range errs {
		if !errors.Is(err, ErrClosed) && ctx.Err() == nil {
			rt.Errorf("a waiter ended with: %v", err)
		}
	}
}

// change does one step, and notes when Remove has returned.
func (m *pollerModel) change(changing *sync.Mutex, s pollerStep) {
	c := m.sources[s.source]
	switch s.op {
	case 0:
		changing.Lock()
		defer changing.Unlock()
		c.setRemoved(notRemoved)
		_ = m.p.Add(c, s.ev, c.nr) // it may be there
	case 1:
		changing.Lock()
		defer changing.Unlock()
		if m.p.Remove(c) == nil {
			c.setRemoved(m.waits.Load())
		}
	case 2:
		m.p.Wake()
	default:
		_ = m.p.Modify(c, s.ev) // it may not be there
	}
}

var errRemovedReported = errors.New("reported after it was removed")

// wait consumes one of each source that is reported, until the poller is closed.
func (m *pollerModel) wait(ctx context.Context, room int, timeout time.Duration) error {
	events := make([]Event, room)
	for {
		begun := m.waits.Add(1)
		n, err := m.p.WaitAll(ctx, events, timeout)
		if err != nil && err != ErrAgain && err != ErrWoken {
			return err
		}
		for _, ev := range events[:n] {
			c := ev.Socket.(*counter)
			c.mu.Lock()
			removed := c.removed
			c.mu.Unlock()
			if removed < begun {
				return errRemovedReported
			}
			if c.take() && m.left.Add(-1) == 0 {
				close(m.done)
			}
		}
	}
}
