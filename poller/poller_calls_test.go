package poller

import (
	"fmt"
	"time"
)

var pollerCallRows = []pollerRow{
	{"add twice", "ok EINVAL", "", func(r *pollerRun) string {
		return pollerEach(r.Add(r.a, In, nil), r.Add(r.a, Out, nil))
	}},
	{"modify and remove what is unknown", "EINVAL EINVAL", "", func(r *pollerRun) string {
		return pollerEach(r.Modify(r.a, In), r.Remove(r.a))
	}},
	{"remove twice", "ok EINVAL", "", func(r *pollerRun) string {
		r.add("a")
		return pollerEach(r.Remove(r.a), r.Remove(r.a))
	}},
	{"unknown events", "EINVAL EINVAL EINVAL EINVAL", "", func(r *pollerRun) string {
		r.add("b")
		return pollerEach(r.Add(r.a, 0x10, nil), r.Add(r.a, 0xffff, nil), r.Add(r.a, 0x7fff, nil), r.Modify(r.b, 0x10|In))
	}},
	{"a refused modify changes nothing", "a:IN", "", func(r *pollerRun) string {
		r.add("a")
		r.Modify(r.a, 0x10)
		return r.wait(0)
	}},
	{"NULL socket", "ENOTSOCK ENOTSOCK ENOTSOCK", "", func(r *pollerRun) string {
		return pollerEach(r.Add(nil, In, nil), r.Modify(nil, In), r.Remove(nil))
	}},
	{"a nil pointer as socket", "ENOTSOCK ENOTSOCK ENOTSOCK", "", func(r *pollerRun) string {
		var s *fake
		return pollerEach(r.Add(s, In, nil), r.Modify(s, In), r.Remove(s))
	}},
	{"a socket that cannot be compared", "not to be expressed", "ENOTSOCK ENOTSOCK ENOTSOCK", func(r *pollerRun) string {
		s := incomparable{fake: r.a}
		return pollerEach(r.Add(s, In, nil), r.Modify(s, In), r.Remove(s))
	}},
	{"add a socket that has ended", "ENOTSOCK", "end 0", func(r *pollerRun) string {
		r.a.finish()
		return pollerEach(r.Add(r.a, In, nil)) + fmt.Sprint(" ", r.Size())
	}},
	{"size", "0 2 2 1 0", "", func(r *pollerRun) string {
		sizes := fmt.Sprint(r.Size())
		r.add("ab")
		sizes += fmt.Sprint(" ", r.Size())
		r.Modify(r.a, 0)
		sizes += fmt.Sprint(" ", r.Size())
		r.Remove(r.a)
		sizes += fmt.Sprint(" ", r.Size())
		r.Remove(r.b)
		return sizes + fmt.Sprint(" ", r.Size())
	}},
	{"events 0 of a ready socket", "EAGAIN 20ms", "", func(r *pollerRun) string {
		r.a.set(In | Out)
		r.Add(r.a, 0, nil)
		return elapsed(func() string { return r.wait(20 * time.Millisecond) })
	}},
	{"modify to 0 and back", "a:IN EAGAIN a:IN", "", func(r *pollerRun) string {
		r.add("a")
		first := r.wait(0)
		r.Modify(r.a, 0)
		second := r.wait(0)
		r.Modify(r.a, In)
		return first + " " + second + " " + r.wait(0)
	}},
	{"modify to IN|OUT, only OUT left", "a:IN a:OUT", "", func(r *pollerRun) string {
		r.add("a")
		first := r.wait(-1)
		r.a.set(Out)
		r.Modify(r.a, In|Out)
		return first + " " + r.wait(-1)
	}},
	{"removed and added again", "EAGAIN x:IN", "", func(r *pollerRun) string {
		r.add("a")
		r.Remove(r.a)
		first := r.wait(0)
		r.Add(r.a, In, "x")
		return first + " " + r.wait(0)
	}},
	{"a socket of which the context is shut down, during the wait", "ETERM", "end", func(r *pollerRun) string {
		r.Add(r.a, In, nil)
		time.AfterFunc(time.Millisecond, r.a.finish)
		return r.wait(-1)
	}},
	{"the same with events 0", "ETERM", "end", func(r *pollerRun) string {
		r.Add(r.a, 0, nil)
		r.Add(r.b, In, nil)
		time.AfterFunc(time.Millisecond, r.a.finish)
		return r.wait(-1)
	}},
	{"destroyed twice", "ok EFAULT", "ok ok", func(r *pollerRun) string { return pollerEach(r.Close(), r.Close()) }},
	{"calls on a destroyed poller", "EFAULT each", "closed closed closed closed closed 0", func(r *pollerRun) string {
		r.add("a")
		r.Close()
		r.Wake()
		_, err := r.WaitAll(r.ctx, nil, -1)
		return pollerEach(r.Add(r.b, In, nil), r.Modify(r.a, In), r.Remove(r.a), err) + " " + r.wait(0) +
			fmt.Sprint(" ", r.Size())
	}},
}
