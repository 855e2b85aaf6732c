package interop

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// python is the system's: python3-zmq installs into it, whatever else is first in PATH.
const python = "/usr/bin/python3"

var built struct {
	once sync.Once
	dir  string
	err  error
}

// executable is the path of zmqbus, built once per run.
func executable(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "zmqbus"); built.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-C", "..", "-o", filepath.Join(built.dir, "zmqbus"), "./cmd/zmqbus")
		cmd.Stderr = os.Stderr
		built.err = cmd.Run()
	})
	if built.err != nil {
		t.Fatalf("building zmqbus: %v", built.err)
	}
	return filepath.Join(built.dir, "zmqbus")
}

// proc is a running program. It is killed at the end of the test.
type proc struct {
	t      *testing.T
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	out    *bufio.Scanner
	stderr bytes.Buffer
	done   bool
}

func start(t *testing.T, name string, args ...string) *proc {
	t.Helper()
	p := &proc{t: t, name: filepath.Base(name) + " " + strings.Join(args, " ")}
	p.cmd = exec.CommandContext(testContext(t), name, args...) // its end ends a test that waits for a line
	p.cmd.Stderr = &p.stderr
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin, p.out = stdin, bufio.NewScanner(stdout)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !p.done {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
		if t.Failed() {
			t.Logf("%s: standard error:\n%s", p.name, p.stderr.String())
		}
	})
	return p
}

func zmqbus(t *testing.T, args ...string) *proc {
	t.Helper()
	return start(t, executable(t), args...)
}

// pyzmq starts testdata/peer.py, or skips the test where there is no pyzmq. In CI it must be there.
func pyzmq(t *testing.T, args ...string) *proc {
	t.Helper()
	if out, err := exec.Command(python, "-c", "import zmq").CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no pyzmq: %v\n%s", err, out)
		}
		t.Skipf("python3-zmq is missing: %s: import zmq: %v", python, err)
	}
	return start(t, python, append([]string{filepath.Join("testdata", "peer.py")}, args...)...)
}

// line returns the next line of standard output.
func (p *proc) line() string {
	p.t.Helper()
	if !p.out.Scan() {
		p.t.Fatalf("%s: output ended (%v)", p.name, p.out.Err())
	}
	return p.out.Text()
}

// want checks the next line.
func (p *proc) want(line string) {
	p.t.Helper()
	if got := p.line(); got != line {
		p.t.Fatalf("%s printed %q, want %q", p.name, got, line)
	}
}

// endpoint is what peer.py says it bound.
func (p *proc) endpoint() string {
	p.t.Helper()
	ep, ok := strings.CutPrefix(p.line(), "endpoint ")
	if !ok {
		p.t.Fatalf("%s: no endpoint", p.name)
	}
	return ep
}

func (p *proc) write(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, s); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// end closes standard input and ends the wait for the program, which must exit with 0. It returns the
// rest of its output.
func (p *proc) end() []string {
	p.t.Helper()
	_ = p.stdin.Close()
	var rest []string
	for p.out.Scan() {
		rest = append(rest, p.out.Text())
	}
	p.done = true
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	return rest
}

// signal asks the program to stop, as a user's Ctrl-C does, and waits for it.
func (p *proc) signal() []string {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	return p.end()
}
