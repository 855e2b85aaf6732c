package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const anyPort = "tcp://127.0.0.1:*"

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestPubSub(t *testing.T) {
	pub := start(t, "pub", "-b", anyPort, "--wait", "1")
	sub := start(t, "sub", "-c", pub.bound(), "-t", "weather", "-t", "tides", "-n", "2")
	pub.write("news of the day", "weather sunny", "tides high")
	pub.eof()
	out, _ := sub.wantExit(exitDone)
	wantLines(t, out, "weather sunny", "tides high")
	pub.wantExit(exitDone)
}

func TestPubRepeatsUntilCount(t *testing.T) {
	pub := start(t, "pub", "-b", anyPort, "--wait", "1", "--interval", "1ms", "-n", "5", "tick", "tock")
	sub := start(t, "sub", "-c", pub.bound(), "--delim", "|", "-n", "5")
	out, _ := sub.wantExit(exitDone)
	wantLines(t, out, slices.Repeat([]string{"tick|tock"}, 5)...)
	pub.wantExit(exitDone)
}

func TestPushGivesEachPullAThird(t *testing.T) {
	push := start(t, "push", "-b", anyPort, "--wait", "3")
	ep := push.bound()
	var pulls []*process
	for range 3 {
		pulls = append(pulls, start(t, "pull", "-c", ep, "-n", "100"))
	}
	for i := range 300 {
		push.write(fmt.Sprint(i))
	}
	push.eof()
	push.wantExit(exitDone)
	seen := make(map[string]bool)
	for _, p := range pulls {
		out, _ := p.wantExit(exitDone)
		for _, line := range out {
			seen[line] = true
		}
	}
	if len(seen) != 300 {
		t.Fatalf("%d different messages, want 300", len(seen))
	}
}

func TestReqRep(t *testing.T) {
	for _, c := range []struct {
		name         string
		rep          []string
		want, wanted []string
	}{
		{"echo", nil, []string{"a b", "c"}, []string{"a b", "c"}},
		{"reply", []string{"--reply", "x", "--reply", "y"}, []string{"x y", "x y"}, []string{"a b", "c"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rep := start(t, append([]string{"rep", "-b", anyPort, "-n", "2"}, c.rep...)...)
			req := start(t, "req", "-c", rep.bound())
			req.write("a b", "c")
			req.eof()
			out, _ := req.wantExit(exitDone)
			wantLines(t, out, c.want...)
			out, _ = rep.wantExit(exitDone)
			wantLines(t, out, c.wanted...)
		})
	}
}

func TestRouterDealer(t *testing.T) {
	router := start(t, "router", "-b", anyPort, "--delim", ":", "--wait", "1")
	dealer := start(t, "dealer", "-c", router.bound(), "-o", "routing_id=A", "-n", "1", "hello", "world")
	if got := router.stdout.until("hello"); got != "A:hello:world" {
		t.Fatalf("router printed %q", got)
	}
	router.write("A:to:you")
	out, _ := dealer.wantExit(exitDone)
	wantLines(t, out, "to you")
	router.signal(os.Interrupt)
	router.wantExit(exitDone)
}

func TestPairBothWays(t *testing.T) {
	one := start(t, "pair", "-b", anyPort, "-n", "1", "from one")
	two := start(t, "pair", "-c", one.bound(), "-n", "1", "from two")
	out, _ := one.wantExit(exitDone)
	wantLines(t, out, "from two")
	out, _ = two.wantExit(exitDone)
	wantLines(t, out, "from one")
}

func TestXPubPrintsSubscriptions(t *testing.T) {
	xpub := start(t, "xpub", "-b", anyPort, "--wait", "1", "weather sunny")
	xsub := start(t, "xsub", "-c", xpub.bound(), "-t", "weather", "-n", "1")
	if got := xpub.stdout.until("weather"); got != `\x01weather` {
		t.Fatalf("xpub printed %q", got)
	}
	out, _ := xsub.wantExit(exitDone)
	wantLines(t, out, "weather sunny")
	if got := xpub.stdout.until("weather"); got != `\x00weather` {
		t.Fatalf("xpub printed %q", got)
	}
}

func TestBytesThatDoNotPrint(t *testing.T) {
	push := start(t, "push", "-b", anyPort, "--delim", "|")
	pull := start(t, "pull", "-c", push.bound(), "-n", "3")
	push.write("a\tb|\xff\x00", "", "grün|\u200b|c:\\d\r")
	push.eof()
	out, _ := pull.wantExit(exitDone)
	wantLines(t, out, `a\tb \xff\x00`, "", `grün \u200b c:\d`)
}

func TestDurationAndTimeouts(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want int
		says string
	}{
		{"nothing else asked for", []string{"sub", "-b", anyPort, "-d", "50ms", "-q"}, exitDone, ""},
		{"no reply", []string{"req", "-b", anyPort, "-d", "50ms", "-q", "hello"}, exitFailed, "no reply within 50ms"},
		{"nobody takes it", []string{"push", "-b", anyPort, "-d", "50ms", "-q", "hello"}, exitFailed, "no peer took"},
		{"count not reached", []string{"pull", "-b", anyPort, "-d", "50ms", "-n", "2", "-q"}, exitFailed, "0 of 2 messages received within 50ms"},
		{"no peer", []string{"pub", "-b", anyPort, "-d", "50ms", "--wait", "2", "-q", "x"}, exitFailed, "--wait 2"},
		{"unsent", []string{"push", "-c", "tcp://127.0.0.1:1", "-o", "linger=50", "-q", "hello"}, exitFailed, "1 message"},
		{"unsent, with a log", []string{"push", "-c", "tcp://127.0.0.1:1", "-o", "linger=50", "hello"}, exitFailed, "1 message"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, stderr := start(t, c.args...).wantExit(c.want)
			if c.want == exitDone && len(stderr) > 0 || c.want != exitDone && len(stderr) != 1 {
				t.Fatalf("standard error: %q", stderr)
			}
			if c.says != "" && !strings.Contains(stderr[0], c.says) {
				t.Fatalf("standard error %q does not say %q", stderr[0], c.says)
			}
		})
	}
}

func TestSignalsCloseCleanly(t *testing.T) {
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			sub := start(t, "sub", "-b", anyPort, "--events", "all")
			sub.stderr.until("LISTENING")
			sub.signal(sig)
			_, stderr := sub.wantExit(exitDone)
			if len(stderr) == 0 || !strings.Contains(stderr[len(stderr)-1], "MONITOR_STOPPED") {
				t.Fatalf("the last line is not MONITOR_STOPPED: %q", stderr)
			}
		})
	}
}

func TestSecondSignalExitsAtOnce(t *testing.T) {
	// With linger -1 and no peer, closing after the first signal would take for ever. Two different signals, since
	// the system may merge equal ones.
	push := start(t, "push", "-b", anyPort, "-o", "linger=-1", "--events", "listening")
	push.stderr.until("LISTENING")
	push.signal(os.Interrupt)
	push.signal(syscall.SIGTERM)
	_, _, status := push.exit()
	if status != exitDone && status != exitFailed {
		t.Fatalf("exit status %d", status)
	}
	stuck := start(t, "push", "-c", "tcp://127.0.0.1:1", "-o", "linger=-1", "--events", "connect_retried", "hello")
	stuck.stderr.until("CONNECT_RETRIED")
	stuck.signal(os.Interrupt)
	stuck.signal(syscall.SIGTERM)
	stuck.wantExit(exitFailed)
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args string
		says string
	}{
		{"", "a command is missing"},
		{"nonsense", "unknown command"},
		{"pubb", "Did you mean this?; pub"},
		{"sub", "an endpoint is missing"},
		{"sub -b", "flag needs an argument"},
		{"sub -b tcp://127.0.0.1:* --frobnicate", "unknown flag"},
		{"sub -b tcp://127.0.0.1:* hello", "takes no FRAME"},
		{"pull -b tcp://127.0.0.1:* -t x", "unknown shorthand flag"},
		{"pull -b tcp://127.0.0.1:* -n 0", "--count 0"},
		{"pull -b tcp://127.0.0.1:* -d 0s", "--duration 0s"},
		{"pull -b tcp://127.0.0.1:* -d soon", "invalid argument"},
		{"pull -b tcp://127.0.0.1:* -q -v", "exclude each other"},
		{"push -b tcp://127.0.0.1:* --repeat 2", "--repeat needs a message"},
		{"push -b tcp://127.0.0.1:* --wait -1 x", "must not be negative"},
		{"rep -b tcp://127.0.0.1:* --echo=false", "--reply"},
		{"rep -b tcp://127.0.0.1:* --echo --reply x", "exclude each other"},
		{"sub -b tcp://127.0.0.1:* --events nonsense", "CONNECT_RETRIED"},
		{"sub -b nonsense", "nonsense"},
		{"sub -c carrier-pigeon://coop", "carrier-pigeon"},
		{"push -b tcp://127.0.0.1:* -o nonsense=1", "reconnect_ivl"},
		{"push -b tcp://127.0.0.1:* -o sndhwm=many", "sndhwm"},
		{"push -b tcp://127.0.0.1:* -o sndhwm", "sndhwm"},
		{"monitor", "one socket type"},
		{"monitor teapot -b tcp://127.0.0.1:*", "unknown socket type"},
		{"monitor pull -b tcp://127.0.0.1:* -t x", "--topic"},
		{"monitor pull", "an endpoint is missing"},
		{"monitor pull -b tcp://127.0.0.1:* --mask x", "--mask"},
		{"proxy", "--frontend"},
		{"proxy --frontend xsub,@tcp://127.0.0.1:* --backend xpub", "--backend"},
		{"proxy --frontend rep,@tcp://127.0.0.1:* --backend xpub,@tcp://127.0.0.1:*", "rep"},
		{"proxy --frontend push,@tcp://127.0.0.1:* --backend pub,@tcp://127.0.0.1:*", "nothing to forward"},
		{"proxy --frontend pull,@tcp://127.0.0.1:* --backend push,@tcp://127.0.0.1:* --capture sub,@tcp://127.0.0.1:*", "--capture"},
		{"poll", "nothing to poll"},
		{"poll pull", "flags only"},
		{"poll -b tcp://127.0.0.1:*", "must be TYPE,EP"},
		{"poll -b teapot,tcp://127.0.0.1:*", "unknown socket type"},
		{"poll -c pull,tcp://127.0.0.1:1,@", "--connect"},
		{"poll -b pull,nonsense", "nonsense"},
		{"poll -b pull,tcp://127.0.0.1:* -t x", "--topic"},
		{"poll -b pull,tcp://127.0.0.1:* --write", "--write"},
		{"poll -b push,tcp://127.0.0.1:* --events in --write", "--write"},
		{"poll -b pull,tcp://127.0.0.1:* --events in,pri", `unknown event "pri"`},
		{"poll -b pull,tcp://127.0.0.1:* --interval 0s", "--interval 0s"},
		{"poll -b pull,tcp://127.0.0.1:* -n 0", "--count 0"},
		{"poll --fd x", `--fd "x"`},
		{"poll --fd -1", `--fd "-1"`},
		{"poll --fd 0,", `unknown event ""`},
		{"poll --fd 0,err", `unknown event "err"`},
		{"poll --fd 0 --fd 0,out", "twice"},
		{"bench --size 7", "--size 7"},
		{"bench --transport pigeon", "pigeon"},
		{"demo now", "no arguments"},
	} {
		t.Run(c.args, func(t *testing.T) {
			out, stderr := start(t, strings.Fields(c.args)...).wantExit(exitUsage)
			if len(out) != 0 || len(stderr) != 1 || !strings.HasPrefix(stderr[0], "zmqbus: ") {
				t.Fatalf("want one line on standard error: %q and %q", out, stderr)
			}
			if !strings.Contains(stderr[0], c.says) {
				t.Fatalf("standard error %q does not say %q", stderr[0], c.says)
			}
		})
	}
}

func TestHelpVersionCompletion(t *testing.T) {
	for args, says := range map[string]string{
		"--version":       "zmqbus version ",
		"help":            "zmqbus demo",
		"help push":       "sndhwm",
		"help poll":       "TYPE,EP",
		"monitor --help":  "MASK",
		"completion bash": "bash completion",
		"completion zsh":  "#compdef zmqbus",
		"completion fish": "fish completion",
	} {
		t.Run(args, func(t *testing.T) {
			out, stderr := start(t, strings.Fields(args)...).wantExit(exitDone)
			if !strings.Contains(strings.Join(out, "\n"), says) || len(stderr) != 0 {
				t.Fatalf("no %q in:\n%s\nstandard error: %q", says, strings.Join(out, "\n"), stderr)
			}
		})
	}
}
