package flow_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// play is one run of an operator in a bubble. Times are in ms since its begin.
type play struct {
	feed   string // "1@0 2@10 |@30": what is sent and when, over an unbuffered channel, and | its end
	from   int    // when the reader comes
	rest   int    // how long it rests after each value
	cancel int    // when the context ends; 0 is never
	want   string // what the reader got and when, and | the end of the output
	took   string // when the operator took each value; "" is not compared
}

// playAll runs each play and compares.
func playAll[T any](t *testing.T, plays map[string]play, op func(context.Context, <-chan int) <-chan T) {
	t.Helper()
	for name, p := range plays {
		t.Run(name, func(t *testing.T) {
			got, took := perform(t, p, op)
			if got != p.want {
				t.Errorf("the reader got %q, want %q", got, p.want)
			}
			if p.took != "" && took != p.took {
				t.Errorf("the operator took %q, want %q", took, p.took)
			}
		})
	}
}

// perform runs p and returns what happened in the form of want and took. The output has to be closed when the context
// has ended, and no goroutine may be left: synctest sees to that.
func perform[T any](t *testing.T, p play, op func(context.Context, <-chan int) <-chan T) (got, took string) {
	t.Helper()
	var gots, tooks diary
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		in, start := make(chan int), time.Now()
		gots.start, tooks.start = start, start
		out := op(ctx, in)
		fed := make(chan struct{})
		go func() { // owned by the test, and ends with ctx
			defer close(fed)
			feedAll(ctx, in, p.feed, &tooks)
		}()
		if p.cancel > 0 {
			go func() { // owned by the test, whose bubble waits for it
				until(start, p.cancel)
				cancel()
				synctest.Wait()
				select {
				case v, ok := <-out:
					if ok {
						t.Errorf("%v came after the end of the context", v)
					}
				default:
					t.Error("the output is open after the end of the context")
				}
			}()
		}
		until(start, p.from)
		for v := range out {
			gots.note(v)
			time.Sleep(time.Duration(p.rest) * time.Millisecond)
		}
		gots.note("|")
		cancel()
		<-fed
	})
	return gots.String(), tooks.String()
}

// feedAll sends what feed says to in, and notes when each value was taken.
func feedAll(ctx context.Context, in chan<- int, feed string, tooks *diary) {
	for _, word := range strings.Fields(feed) {
		what, when, _ := strings.Cut(word, "@")
		ms, err := strconv.Atoi(when)
		if err != nil {
			panic(err)
		}
		until(tooks.start, ms)
		if what == "|" {
			close(in)
			return
		}
		v, err := strconv.Atoi(what)
		if err != nil {
			panic(err)
		}
		select {
		case in <- v:
			tooks.note(v)
		case <-ctx.Done():
			return
		}
	}
}

// until lets the bubble's time pass until ms after start.
func until(start time.Time, ms int) {
	time.Sleep(time.Until(start.Add(time.Duration(ms) * time.Millisecond)))
}

// diary notes what happens and when.
type diary struct {
	start time.Time
	lines []string
}

func (d *diary) note(what any) {
	d.lines = append(d.lines, fmt.Sprintf("%v@%d", what, time.Since(d.start).Milliseconds()))
}

func (d *diary) String() string { return strings.Join(d.lines, " ") }

// of returns a channel with the values, closed.
func of[T any](values ...T) <-chan T {
	c := make(chan T, len(values))
	for _, v := range values {
		c <- v
	}
	close(c)
	return c
}
