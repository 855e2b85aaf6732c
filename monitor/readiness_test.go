package monitor

import (
	"errors"
	"net"
	"testing"

	"zmqbus/internal/readiness"
)

// A stream can be polled.
var _ interface {
	Readiness() (readiness.Events, error)
	Notify(*readiness.Waiter)
	Forget(*readiness.Waiter)
} = (*Stream)(nil)

func wantReady(t *testing.T, s *Stream, want readiness.Events, wantErr error) {
	t.Helper()
	if ev, err := s.Readiness(); ev != want || !errors.Is(err, wantErr) || (wantErr == nil) != (err == nil) {
		t.Fatalf("Readiness is %v, %v; want %v, %v", ev, err, want, wantErr)
	}
}

func TestReadinessLevel(t *testing.T) {
	var h Hub
	s := h.Subscribe(Accepted|MonitorStopped, Buffer(2))
	wantReady(t, s, 0, nil)
	h.Record(Event{Type: ConnectRetried}) // not in the mask
	wantReady(t, s, 0, nil)
	for range 5 { // more than it holds
		h.Record(Event{Type: Accepted})
		wantReady(t, s, readiness.In, nil)
	}
	<-s.C()
	wantReady(t, s, readiness.In, nil)
	if _, err := s.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantReady(t, s, 0, nil)
	s.Stop()
	wantReady(t, s, readiness.In, nil) // MONITOR_STOPPED
	<-s.C()
	wantReady(t, s, 0, ErrClosed)
	wantReady(t, s, 0, net.ErrClosed)

	late := h.Subscribe(Accepted)
	h.Stop()
	wantReady(t, late, 0, ErrClosed)
	wantReady(t, h.Subscribe(Accepted), 0, ErrClosed)
}

func TestReadinessWakes(t *testing.T) {
	var h Hub
	s, other := h.Subscribe(Accepted), h.Subscribe(0)
	wakes := 0
	w := readiness.NewWaiter(func() {
		wakes++
		if len(s.ch) == 0 && !s.ended {
			t.Error("woken before there is something")
		}
	})
	s.Notify(w)
	s.Notify(w) // once all the same
	check := func(what string, want int) {
		t.Helper()
		if wakes != want {
			t.Fatalf("%s: %d wake-ups, want %d", what, wakes, want)
		}
	}
	h.Record(Event{Type: Accepted})
	check("not armed", 0)
	<-s.C()
	w.Arm(readiness.In)
	h.Record(Event{Type: ConnectRetried})
	check("not in the mask", 0)
	h.Record(Event{Type: Accepted})
	h.Record(Event{Type: Accepted})
	check("armed once", 1)
	w.Arm(readiness.Out)
	h.Record(Event{Type: Accepted})
	check("armed for something else", 1)
	w.Arm(readiness.In)
	other.Stop()
	check("another stream's end", 1)
	s.Forget(w)
	h.Record(Event{Type: Accepted})
	check("forgotten", 1)
	s.Notify(w)
	waiting := len(buffered(s))
	w.Arm(0)
	s.Stop()
	check("the end", 2)
	w.Arm(readiness.In)
	h.Stop()
	s.Notify(w)
	s.Forget(readiness.NewWaiter(nil))
	check("after the end", 2)
	if waiting != 4 {
		t.Errorf("%d events waited", waiting)
	}
}

// Who arms, looks and then sleeps misses nothing, whichever way it reads.
func TestReadinessLosesNoWakeUp(t *testing.T) {
	const events = 20_000
	for _, read := range []struct {
		name string
		next func(*Stream) Event
	}{
		{"C", func(s *Stream) Event { return <-s.C() }},
		{"Next", func(s *Stream) Event { e, _ := s.Next(t.Context()); return e }},
	} {
		t.Run(read.name, func(t *testing.T) {
			var h Hub
			s := h.Subscribe(Accepted, Buffer(events))
			poke := make(chan struct{}, 1)
			w := readiness.NewWaiter(func() {
				select {
				case poke <- struct{}{}:
				default:
				}
			})
			s.Notify(w)
			defer s.Forget(w)
			go func() { // owner: this test, which reads until Stop
				for range events {
					h.Record(Event{Type: Accepted})
				}
				h.Stop()
			}()
			var last uint64
			for {
				w.Arm(readiness.In)
				ev, err := s.Readiness()
				if err != nil {
					break
				}
				if ev == 0 {
					<-poke
					continue
				}
				for len(s.C()) > 0 {
					last = read.next(s).Seq
				}
			}
			if last != events || s.Lost() != 0 {
				t.Fatalf("%d events, %d lost", last, s.Lost())
			}
		})
	}
}
