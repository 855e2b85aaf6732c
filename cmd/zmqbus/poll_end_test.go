package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/socket"
)

// A socket that ends is said so: one that has ended already, one that ends when it has been looked at, and one that is
// waited for. The interval is too long to find it out.
func TestPollOfASocketThatEnds(t *testing.T) {
	for _, when := range []string{"before", "at the first line", "while"} {
		t.Run(when, func(t *testing.T) {
			stdout, lines := io.Pipe()
			p := &poll{app: &app{stdout: lines, stderr: new(bytes.Buffer)}, events: "in", interval: time.Hour}
			p.bind = []string{"pull," + anyPort, "pull," + anyPort}
			if err := p.parse(); err != nil {
				t.Fatal(err)
			}
			first, second := p.sources[0], p.sources[1]
			p.prepare()
			defer func() { _, _ = first.sock.Close(), second.sock.Close() }()
			if err := p.open(); err != nil {
				t.Fatal(err)
			}
			result := make(chan error, 1)
			// Owned by the test; ends when both sockets have, or when nobody reads its lines.
			loop := func() {
				result <- p.loop(context.Background())
				_ = lines.Close()
			}
			defer func() { _ = stdout.Close() }()
			in := bufio.NewScanner(stdout)
			wantNext := func(want string) {
				t.Helper()
				if !in.Scan() || !strings.HasSuffix(in.Text(), want) {
					t.Fatalf("%q, want %q", in.Text(), want)
				}
			}
			switch when {
			case "before":
				_ = first.sock.Close()
				go loop()
				wantNext("  ended: socket closed")
				wantNext("  none")
			case "at the first line":
				go loop()
				wantNext("  none")
				_ = first.sock.Close()
				wantNext("  none")
				wantNext("  ended: socket closed")
			default:
				go loop()
				wantNext("  none")
				wantNext("  none")
				pollSendTo(t, first.sock)
				wantNext("  in")
				_ = first.sock.Close()
				wantNext("  ended: socket closed")
			}
			_ = second.sock.Close()
			wantNext("  ended: socket closed")
			if err := <-result; err != nil {
				t.Fatal(err)
			}
		})
	}
}

func pollSendTo(t *testing.T, s *socket.Socket) {
	t.Helper()
	push, err := socket.New(t.Context(), zmq4.Push, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = push.Close() })
	if err := push.Dial(s.Endpoints()[0].Endpoint); err != nil {
		t.Fatal(err)
	}
	if err := push.Send(zmq4.NewMsgString("hello")); err != nil {
		t.Fatal(err)
	}
}

// A file is always ready, and read to its end without waiting for --interval.
func TestPollReadsAFile(t *testing.T) {
	pollNeedsFDs(t)
	name := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(name, make([]byte, 300_000), 0o600); err != nil {
		t.Fatal(err)
	}
	input, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = input.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, command, "poll", "--fd", "0", "--read", "--interval", "1h")
	cmd.Stdin = input
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "fd 0  none        300000 bytes  ended: end of file\n") {
		t.Fatalf("%v: %q", err, out)
	}
}

func TestPollJSON(t *testing.T) {
	for _, c := range []struct {
		args string
		keys []string
		says string
	}{
		{"-b pub,tcp://127.0.0.1:*", []string{"kind", "time", "source", "events"}, `"events":["out"]`},
		{"-b pull,tcp://127.0.0.1:*", []string{"kind", "time", "source", "events"}, `"events":[]`},
		{"--fd 0,in", []string{"kind", "time", "source", "fd", "events"}, `"source":"fd 0","fd":0,"events":[]`},
	} {
		t.Run(c.args, func(t *testing.T) {
			if strings.Contains(c.args, "--fd") {
				pollNeedsFDs(t)
			}
			out, _ := start(t, append([]string{"poll", "--json", "-n", "1"}, strings.Fields(c.args)...)...).wantExit(exitDone)
			names, values := keys(t, out[0])
			wantLines(t, names, c.keys...)
			if values["kind"] != "readiness" || !strings.Contains(out[0], c.says) {
				t.Fatal(out[0])
			}
			if _, err := time.Parse(time.RFC3339Nano, values["time"].(string)); err != nil {
				t.Fatal(err)
			}
		})
	}
}
