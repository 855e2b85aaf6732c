package flow_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"zmqbus/bus/flow"
)

func ExampleTimeout() {
	ctx := context.Background()
	in := make(chan string, 1) // a peer that says one thing and is never heard of again
	in <- "hello"
	out, err := flow.Timeout(ctx, in, time.Millisecond)
	for s := range out {
		fmt.Println(s)
	}
	if errors.Is(err(), flow.ErrTimeout) {
		fmt.Println("the peer is silent")
	}
	// Output:
	// hello
	// the peer is silent
}

func TestTimeout(t *testing.T) {
	for name, c := range map[string]struct {
		play
		err error
	}{
		"as they come":                   {play{feed: "1@9 2@18 |@27", want: "1@9 2@18 |@27"}, nil},
		"none came":                      {play{want: "|@10"}, flow.ErrTimeout},
		"no other came":                  {play{feed: "1@9 2@15 3@26 |@27", want: "1@9 2@15 |@25"}, flow.ErrTimeout},
		"a slow reader is no silence":    {play{feed: "1@0 2@25 |@26", from: 20, want: "1@20 2@25 |@26"}, nil},
		"the input waits":                {play{feed: "1@0 2@0 3@0 |@0", rest: 20, want: "1@0 2@20 3@40 |@60", took: "1@0 2@0 3@20"}, nil},
		"d from when it was read":        {play{feed: "1@0 2@39 |@40", from: 30, want: "1@30 2@39 |@40"}, nil},
		"silence after a slow reader":    {play{feed: "1@0 2@41 |@42", from: 30, want: "1@30 |@40"}, flow.ErrTimeout},
		"cancel, waiting for the input":  {play{feed: "1@0", cancel: 5, want: "1@0 |@5"}, context.Canceled},
		"cancel, waiting for the reader": {play{feed: "1@0 2@1 3@1", rest: 50, cancel: 5, want: "1@0 |@50", took: "1@0 2@1"}, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			var err func() error
			playAll(t, map[string]play{"play": c.play}, func(ctx context.Context, in <-chan int) (out <-chan int) {
				out, err = flow.Timeout(ctx, in, 10*ms)
				if err() != nil {
					t.Errorf("error %v before the end", err())
				}
				return out
			})
			if got := err(); !errors.Is(got, c.err) {
				t.Errorf("got error %v, want %v", got, c.err)
			}
		})
	}
}

// The three ends can be told from each other.
func TestTimeoutErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("cause")
		ctx, cancel := context.WithCancelCause(t.Context())
		out, err := flow.Timeout(ctx, make(chan int), ms)
		synctest.Wait()
		cancel(cause)
		wantEnd(t, out)
		if err() != cause {
			t.Errorf("got %v, want the context's cause", err())
		}
		out, err = flow.Timeout(ctx, of(1), ms)
		wantEnd(t, out)
		if err() != cause {
			t.Errorf("a context that was over: got %v, want its cause", err())
		}

		late, stop := context.WithTimeout(t.Context(), ms)
		defer stop()
		out, err = flow.Timeout(late, make(chan int), time.Second)
		time.Sleep(2 * ms)
		wantEnd(t, out)
		if errors.Is(err(), flow.ErrTimeout) || errors.Is(err(), os.ErrDeadlineExceeded) {
			t.Errorf("the context's deadline is taken for silence: %v", err())
		}

		out, err = flow.Timeout(t.Context(), make(chan int), ms)
		time.Sleep(2 * ms)
		wantEnd(t, out)
		if !errors.Is(err(), os.ErrDeadlineExceeded) || errors.Is(err(), context.DeadlineExceeded) {
			t.Errorf("silence is not os.ErrDeadlineExceeded alone: %v", err())
		}
	})
}

// A value that is there when the operator looks has come in time, however late that is.
func TestTimeoutLate(t *testing.T) {
	for range 20 { // a select would choose by luck
		n := 0
		out, err := flow.Timeout(t.Context(), of(1, 2, 3, 4, 5, 6, 7, 8, 9), 1) // over before the first select
		for range out {
			n++
		}
		if n != 9 || err() != nil {
			t.Fatalf("got %d values and error %v, want 9 and none", n, err())
		}
	}
}
