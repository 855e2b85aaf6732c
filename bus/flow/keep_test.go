package flow_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"weak"

	"zmqbus/bus/flow"
)

type big [1 << 12]byte

// An operator that waits for its next value does not keep the last one from the collector.
func TestKeepsNothing(t *testing.T) {
	type ptr = *big
	first := func(in <-chan ptr) []<-chan ptr { return []<-chan ptr{in} }
	for name, op := range map[string]func(context.Context, <-chan ptr) []<-chan ptr{
		"Map": func(ctx context.Context, in <-chan ptr) []<-chan ptr {
			return first(flow.Map(ctx, in, func(p ptr) ptr { return p }))
		},
		"Filter": func(ctx context.Context, in <-chan ptr) []<-chan ptr {
			return first(flow.Filter(ctx, in, func(ptr) bool { return true }))
		},
		"Merge": func(ctx context.Context, in <-chan ptr) []<-chan ptr { return first(flow.Merge(ctx, in, nil)) },
		"Merge of many": func(ctx context.Context, in <-chan ptr) []<-chan ptr {
			return first(flow.Merge(ctx, append(make([]<-chan ptr, 20), in)...))
		},
		"Throttle": func(ctx context.Context, in <-chan ptr) []<-chan ptr { return first(flow.Throttle(ctx, in, ms)) },
		"Debounce": func(ctx context.Context, in <-chan ptr) []<-chan ptr { return first(flow.Debounce(ctx, in, ms)) },
		"Latest":   func(ctx context.Context, in <-chan ptr) []<-chan ptr { return first(flow.Latest(ctx, in)) },
		"Tee":      func(ctx context.Context, in <-chan ptr) []<-chan ptr { return flow.Tee(ctx, in, 3) },
		"Timeout": func(ctx context.Context, in <-chan ptr) []<-chan ptr {
			out, _ := flow.Timeout(ctx, in, ms)
			return first(out)
		},
		"Batch": func(ctx context.Context, in <-chan ptr) []<-chan ptr {
			return first(flow.Map(ctx, flow.Batch(ctx, in, 1, 0), func(b []ptr) ptr { return b[0] }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := make(chan ptr)
				outs := op(t.Context(), in)
				synctest.Wait()
				value := through(t, in, outs)
				synctest.Wait()
				runtime.GC()
				if value.Value() != nil {
					t.Error("the operator keeps what it has given")
				}
			})
		})
	}
}

// through sends a new value and reads it from all outs, one after the other.
func through(t *testing.T, in chan<- *big, outs []<-chan *big) weak.Pointer[big] {
	p := new(big)
	in <- p
	for _, out := range outs {
		synctest.Wait()
		if wantValue(t, out) != p {
			t.Error("got another value")
		}
	}
	return weak.Make(p)
}
