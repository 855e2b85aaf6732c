package poller

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// pollScript is a poll of three sources and what happens to them meanwhile.
type pollScript struct {
	items   []pollModelItem
	changes []pollChange
	timeout time.Duration
}

type pollModelItem struct {
	source int // -1: none
	asked  Events
}

// pollChange is a step of a script: after some time, a source's new level, or its end.
type pollChange struct {
	after  time.Duration
	source int
	level  Events
	end    bool
}

func drawPollScript(t *rapid.T) pollScript {
	item := rapid.Custom(func(t *rapid.T) pollModelItem {
		return pollModelItem{
			source: rapid.IntRange(-1, 2).Draw(t, "source"),
			asked:  rapid.SampledFrom([]Events{0, In, Out, In | Out, Err, Pri, known, In | 0x40, 0xffff}).Draw(t, "asked"),
		}
	})
	change := rapid.Custom(func(t *rapid.T) pollChange {
		return pollChange{
			after:  2 * time.Duration(rapid.IntRange(1, 20).Draw(t, "after")), // never at a timeout: those are odd
			source: rapid.IntRange(0, 2).Draw(t, "source"),
			level:  rapid.SampledFrom([]Events{0, In, Out, In | Out, known}).Draw(t, "level"),
			end:    rapid.IntRange(0, 9).Draw(t, "end") == 0,
		}
	})
	return pollScript{
		items:   rapid.SliceOfN(item, 0, 6).Draw(t, "items"),
		changes: rapid.SliceOfN(change, 0, 8).Draw(t, "changes"),
		timeout: time.Duration(rapid.SampledFrom([]int{-1, 0, 1, 7, 31, 75}).Draw(t, "timeout")),
	}
}

// pollOutcome is what a poll does, and when.
type pollOutcome struct {
	n       int
	ended   int // the item that is named in the error, -1 for none
	cut     bool
	revents []Events
	at      time.Duration
}

// pollModel is the sources as they are, without any machinery.
type pollModel struct {
	levels [3]Events
	ended  [3]bool
}

func (m *pollModel) look(items []pollModelItem) (o pollOutcome) {
	o = pollOutcome{ended: -1, revents: make([]Events, len(items))}
	for i, it := range items {
		if it.source >= 0 && m.ended[it.source] {
			return pollOutcome{ended: i, revents: make([]Events, len(items))}
		}
	}
	for i, it := range items {
		if it.source < 0 {
			continue
		}
		if o.revents[i] = m.levels[it.source] & it.asked & (In | Out); o.revents[i] != 0 {
			o.n++
		}
	}
	return o
}

// predict says what Poll is to do. One that would wait for ever is cut by its context after the last change.
func (s *pollScript) predict() pollOutcome {
	var m pollModel
	var at time.Duration
	o := m.look(s.items)
	for _, c := range s.changes {
		if o.n > 0 || o.ended >= 0 || s.timeout >= 0 && at+c.after > s.timeout {
			break
		}
		at += c.after
		m.levels[c.source] = c.level
		m.ended[c.source] = m.ended[c.source] || c.end
		o = m.look(s.items)
	}
	o.at = at
	if o.n == 0 && o.ended < 0 {
		if o.at = s.timeout; s.timeout < 0 {
			o.at, o.cut = at+1, true
		}
	}
	return o
}

// play polls fakes while the changes happen, in a bubble, and returns what it did.
func (s *pollScript) play(cut time.Duration) (o pollOutcome, left error) {
	fakes := [3]*fake{{}, {}, {}}
	items := make([]Item, len(s.items))
	for i, it := range s.items {
		if items[i] = (Item{FD: -1, Events: it.asked}); it.source >= 0 {
			items[i].Socket = fakes[it.source]
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	if cut > 0 {
		defer time.AfterFunc(cut, func() { cancel(errPollCause) }).Stop()
	}
	done := make(chan struct{})
	start := time.Now()
	go func() { // owner: this call, which waits for it; ends with the script
		defer close(done)
		for _, c := range s.changes {
			time.Sleep(c.after)
			if c.end {
				fakes[c.source].finish()
			}
			fakes[c.source].set(c.level)
		}
	}()
	n, err := Poll(ctx, items, s.timeout)
	o = pollOutcome{n: n, ended: -1, cut: err == errPollCause, at: time.Since(start), revents: make([]Events, len(items))}
	for i, it := range items {
		o.revents[i] = it.Revents
	}
	if item, ok := errors.AsType[*ItemError](err); ok {
		o.ended = item.Index
	}
	<-done
	for i, f := range fakes {
		if k := pollWaiters(f); k != 0 {
			left = errors.Join(left, fmt.Errorf("source %d has %d waiters", i, k))
		}
	}
	return o, left
}

// TestPollModel: whatever changes while it waits, Poll returns at the moment when an item becomes ready or its source
// ends, with what is true then, and leaves no waiter behind.
func TestPollModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawPollScript(rt)
		want := s.predict()
		var got pollOutcome
		var left error
		synctest.Test(t, func(*testing.T) {
			var cut time.Duration
			if want.cut {
				cut = want.at
			}
			got, left = s.play(cut)
		})
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(pollOutcome{})); diff != "" || left != nil {
			rt.Fatalf("(-want +got)\n%s%v", diff, left)
		}
	})
}
