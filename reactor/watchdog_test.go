package reactor

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// watchLog returns a logger that writes what follows the message of a warning.
func watchLog(out *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey && a.Value.String() == "handler stalls" {
			return slog.Attr{}
		}
		return a
	}}))
}

// stall has handlers of src sleep for the times given, one after the other.
func stall(src Source, times ...time.Duration) func(r *Reactor) error {
	return func(r *Reactor) error {
		_, err := r.Handle(src, func(Event) error {
			d := times[0]
			times = times[1:]
			time.Sleep(d)
			return nil
		})
		return err
	}
}

// chattyFeed has several events at once, for one turn.
type chattyFeed struct {
	id   ID
	left int
}

func (c *chattyFeed) start(_ *Reactor, f *feed) error { c.id = f.id; return nil }
func (c *chattyFeed) release()                        {}

func (c *chattyFeed) take(to []Event) (int, state, error) {
	to[0] = Tick{Source: c.id}
	if c.left--; c.left == 0 {
		return 1, spent, nil
	}
	return 1, more, nil
}

func TestWatchdog(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	chatty := Source{"chatty", func() []feeder { return []feeder{&chattyFeed{left: 4}} }}
	for name, c := range map[string]struct {
		stall time.Duration
		do    func(r *Reactor) error
		want  []string
	}{
		"default": {0, stall(Named(After(s), "beat"), 5*s), []string{"source=beat for=1s", "source=beat for=2s", "source=beat for=4s"}},
		"set":     {3 * s, stall(After(s), 5*s), []string{`source="after 1s" for=3s`}},
		"off":     {-1, stall(After(s), time.Hour), nil},
		"posted": {0, func(r *Reactor) error { return r.Post(func() { time.Sleep(1500 * ms) }) },
			[]string{`source="posted function" for=1s`}},
		// In one turn: the third call is known to run from 2 s on, at most one limit after it began.
		"later in a turn":    {0, stall(chatty, 600*ms, 600*ms, 2500*ms, 0), []string{"source=chatty for=1s"}},
		"many quick in turn": {0, stall(chatty, 900*ms, 900*ms, 900*ms, 900*ms), nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				r, err := New(t.Context(), &Config{Stall: c.stall, Logger: watchLog(&out)})
				if err != nil {
					t.Fatal(err)
				}
				if err := c.do(r); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Hour)
				synctest.Wait()
				if got := strings.Join(c.want, "\n"); strings.TrimSpace(out.String()) != got {
					t.Errorf("got %q, want %q", out.String(), got)
				}
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}
