package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zmqbus/bus"
	"zmqbus/socket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// output takes what a run writes, a line each time. It has room for all of it.
type output chan string

func newOutput() output { return make(output, 2*rounds*len(symbols)) }

func (o output) Write(p []byte) (int, error) {
	o <- string(p)
	return len(p), nil
}

// text returns what was written, when the run has ended.
func (o output) text() string {
	var b strings.Builder
	for range len(o) {
		b.WriteString(<-o)
	}
	return b.String()
}

func wantDay(t *testing.T, text string) {
	t.Helper()
	for _, want := range []string{
		"book (block): got 2000 of 2000 quotes, skipped 0 that",
		"screen (latest): got ",
		"EURUSD 1.0400 GBPUSD 2.0400 USDCHF 3.0400 USDJPY 4.0400 XAUUSD 5.0400",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestOneProcess(t *testing.T) {
	out := newOutput()
	start := time.Now()
	if err := run(t.Context(), out, "", ""); err != nil {
		t.Fatal(err)
	}
	t.Logf("took %v", time.Since(start))
	text := out.text()
	wantDay(t, text)
	if !strings.Contains(text, "publisher: 2000 quotes") {
		t.Errorf("no publisher in\n%s", text)
	}
}

// TestTwoProcesses runs what two processes would run. Which of them starts first does not matter.
func TestTwoProcesses(t *testing.T) {
	publisher, consumers := newOutput(), newOutput()
	ended := make(chan error, 1)
	go func() { ended <- run(t.Context(), publisher, "@tcp://127.0.0.1:0", "") }() // ends by itself
	var bound string
	select {
	case line := <-publisher:
		bound = strings.TrimPrefix(strings.TrimSpace(line), "export ")
	case err := <-ended:
		t.Fatal(err)
	}
	if err := run(t.Context(), consumers, "", ">"+bound); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	wantDay(t, consumers.text())
}

// TestInterrupted ends each kind of run after its first line, which it writes when it is under way.
func TestInterrupted(t *testing.T) {
	enough := errors.New("enough")
	for name, links := range map[string][2]string{
		"one process": {}, "publisher": {"@tcp://127.0.0.1:0", ""}, "consumers": {"", ">tcp://127.0.0.1:9"},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		out, ended := newOutput(), make(chan error, 1)
		go func() { ended <- run(ctx, out, links[0], links[1]) }() // ends with ctx
		select {
		case <-out:
		case err := <-ended:
			t.Fatal(name, err)
		}
		cancel(enough)
		if err := <-ended; !errors.Is(err, enough) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBadEndpoint(t *testing.T) {
	for name, links := range map[string][2]string{"publisher": {"@nowhere", ""}, "consumers": {"", ">nowhere"}} {
		if err := run(t.Context(), newOutput(), links[0], links[1]); !errors.Is(err, socket.ErrBadEndpoint) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestVerdict: what did not happen is an error.
func TestVerdict(t *testing.T) {
	conflated := func(n uint64) bus.SubscriptionStats { return bus.SubscriptionStats{Conflated: n} }
	for name, c := range map[string]struct {
		seen  seen
		check func(*seen) error
		ok    bool
	}{
		"book: all":               {seen{quotes: 2000}, (*seen).complete, true},
		"book: one missing":       {seen{quotes: 1999}, (*seen).complete, false},
		"book: told of a loss":    {seen{quotes: 2000, lost: 1}, (*seen).complete, false},
		"screen: skipped":         {seen{quotes: 30, lost: 1970, stats: conflated(1970)}, (*seen).conflated, true},
		"screen: was not slow":    {seen{quotes: 2000}, (*seen).conflated, false},
		"screen: silent loss":     {seen{quotes: 30, lost: 1969, stats: conflated(1969)}, (*seen).conflated, false},
		"screen: stats disagree":  {seen{quotes: 30, lost: 1970, stats: conflated(1969)}, (*seen).conflated, false},
		"screen: skipped nothing": {seen{quotes: 1999, lost: 0}, (*seen).conflated, false},
	} {
		if err := c.check(&c.seen); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOrder: a quote that comes after a newer one of its symbol is an error.
func TestOrder(t *testing.T) {
	b, err := bus.New(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close(t.Context())
	quotes, err := bus.NewTopic[Quote](b, prefix, nil)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := quotes.Subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{2, 1} {
		if err := quotes.Publish(t.Context(), "EURUSD", Quote{Number: n}); err != nil {
			t.Fatal(err)
		}
	}
	if err := follow(sub, newOutput(), 0, (*seen).complete); err == nil || !strings.Contains(err.Error(), "quote 1 of md.quote.EURUSD after quote 2") {
		t.Fatal(err)
	}
}
