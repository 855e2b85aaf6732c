package flow_test

import (
	"context"
	"testing"

	"zmqbus/bus/flow"
)

// A call with an argument that cannot be used panics, and says which.
func TestArguments(t *testing.T) {
	var none context.Context
	ctx := t.Context()
	in := make(chan int)
	for want, call := range map[string]func(){
		"flow.Map: nil context":            func() { flow.Map(none, in, func(v int) int { return v }) },
		"flow.Map: nil function":           func() { flow.Map[int, int](ctx, in, nil) },
		"flow.Filter: nil context":         func() { flow.Filter(none, in, func(int) bool { return true }) },
		"flow.Filter: nil function":        func() { flow.Filter(ctx, in, nil) },
		"flow.Scan: nil context":           func() { flow.Scan(none, in, 0, func(s, v int) int { return s + v }) },
		"flow.Scan: nil function":          func() { flow.Scan[int, int](ctx, in, 0, nil) },
		"flow.Merge: nil context":          func() { flow.Merge(none, in) },
		"flow.Merge: too many inputs":      func() { flow.Merge(ctx, make([]<-chan int, 65536)...) },
		"flow.Tee: nil context":            func() { flow.Tee(none, in, 1) },
		"flow.Tee: n is less than 1":       func() { flow.Tee(ctx, in, 0) },
		"flow.Tee: n is too large":         func() { flow.Tee(ctx, in, 65536) },
		"flow.Batch: nil context":          func() { flow.Batch(none, in, 1, 0) },
		"flow.Batch: n is less than 1":     func() { flow.Batch(ctx, in, 0, 0) },
		"flow.Throttle: nil context":       func() { flow.Throttle(none, in, 1) },
		"flow.Throttle: d is not positive": func() { flow.Throttle(ctx, in, 0) },
		"flow.Debounce: nil context":       func() { flow.Debounce(none, in, 1) },
		"flow.Debounce: d is not positive": func() { flow.Debounce(ctx, in, -1) },
		"flow.Latest: nil context":         func() { flow.Latest(none, in) },
		"flow.Timeout: nil context":        func() { flow.Timeout(none, in, 1) },
		"flow.Timeout: d is not positive":  func() { flow.Timeout(ctx, in, 0) },
		"flow.All: nil context":            func() { flow.All(none, in) },
	} {
		t.Run(want, func(t *testing.T) {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("got panic %v, want %q", got, want)
				}
			}()
			call()
		})
	}
}
