package readiness

import (
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWaiter(t *testing.T) {
	for _, c := range []struct {
		name string
		arm  func(w *Waiter)
		call func(w *Waiter)
		want int
	}{
		{"not armed", func(*Waiter) {}, func(w *Waiter) { w.Notify(In | Out); w.NotifyEnd() }, 0},
		{"armed for it", func(w *Waiter) { w.Arm(In) }, func(w *Waiter) { w.Notify(In) }, 1},
		{"once", func(w *Waiter) { w.Arm(In) }, func(w *Waiter) { w.Notify(In); w.Notify(In); w.NotifyEnd() }, 1},
		{"armed for another", func(w *Waiter) { w.Arm(In) }, func(w *Waiter) { w.Notify(Out) }, 0},
		{"one of several", func(w *Waiter) { w.Arm(In | Out) }, func(w *Waiter) { w.Notify(Out | Pri) }, 1},
		{"the end", func(w *Waiter) { w.Arm(In) }, func(w *Waiter) { w.NotifyEnd() }, 1},
		{"the end, without interest", func(w *Waiter) { w.Arm(0) }, func(w *Waiter) { w.Notify(In | Out); w.NotifyEnd() }, 1},
		{"disarmed", func(w *Waiter) { w.Arm(In); w.Disarm() }, func(w *Waiter) { w.Notify(In) }, 0},
		{"armed again", func(w *Waiter) { w.Arm(In) }, func(w *Waiter) { w.Notify(In); w.Arm(In); w.Notify(In) }, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			woken := 0
			w := NewWaiter(func() { woken++ })
			c.arm(w)
			c.call(w)
			if woken != c.want {
				t.Errorf("woken %d times, want %d", woken, c.want)
			}
		})
	}
}

func TestWaitersNotifyEachOnce(t *testing.T) {
	var set Waiters
	woken := make([]int, 3)
	var ws []*Waiter
	for i := range woken {
		w := NewWaiter(func() { woken[i]++ })
		ws = append(ws, w)
		set.Add(w)
		set.Add(w)
		w.Arm(In)
	}
	set.Remove(ws[1])
	set.Remove(ws[1])
	set.Notify(In)
	if woken[0] != 1 || woken[1] != 0 || woken[2] != 1 {
		t.Errorf("woken %v, want [1 0 1]", woken)
	}
	ws[0].Arm(0)
	set.NotifyEnd()
	if woken[0] != 2 || woken[2] != 1 {
		t.Errorf("after the end: woken %v, want [2 0 1]", woken)
	}
}

// TestNoWakeUpIsLost runs the protocol of the package comment on two goroutines: the waiter must see every level.
func TestNoWakeUpIsLost(t *testing.T) {
	const rounds = 10_000
	var mu sync.Mutex
	var set Waiters
	level := 0
	line := NewLine[int]()
	place := line.NewPlace(0)
	w := NewWaiter(place.Join)
	mu.Lock()
	set.Add(w)
	mu.Unlock()
	var producer sync.WaitGroup
	producer.Go(func() { // owner: the test; ends after its rounds
		for range rounds {
			mu.Lock()
			level++
			set.Notify(In)
			mu.Unlock()
		}
	})
	look := func() int {
		mu.Lock()
		defer mu.Unlock()
		return level
	}
	for look() < rounds {
		w.Arm(In)
		if seen := look(); seen == rounds {
			break
		}
		<-line.C()
		line.Next()
	}
	producer.Wait()
}

// TestLine compares the line with a slice.
func TestLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := NewLine[int]()
		places := make([]*Place[int], 6)
		for i := range places {
			places[i] = l.NewPlace(i)
		}
		var model []int
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			i := rapid.IntRange(0, len(places)-1).Draw(t, "place")
			at := slices.Index(model, i)
			switch rapid.SampledFrom([]string{"join", "return", "leave", "next"}).Draw(t, "action") {
			case "join":
				places[i].Join()
				select {
				case <-l.C():
					if at >= 0 {
						t.Fatal("poked by one who stands already")
					}
				default:
					if at < 0 {
						t.Fatal("not poked")
					}
				}
				if at < 0 {
					model = append(model, i)
				}
			case "return":
				if joined := places[i].Return(); joined != (at < 0) {
					t.Fatalf("place %d joined: %v, model %v", i, joined, model)
				}
				if at < 0 {
					model = append(model, i)
				}
			case "leave":
				places[i].Leave()
				if at >= 0 {
					model = slices.Delete(model, at, at+1)
				}
			case "next":
				got, ok := l.Next()
				if ok != (len(model) > 0) || ok && got != model[0] {
					t.Fatalf("next: %d %v, model %v", got, ok, model)
				}
				if ok {
					model = model[1:]
				}
			}
			if l.Len() != len(model) {
				t.Fatalf("%d stand, model %v", l.Len(), model)
			}
		}
	})
}
