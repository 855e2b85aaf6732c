package poller

import (
	"context"
	"testing"
	"time"
)

func TestPollerAllocatesNothing(t *testing.T) {
	ctx := context.Background()
	p := New()
	defer p.Close()
	sources := make([]fake, 100)
	for i := range sources {
		if err := p.Add(&sources[i], In, i); err != nil {
			t.Fatal(err)
		}
	}
	events := make([]Event, 10)
	wake := make(chan struct{})
	defer close(wake)
	go func() { // ends with wake
		for range wake {
			sources[1].set(In)
		}
	}()
	for name, f := range map[string]func(){
		"ready": func() {
			sources[1].set(In)
			sources[2].set(In)
			if n, err := p.WaitAll(ctx, events, -1); n != 2 || err != nil {
				t.Error(n, err)
			}
			if _, err := p.Wait(ctx, time.Second); err != nil {
				t.Error(err)
			}
			sources[1].set(0)
			sources[2].set(0)
		},
		"asleep": func() {
			wake <- struct{}{}
			if _, err := p.Wait(ctx, time.Hour); err != nil {
				t.Error(err)
			}
			sources[1].set(0)
		},
		"nothing ready": func() {
			if _, err := p.Wait(ctx, 0); err != ErrAgain {
				t.Error(err)
			}
		},
	} {
		f()
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
