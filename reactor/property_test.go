package reactor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zmqbus/socket"
)

// propPatience bounds every wait for something that does happen.
const propPatience = 20 * time.Second

// propWorld is a reactor with its sources. Handlers run on the reactor's goroutine, all else on the test's.
type propWorld struct {
	r      *Reactor
	cancel context.CancelCauseFunc
	poke   chan struct{} // something was delivered to a handler

	mu      sync.Mutex // guards the ledgers' got, ends and late
	sources []*propSource
}

func (w *propWorld) add(t *rapid.T) {
	if len(w.sources) == 8 {
		t.Skip("enough sources")
	}
	s := &propSource{direct: rapid.Bool().Draw(t, "direct")}
	var src Source
	if rapid.Bool().Draw(t, "socket") {
		hwm := rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "hwm")
		s.push, s.pull = propPair(t, &socket.Config{SendHWM: hwm, RecvHWM: hwm})
		src = Messages(s.pull)
	} else {
		s.c = make(chan uint64, rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "cap"))
		src = Chan(s.c)
	}
	var err error
	if s.direct {
		s.id, err = w.r.Handle(src, func(e Event) error { w.deliver(s, e); return nil })
	} else {
		s.id, err = w.r.Add(src)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.sources = append(w.sources, s)
}

func (w *propWorld) deliver(s *propSource, e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.ends > 0 || s.removed && s.onWay == 0 {
		s.late++
	}
	s.onWay--
	if n, ok := propNumber(e); ok {
		s.got = append(s.got, n)
	} else {
		s.ends++
	}
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

// due reports whether a source of that kind has to deliver something yet.
func (w *propWorld) due(direct bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.sources, func(s *propSource) bool {
		return s.direct == direct && !s.paused && !s.removed && s.ends == 0 && (s.closed || uint64(len(s.got)) < s.sent)
	})
}

// read takes up to n events that have to come.
func (w *propWorld) read(t *rapid.T, n int) {
	for i := 0; i < n && w.due(false); i++ {
		select {
		case e := <-w.r.Events():
			w.deliver(w.source(t, e.From()), e)
		case <-time.After(propPatience):
			t.Fatal("nothing comes")
		}
	}
}

func (w *propWorld) source(t *rapid.T, id ID) *propSource {
	for _, s := range w.sources {
		if s.id == id {
			return s
		}
	}
	t.Fatalf("an event of %d, which was never added", id)
	return nil
}

// settle waits until the handlers have got all there is for them, whether Events() is read or not.
func (w *propWorld) settle(t *rapid.T) {
	for w.due(true) {
		select {
		case <-w.poke:
		case <-time.After(propPatience):
			t.Fatal("nothing comes to the handlers")
		}
	}
}

// pick draws a source that was not removed.
func (w *propWorld) pick(t *rapid.T) *propSource {
	var there []*propSource
	for _, s := range w.sources {
		if !s.removed {
			there = append(there, s)
		}
	}
	if len(there) == 0 {
		t.Skip("no source")
	}
	return there[rapid.IntRange(0, len(there)-1).Draw(t, "source")]
}

func (w *propWorld) remove(t *rapid.T) {
	s := w.pick(t)
	events, err := w.r.Remove(s.id)
	if s.mayHaveEnded(t, err); err != nil {
		return
	}
	w.giveBack(t, events)
	w.mu.Lock()
	defer w.mu.Unlock()
	s.removed, s.onWay = true, len(w.r.Events())
	if s.direct {
		s.onWay = 1 // the call of the handler that has begun
	}
}

func (w *propWorld) resume(t *rapid.T, s *propSource) {
	s.paused = false
	s.mayHaveEnded(t, w.r.Resume(s.id))
}

// mayHaveEnded accepts that the source is unknown when its Closed has come, or is on its way.
func (s *propSource) mayHaveEnded(t *rapid.T, err error) {
	if err != nil && !(s.closed && errors.Is(err, ErrNoSource)) {
		t.Fatal(err)
	}
}

func (w *propWorld) giveBack(t *rapid.T, events []Event) {
	for _, e := range events {
		s := w.source(t, e.From())
		if n, ok := propNumber(e); ok {
			s.back = append(s.back, n)
		}
	}
}

func (w *propWorld) close(t *rapid.T) {
	s := w.pick(t)
	if s.closed {
		t.Skip("closed already")
	}
	s.closed = true
	if s.c != nil {
		close(s.c)
	} else if err := s.pull.Close(); err != nil {
		t.Fatal(err)
	}
}

// finish lets everything come, or does not, ends the reactor, and collects what it still held.
func (w *propWorld) finish(t *rapid.T) {
	how := rapid.SampledFrom([]string{"drained", "closed", "cancelled"}).Draw(t, "end")
	if how == "drained" {
		for _, s := range w.sources {
			if !s.removed {
				w.resume(t, s)
			}
		}
		w.read(t, 1<<30)
		w.settle(t)
	}
	cause := errors.New("enough")
	if how == "cancelled" {
		w.cancel(cause)
	} else {
		w.r.Stop()
	}
	err := w.r.Wait()
	var undelivered *UndeliveredError
	hasUndelivered := errors.As(err, &undelivered)
	if errors.Is(err, cause) != (how == "cancelled") || how == "drained" && err != nil {
		t.Fatalf("%s: Wait returned %v", how, err)
	}
	for e := range w.r.Events() {
		w.deliver(w.source(t, e.From()), e)
	}
	if hasUndelivered {
		w.giveBack(t, undelivered.Events)
	}
}

// Under any sequence of calls no message is lost, duplicated or reordered within its source: it was delivered, or
// returned by Remove or Wait, or is still in the source, or the socket that was closed counted it as dropped.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx, cancel := context.WithCancelCause(context.Background())
		defer cancel(nil)
		cfg := &Config{
			Events: rapid.SampledFrom([]int{1, 4, 64}).Draw(t, "events"),
			Budget: rapid.SampledFrom([]int{1, 3, 16}).Draw(t, "budget"),
		}
		r, err := New(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		w := &propWorld{r: r, cancel: cancel, poke: make(chan struct{}, 1)}
		defer func() {
			r.Stop()
			_ = r.Wait()
			for _, s := range w.sources {
				s.stop()
			}
		}()
		send := func(t *rapid.T) {
			s := w.pick(t)
			if s.closed {
				t.Skip("closed")
			}
			for range rapid.SampledFrom([]int{1, 2, 40}).Draw(t, "messages") {
				if !s.send() {
					return
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": w.add, "send": send, "send2": send, "send3": send, // more often than the rest
			"read":   func(t *rapid.T) { w.read(t, rapid.SampledFrom([]int{1, 5, 40}).Draw(t, "events")) },
			"settle": w.settle,
			"pause": func(t *rapid.T) {
				s := w.pick(t)
				s.paused = true
				s.mayHaveEnded(t, w.r.Pause(s.id))
			},
			"resume": func(t *rapid.T) { w.resume(t, w.pick(t)) },
			"remove": w.remove,
			"close":  w.close,
		})
		w.finish(t)
		for _, s := range w.sources {
			s.check(t)
		}
	})
}
