package flow_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"zmqbus/bus/flow"
)

// Operators on operators: a reader that stops and cancels ends them all, wherever each of them waits.
func TestPipeline(t *testing.T) {
	for stop := range 6 {
		t.Run(fmt.Sprintf("after %d", stop), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ticker := time.NewTicker(ms)
				defer ticker.Stop()

				ticks := flow.Scan(ctx, ticker.C, 0, func(n int, _ time.Time) int { return n + 1 })
				outs := flow.Tee(ctx, ticks, 3)
				odd := flow.Filter(ctx, flow.Latest(ctx, outs[0]), func(n int) bool { return n%2 == 1 })
				slow := flow.Throttle(ctx, outs[1], 7*ms)
				rest := flow.Debounce(ctx, outs[2], ms/2)
				merged, err := flow.Timeout(ctx, flow.Merge(ctx, odd, slow, rest), time.Second)
				batches := flow.Batch(ctx, merged, 4, 20*ms)

				n := 0
				for range flow.All(ctx, batches) {
					if n++; n >= stop {
						break
					}
				}
				if got := goroutines(); got != 9 {
					t.Errorf("%d goroutines of 9 operators", got)
				}
				cancel()
				synctest.Wait()
				if got := goroutines(); got != 0 {
					t.Errorf("%d goroutines after the end", got)
				}
				if err() != context.Canceled {
					t.Errorf("got error %v, want context.Canceled", err())
				}
			})
		})
	}
}

// Until it cancels, a reader that stops leaves the operator waiting, with its value.
func TestStoppedReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := flow.Map(t.Context(), of(1, 2), func(v int) int { return v })
		time.Sleep(24 * time.Hour)
		if n := goroutines(); n != 1 {
			t.Errorf("%d goroutines, want 1", n)
		}
		for want := range 2 {
			if got := wantValue(t, out); got != want+1 {
				t.Errorf("got %d, want %d", got, want+1)
			}
		}
		wantEnd(t, out)
	})
}
