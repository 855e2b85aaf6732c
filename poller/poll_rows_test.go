package poller

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pollBits is how the tables write events.
func pollBits(ev Events) string {
	var names []string
	for i, name := range []string{"IN", "OUT", "ERR", "PRI"} {
		if ev&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if ev&^known != 0 {
		names = append(names, fmt.Sprintf("%#x", ev&^known))
	}
	if len(names) == 0 {
		return "0"
	}
	return strings.Join(names, "+")
}

// pollRow is a case of a table: what libzmq 4.3.4 answers and, where it is another on purpose, what Poll answers and why.
type pollRow struct {
	name          string
	libzmq        string
	ours, why     string
	inexpressible string // why there is no such call in Go; the row has no play then
	play          func(g *pollStage) string
}

// pollRows plays rows, each on a stage of its own.
func pollRows(t *testing.T, rows []pollRow, stage func(t *testing.T, play func(g *pollStage))) {
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if r.inexpressible != "" {
				t.Logf("libzmq: %s. Here: %s", r.libzmq, r.inexpressible)
				return
			}
			want := r.libzmq
			if r.ours != "" {
				want = r.ours
				t.Logf("libzmq: %s. Here: %s, since %s", r.libzmq, r.ours, r.why)
			}
			stage(t, func(g *pollStage) {
				if got := r.play(g); got != want {
					g.t.Errorf("got  %s\nwant %s", got, want)
				}
			})
		})
	}
}

// pollMark is what Revents hold before a call, to see whether it sets them.
const pollMark Events = 0x7f

// pollAnswer calls Poll and writes down what it did: count or error, Revents, and the time it took if it waited.
func pollAnswer(ctx context.Context, timeout time.Duration, items ...Item) string {
	answer, _, took := pollDo(ctx, timeout, items)
	if took > 0 {
		answer += " " + took.String()
	}
	return answer
}

func pollDo(ctx context.Context, timeout time.Duration, items []Item) (answer string, n int, took time.Duration) {
	for i := range items {
		items[i].Revents = pollMark
	}
	start := time.Now()
	n, err := Poll(ctx, items, timeout)
	took = time.Since(start)
	revents := make([]string, len(items))
	for i, it := range items {
		if revents[i] = pollBits(it.Revents); it.Revents == pollMark {
			revents[i] = "untouched"
		}
	}
	rc := fmt.Sprint("rc=", n)
	if err != nil {
		rc = "rc=-1 " + pollError(err)
		if n != 0 {
			rc += fmt.Sprint(" and ", n)
		}
	}
	return rc + " [" + strings.Join(revents, ",") + "]", n, took
}

// pollError is the short form of an error, with the item that it names.
func pollError(err error) string {
	text := "other: " + err.Error()
	for _, known := range []struct {
		err  error
		text string
	}{
		{ErrNotSocket, "ENOTSOCK"}, {net.ErrClosed, "closed"}, {errPollCause, "cause"}, {errNilContext, "nil context"},
		{errors.ErrUnsupported, "unsupported"}, {syscall.EINVAL, "EINVAL"},
	} {
		if errors.Is(err, known.err) {
			text = known.text
		}
	}
	var item *ItemError
	if errors.As(err, &item) {
		text += fmt.Sprint(" item ", item.Index)
	}
	return text
}

var errPollCause = errors.New("changed my mind")

func TestPollItemError(t *testing.T) {
	for want, e := range map[string]*ItemError{
		"poller: item 3, fake: the source's end":  {Index: 3, Socket: &fake{}, Err: errFakeEnd},
		"poller: item 0: zmqbus: not a socket":    {Socket: (*fake)(nil), Err: ErrNotSocket},
		"poller: item 1: " + errPollCause.Error(): {Index: 1, Err: errPollCause},
	} {
		if e.Error() != want || !errors.Is(e, e.Err) {
			t.Errorf("%q, want %q", e.Error(), want)
		}
	}
}
