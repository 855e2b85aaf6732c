package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long a test waits for a line or an exit before it gives up; it says nothing about speed.
const patience = 30 * time.Second

// command is the program that the tests run, built once from this directory.
var command string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "zmqbus-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	command = filepath.Join(dir, "zmqbus")
	if runtime.GOOS == "windows" {
		command += ".exe"
	}
	if out, err := exec.Command("go", append([]string{"build", "-o", command}, append(raceFlag, ".")...)...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		_ = os.RemoveAll(dir)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// process is a running zmqbus.
type process struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdin          io.WriteCloser
	stdout, stderr *output
}

// output is one of its streams, line by line.
type output struct {
	t     *testing.T
	name  string
	lines chan string
}

// start runs the command; the test's end kills it if it still runs.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(command, args...)}
	p.cmd.Env = append(os.Environ(),
		fmt.Sprintf("GOMAXPROCS=%d", runtime.GOMAXPROCS(0)), // so that -cpu reaches it
		"GORACE=atexit_sleep_ms=0")                          // the race detector would add a second to each exit
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Join(args, " ")
	p.stdout = &output{t, name + ": stdout", make(chan string, 1<<16)}
	p.stderr = &output{t, name + ": stderr", make(chan string, 1<<16)}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Owned by the process: each ends when its stream does.
	go p.stdout.read(stdout)
	go p.stderr.read(stderr)
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		p.stdout.rest()
		p.stderr.rest()
		_ = p.cmd.Wait()
	})
	return p
}

func (o *output) read(r io.Reader) {
	defer close(o.lines)
	in := bufio.NewScanner(r)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		o.lines <- in.Text()
	}
}

// until returns the first line that contains all words; the lines before it are skipped.
func (o *output) until(words ...string) string {
	o.t.Helper()
	deadline := time.After(patience)
	var seen []string
next:
	for {
		select {
		case line, open := <-o.lines:
			if !open {
				o.t.Fatalf("%s ended without a line with %q:\n%s", o.name, words, strings.Join(seen, "\n"))
			}
			seen = append(seen[max(0, len(seen)-20):], line)
			for _, w := range words {
				if !strings.Contains(line, w) {
					continue next
				}
			}
			return line
		case <-deadline:
			o.t.Fatalf("%s: no line with %q in time:\n%s", o.name, words, strings.Join(seen, "\n"))
		}
	}
}

// rest returns what comes until the stream ends.
func (o *output) rest() []string {
	var all []string
	deadline := time.After(patience)
	for {
		select {
		case line, open := <-o.lines:
			if !open {
				return all
			}
			all = append(all, line)
		case <-deadline:
			o.t.Errorf("%s did not end in time", o.name)
			return all
		}
	}
}

// write sends lines to standard input.
func (p *process) write(lines ...string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, strings.Join(lines, "\n")+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

// eof ends standard input.
func (p *process) eof() { _ = p.stdin.Close() }

var boundTo = regexp.MustCompile(`bound to (\S+)`)

// bound returns the endpoint that the process says it bound.
func (p *process) bound() string {
	p.t.Helper()
	return boundTo.FindStringSubmatch(p.stderr.until("bound to "))[1]
}

// exit waits for the end and returns what was still unread of standard output and standard error, and the status.
func (p *process) exit() (stdout, stderr []string, status int) {
	p.t.Helper()
	stdout, stderr = p.stdout.rest(), p.stderr.rest()
	err := p.cmd.Wait()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		p.t.Fatal(err)
	}
	return stdout, stderr, p.cmd.ProcessState.ExitCode()
}

// wantExit waits for the end and checks the status.
func (p *process) wantExit(want int) (stdout, stderr []string) {
	p.t.Helper()
	stdout, stderr, status := p.exit()
	if status != want {
		p.t.Fatalf("%s: exit status %d, want %d; standard error:\n%s", p.stdout.name, status, want, strings.Join(stderr, "\n"))
	}
	return stdout, stderr
}

// signal sends a signal, on systems that have them.
func (p *process) signal(sig os.Signal) {
	p.t.Helper()
	if runtime.GOOS == "windows" {
		p.t.Skip("this system cannot send signals to a process")
	}
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
}
