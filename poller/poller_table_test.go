package poller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// pollerRow is a case of zmq_poller: libzmq's answer, and ours where it differs on purpose.
type pollerRow struct {
	name   string
	libzmq string
	ours   string // "" when it is libzmq's
	run    func(r *pollerRun) string
}

// pollerRun is a poller with three sources that are not ready, and are not registered yet.
type pollerRun struct {
	*Poller
	ctx     context.Context
	a, b, c *fake
}

// add registers sources for In, with their letters as user data, and makes them ready.
func (r *pollerRun) add(names string) {
	for _, name := range names {
		s := map[rune]*fake{'a': r.a, 'b': r.b, 'c': r.c}[name]
		if err := r.Add(s, In, string(name)); err != nil {
			panic(err)
		}
		s.set(In)
	}
}

// wait is the outcome of Wait as text.
func (r *pollerRun) wait(timeout time.Duration) string {
	ev, err := r.Wait(r.ctx, timeout)
	if err != nil {
		return pollerAnswer(err)
	}
	return pollerEvent(ev)
}

// waitAll is the outcome of WaitAll with room for n events.
func (r *pollerRun) waitAll(n int, timeout time.Duration) string {
	events := make([]Event, n)
	got, err := r.WaitAll(r.ctx, events, timeout)
	if err != nil {
		return pollerAnswer(err)
	}
	var all []string
	for _, ev := range events[:got] {
		all = append(all, pollerEvent(ev))
	}
	return strings.Join(all, " ")
}

func pollerEvent(ev Event) string {
	var bits []string
	for i, name := range []string{"IN", "OUT", "ERR", "PRI"} {
		if ev.Events&(1<<i) != 0 {
			bits = append(bits, name)
		}
	}
	return fmt.Sprintf("%v:%s", ev.UserData, strings.Join(bits, "+"))
}

// pollerAnswer is an error as libzmq's errno, where it has one.
func pollerAnswer(err error) string {
	if err == nil {
		return "ok"
	}
	for name, errno := range map[string]error{
		"EAGAIN": syscall.EAGAIN, "EFAULT": syscall.EFAULT, "EINVAL": syscall.EINVAL, "ENOTSOCK": syscall.ENOTSOCK,
		"EBADF": syscall.EBADF, "woken": ErrWoken, "closed": ErrClosed, "cancelled": context.Canceled,
		"nil context": errNilContext, "end": errFakeEnd, "unsupported": errors.ErrUnsupported,
	} {
		if errors.Is(err, errno) {
			return name
		}
	}
	return err.Error()
}

// pollerEach joins the answers of several calls.
func pollerEach(errs ...error) string {
	var all []string
	for _, err := range errs {
		all = append(all, pollerAnswer(err))
	}
	return strings.Join(all, " ")
}

// incomparable cannot be a key, nor be found again.
type incomparable struct {
	*fake
	_ []int
}

func TestPollerTable(t *testing.T) {
	for _, rows := range [][]pollerRow{pollerWaitRows, pollerCallRows} {
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := &pollerRun{Poller: New(), ctx: t.Context(), a: &fake{}, b: &fake{}, c: &fake{}}
					defer r.Close()
					want := row.libzmq
					if row.ours != "" {
						want = row.ours
					}
					if got := row.run(r); got != want {
						t.Errorf("got %q, want %q (libzmq: %q)", got, want, row.libzmq)
					}
				})
			})
		}
	}
}

// elapsed adds to an outcome how long it took; the clock is the bubble's.
func elapsed(f func() string) string {
	start := time.Now()
	s := f()
	return fmt.Sprintf("%s %v", s, time.Since(start))
}

var pollerWaitRows = []pollerRow{
	{"nothing ready, timeout 0", "EAGAIN 0s EAGAIN 0s", "", func(r *pollerRun) string {
		r.Add(r.a, In, nil)
		return elapsed(func() string { return r.wait(0) }) + " " + elapsed(func() string { return r.waitAll(2, 0) })
	}},
	{"nothing ready, timeout 50", "EAGAIN 50ms EAGAIN 50ms", "", func(r *pollerRun) string {
		r.Add(r.a, In, nil)
		return elapsed(func() string { return r.wait(50 * time.Millisecond) }) + " " +
			elapsed(func() string { return r.waitAll(2, 50*time.Millisecond) })
	}},
	{"fraction of a millisecond", "not to be expressed", "EAGAIN 300µs", func(r *pollerRun) string {
		r.Add(r.a, In, nil)
		return elapsed(func() string { return r.wait(300 * time.Microsecond) })
	}},
	{"empty, timeout 0 and 50", "EAGAIN 0s EAGAIN 50ms", "", func(r *pollerRun) string {
		return elapsed(func() string { return r.wait(0) }) + " " +
			elapsed(func() string { return r.wait(50 * time.Millisecond) })
	}},
	{"empty, for ever", "EFAULT EFAULT", "", func(r *pollerRun) string { return r.wait(-1) + " " + r.waitAll(1, -7) }},
	{"all with events 0, for ever and not", "EFAULT EFAULT EAGAIN", "", func(r *pollerRun) string {
		r.Add(r.a, 0, nil)
		r.Add(r.b, In, nil)
		r.Modify(r.b, 0)
		return r.wait(-1) + " " + r.waitAll(1, -1) + " " + r.wait(0)
	}},
	{"ready after 120 ms, for ever", "a:IN 120ms", "", func(r *pollerRun) string {
		r.Add(r.a, In, "a")
		time.AfterFunc(120*time.Millisecond, func() { r.a.set(In) })
		return elapsed(func() string { return r.wait(-1) })
	}},
	{"what is asked and ready", "a:IN b:OUT c:IN+OUT", "", func(r *pollerRun) string {
		for s, ev := range map[*fake]Events{r.a: In, r.b: Out, r.c: In | Out} {
			s.set(In | Out)
			r.Add(s, ev, map[*fake]string{r.a: "a", r.b: "b", r.c: "c"}[s])
		}
		got := strings.Fields(r.waitAll(3, 0))
		slices.Sort(got)
		return strings.Join(got, " ")
	}},
	{"asked for more than is ready", "a:OUT", "", func(r *pollerRun) string {
		r.a.set(Out)
		r.Add(r.a, In|Out|Err|Pri, "a")
		return r.wait(-1)
	}},
	{"ERR and PRI of a socket", "EAGAIN", "", func(r *pollerRun) string {
		r.a.set(In | Out | Err | Pri)
		r.Add(r.a, Err|Pri, "a")
		return r.wait(0)
	}},
	{"an event's socket and fd", "socket -1", "", func(r *pollerRun) string {
		r.add("a")
		ev, _ := r.Wait(r.ctx, 0)
		return fmt.Sprint(map[bool]string{true: "socket"}[ev.Socket == Pollable(r.a)], " ", ev.FD)
	}},
	{"wait without an event empties it", "<nil> -1 0 <nil>", "", func(r *pollerRun) string {
		ev, _ := r.Wait(r.ctx, 0)
		return fmt.Sprint(ev.Socket, ev.FD, ev.Events, ev.UserData)
	}},
	{"wait_all without an event", "untouched", "", func(r *pollerRun) string {
		events := []Event{{UserData: "untouched"}}
		r.WaitAll(r.ctx, events, 0)
		return fmt.Sprint(events[0].UserData)
	}},
	{"wait_all, the tail of the array", "emptied", "untouched", func(r *pollerRun) string {
		r.add("a")
		events := []Event{{}, {UserData: "untouched"}}
		r.WaitAll(r.ctx, events, 0)
		return fmt.Sprint(events[1].UserData)
	}},
	{"wait_all, order", "a:IN b:IN c:IN", "", func(r *pollerRun) string {
		r.add("abc")
		return r.waitAll(5, 0)
	}},
	{"two ready, room for one", "a:IN a:IN a:IN", "a:IN b:IN a:IN", func(r *pollerRun) string {
		r.add("ab")
		return r.waitAll(1, 0) + " " + r.waitAll(1, 0) + " " + r.waitAll(1, 0)
	}},
	{"wait_all, n=0", "EAGAIN", "", func(r *pollerRun) string {
		r.add("a")
		return r.waitAll(0, 0)
	}},
	{"wait_all, n=0, for ever, empty", "EFAULT", "", func(r *pollerRun) string { return r.waitAll(0, -1) }},
	{"level-triggered", "a:IN a:IN EAGAIN", "", func(r *pollerRun) string {
		r.add("a")
		first, second := r.wait(0), r.wait(0)
		r.a.set(0)
		return first + " " + second + " " + r.wait(0)
	}},
	{"context cancelled", "no contexts", "cancelled cancelled", func(r *pollerRun) string {
		r.add("a")
		ctx, cancel := context.WithCancel(r.ctx)
		cancel()
		r.ctx = ctx
		return r.wait(0) + " " + r.waitAll(0, -1)
	}},
	{"nil context", "no contexts", "nil context", func(r *pollerRun) string {
		r.ctx = nil
		return r.wait(0)
	}},
}
