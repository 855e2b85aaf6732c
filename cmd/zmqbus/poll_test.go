package main

import (
	"encoding/json"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// readiness returns the next line of a poll --json.
func (p *process) readiness() readinessLine {
	p.t.Helper()
	var line readinessLine
	text := p.stdout.until("{")
	if err := json.Unmarshal([]byte(text), &line); err != nil || line.Kind != "readiness" {
		p.t.Fatalf("%v: %s", err, text)
	}
	return line
}

// readinessUntil skips lines until one is as ok wants it.
func (p *process) readinessUntil(ok func(readinessLine) bool) readinessLine {
	p.t.Helper()
	for {
		if line := p.readiness(); ok(line) {
			return line
		}
	}
}

// wantReady checks the next line's events.
func (p *process) wantReady(events ...string) readinessLine {
	p.t.Helper()
	line := p.readiness()
	if !slices.Equal(line.Events, events) {
		p.t.Fatalf("%+v, want %q", line, events)
	}
	return line
}

func pollNeedsFDs(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("this system cannot poll descriptors")
	}
}

func TestPollReadsMessages(t *testing.T) {
	poll := start(t, "poll", "-b", "pull,"+anyPort, "--read", "--interval", "1h", "--json")
	ep := poll.bound()
	line := poll.wantReady()
	if line.Source != "PULL "+ep || line.FD != nil {
		t.Fatalf("%+v", line)
	}
	for i := range 3 {
		start(t, "push", "-c", ep, "hello").wantExit(exitDone)
		poll.wantReady("in")
		if line := poll.wantReady(); line.Received != i+1 {
			t.Fatalf("%+v, want %d received", line, i+1)
		}
	}
	start(t, "push", "-c", ep, "--repeat", "2000", "hello").wantExit(exitDone)
	poll.readinessUntil(func(l readinessLine) bool { return l.Received == 2003 && len(l.Events) == 0 })
}

// Without --read a message stays, and readiness with it.
func TestPollTakesNothing(t *testing.T) {
	poll := start(t, "poll", "-b", "pull,"+anyPort, "--interval", "1ms", "--json")
	ep := poll.bound()
	poll.wantReady()
	start(t, "push", "-c", ep, "hello").wantExit(exitDone)
	poll.wantReady("in")
	start(t, "push", "-c", ep, "hello").wantExit(exitDone) // takes many intervals
	poll.signal(os.Interrupt)
	if out, _ := poll.wantExit(exitDone); len(out) > 0 {
		t.Fatalf("more lines: %q", out)
	}
}

// Nothing tells that a peer's room is gone, so this is what --interval is for.
func TestPollSeesPeersComeAndGo(t *testing.T) {
	poll := start(t, "poll", "-b", "push,"+anyPort, "--interval", "5ms", "--json")
	ep := poll.bound()
	poll.wantReady()
	for range 2 {
		pull := start(t, "pull", "-c", ep)
		poll.wantReady("out")
		pull.signal(os.Interrupt)
		pull.wantExit(exitDone)
		poll.wantReady()
	}
}

func TestPollAtTheHighWaterMark(t *testing.T) {
	pair := []string{"poll", "-b", "push,inproc://hwm", "-c", "pull,inproc://hwm", "-o", "sndhwm=4", "-o", "rcvhwm=4", "--write", "--json"}
	full := start(t, append(pair, "--interval", "1ms")...)
	seen := make(map[string]bool)
	full.readinessUntil(func(l readinessLine) bool {
		seen[l.Source] = l.Sent == 8 && len(l.Events) == 0 || slices.Equal(l.Events, []string{"in"})
		return seen["PUSH inproc://hwm"] && seen["PULL inproc://hwm"]
	})
	full.signal(os.Interrupt)
	if out, _ := full.wantExit(exitDone); len(out) > 0 {
		t.Fatalf("lines after both are full: %q", out)
	}
	// More than one burst, without help from --interval.
	large := start(t, append(pair, "-o", "sndhwm=3000", "-o", "rcvhwm=3000", "--interval", "1h")...)
	large.readinessUntil(func(l readinessLine) bool { return l.Sent == 6000 && len(l.Events) == 0 })
	flowing := start(t, append(pair, "--read", "-n", "200")...)
	flowing.readinessUntil(func(l readinessLine) bool { return l.Received > 8 })
	flowing.readinessUntil(func(l readinessLine) bool { return l.Sent > 16 })
	flowing.wantExit(exitDone)
}

func TestPollAtTheHighWaterMarkOfTCP(t *testing.T) {
	writer := start(t, "poll", "-b", "push,"+anyPort, "--write", "-o", "sndhwm=10", "--interval", "5ms", "--json")
	ep := writer.bound()
	writer.wantReady()
	idle := start(t, "poll", "-c", "pull,"+ep, "-o", "rcvhwm=10", "-q")
	idle.stdout.until(" in")
	writer.readinessUntil(func(l readinessLine) bool { return len(l.Events) == 0 && l.Sent > 20 })
	reader := start(t, "poll", "-c", "pull,"+ep, "--read", "--json")
	reader.readinessUntil(func(l readinessLine) bool { return l.Received > 20 })
	writer.readinessUntil(func(l readinessLine) bool { return slices.Equal(l.Events, []string{"out"}) })
	// What is queued is not waited for.
	began := time.Now()
	writer.signal(os.Interrupt)
	writer.wantExit(exitDone)
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("took %v, about the default linger of a command that sends", took)
	}
}

func TestPollStandardInput(t *testing.T) {
	pollNeedsFDs(t)
	poll := start(t, "poll", "--fd", "0", "--read", "--json")
	if line := poll.wantReady(); line.FD == nil || *line.FD != 0 || line.Source != "fd 0" {
		t.Fatalf("%+v", line)
	}
	for i := range 2 {
		poll.write("hello")
		poll.wantReady("in")
		if line := poll.wantReady(); line.Bytes != 6*(i+1) {
			t.Fatalf("%+v", line)
		}
	}
	poll.eof()
	if line := poll.readinessUntil(func(l readinessLine) bool { return l.Ended != "" }); line.Ended != "end of file" {
		t.Fatalf("%+v", line)
	}
	out, _ := poll.wantExit(exitDone)
	wantLines(t, out)
}

// One source that ends does not end the others; without --read the end of a pipe is a hang-up.
func TestPollGoesOnWithoutAnInputThatEnded(t *testing.T) {
	pollNeedsFDs(t)
	poll := start(t, "poll", "-b", "pull,"+anyPort, "--fd", "0,in")
	ep := poll.bound()
	poll.stdout.until("fd 0 ", "none")
	poll.write("hello")
	poll.stdout.until("fd 0 ", "in")
	poll.eof()
	poll.stdout.until("fd 0 ", "in+err", "ended: in error or hung up")
	start(t, "push", "-c", ep, "hello").wantExit(exitDone)
	if line := poll.stdout.until("PULL "); !strings.HasSuffix(line, "  in") {
		t.Fatal(line)
	}
	poll.signal(os.Interrupt)
	out, stderr := poll.wantExit(exitDone)
	wantLines(t, append(out, stderr...))
}

func TestPollEnds(t *testing.T) {
	for _, c := range []struct {
		args  string
		want  int
		lines int
		says  string
	}{
		{"-b pull,tcp://127.0.0.1:* -b pub,tcp://127.0.0.1:* -n 2 -q", exitDone, 2, ""},
		{"-b pub,tcp://127.0.0.1:* -d 50ms -q", exitDone, 1, ""},
		{"-b pub,tcp://127.0.0.1:* -n 2 -d 50ms -q", exitFailed, 1, "1 of 2 lines within 50ms"},
		{"--fd 0 --read -n 9 -q", exitFailed, 2, "2 of 9 lines, and no source is left"},
		{"--fd 999", exitFailed, 0, "fd 999: bad file descriptor"},
	} {
		t.Run(c.args, func(t *testing.T) {
			if strings.Contains(c.args, "--fd") {
				pollNeedsFDs(t)
			}
			poll := start(t, append([]string{"poll"}, strings.Fields(c.args)...)...)
			poll.eof()
			out, stderr := poll.wantExit(c.want)
			if len(out) != c.lines {
				t.Errorf("lines: %q, want %d", out, c.lines)
			}
			if (c.says == "") != (len(stderr) == 0) || !strings.Contains(strings.Join(stderr, "\n"), c.says) {
				t.Errorf("standard error: %q, want %q", stderr, c.says)
			}
		})
	}
}

func TestPollWithoutDescriptors(t *testing.T) {
	if runtime.GOOS != "windows" {
		t.Skip("this system can poll descriptors")
	}
	_, stderr := start(t, "poll", "--fd", "0").wantExit(exitFailed)
	wantLines(t, stderr, "zmqbus: fd 0: file descriptors cannot be polled on windows: unsupported operation")
}

func TestPollSubscribesAndAnswers(t *testing.T) {
	pub := start(t, "pub", "-b", anyPort, "--wait", "1")
	sub := start(t, "poll", "-c", "sub,"+pub.bound(), "-t", "weather", "--read", "--json")
	sub.wantReady()
	pub.write("news", "weather")
	sub.wantReady("in")
	if line := sub.wantReady(); line.Received != 1 {
		t.Fatalf("%+v", line)
	}
	rep := start(t, "poll", "-b", "rep,"+anyPort, "--read", "--json")
	out, _ := start(t, "req", "-c", rep.bound(), "--repeat", "2", "question").wantExit(exitDone)
	wantLines(t, out, "", "")
}

// --events leaves out what it does not name; what stays ready does not keep the processor busy.
func TestPollWaits(t *testing.T) {
	poll := start(t, "poll", "-b", "pub,"+anyPort, "-b", "xpub,"+anyPort, "--events", "out", "-d", "1s", "--interval", "100ms", "-q")
	out, _ := poll.wantExit(exitDone)
	if len(out) != 2 || !strings.HasSuffix(out[0], "  out") {
		t.Fatalf("%q", out)
	}
	if state := poll.cmd.ProcessState; state.UserTime()+state.SystemTime() > 700*time.Millisecond {
		t.Fatalf("used the processor for %v of a second", state.UserTime()+state.SystemTime())
	}
	in := start(t, "poll", "-b", "pub,"+anyPort, "--events", "in", "-n", "1", "-q")
	if out, _ := in.wantExit(exitDone); !strings.HasSuffix(out[0], "  none") {
		t.Fatalf("%q", out)
	}
}
