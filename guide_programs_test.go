package zmqbus_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"zmqbus/bus"
)

// TestGuidePrograms builds the programs of docs/guide.md as they stand there, and does with them what it says.
func TestGuidePrograms(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skipf("the guide's programs are built with the go command: %v", err)
	}
	var first, quotes string
	for _, block := range guideBlocks(t, "go") {
		switch {
		case !isProgram(block):
		case first == "":
			first = buildGuide(t, "first", block)
		default:
			quotes = buildGuide(t, "quotes", block)
		}
	}
	zmqbus := build(t, "zmqbus", "./cmd/zmqbus")
	t.Run("one process", func(t *testing.T) {
		out, err := exec.CommandContext(deadline(t), first).CombinedOutput()
		if want := guideBlocks(t, "text")[0] + "\n"; err != nil || string(out) != want {
			t.Errorf("%v, printed %q, want %q", err, out, want)
		}
	})
	t.Run("two processes", func(t *testing.T) { guideTwoProcesses(t, quotes) })
	t.Run("a peer dies", func(t *testing.T) { guidePeerDies(t, quotes) })
	t.Run("broker", func(t *testing.T) { guideBroker(t, quotes, zmqbus) })
	t.Run("own events", func(t *testing.T) { guideOwnEvents(t, zmqbus) })
}

func buildGuide(t *testing.T, name, source string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name+".go")
	if err := os.WriteFile(file, []byte(source+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return build(t, name, file)
}

// build builds one program, with this module's packages, into a directory that the test removes.
func build(t *testing.T, name, source string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), name)
	if runtime.GOOS == "windows" {
		to += ".exe"
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", to, source).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return to
}

// process is a program that runs, with all that it prints.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string // closed at the end of its output
}

func startProgram(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.CommandContext(deadline(t), name, args...), lines: make(chan string, 10_000)}
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = to, to
	err = p.cmd.Start()
	_ = to.Close() // the process has its own
	if err != nil {
		_ = from.Close()
		t.Fatal(err)
	}
	go func() { // the test's: it ends with the process
		defer from.Close()
		for s := bufio.NewScanner(from); s.Scan(); {
			p.lines <- s.Text()
		}
		close(p.lines)
	}()
	t.Cleanup(p.kill)
	return p
}

// until returns the first line from here on that contains part.
func (p *process) until(part string) string {
	p.t.Helper()
	var before []string
	late := time.After(patience)
	for {
		select {
		case line, open := <-p.lines:
			if !open {
				p.t.Fatalf("%v ended without %q, after\n%s", p.cmd, part, strings.Join(before, "\n"))
			}
			if strings.Contains(line, part) {
				return line
			}
			before = append(before, line)
		case <-late:
			p.t.Fatalf("%v: no %q after\n%s", p.cmd, part, strings.Join(before, "\n"))
		}
	}
}

// bound returns the endpoint that ends the next line with tcp in it.
func (p *process) bound() string {
	p.t.Helper()
	line := p.until("tcp://")
	return line[strings.Index(line, "tcp://"):]
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // an error: it has ended already
	p.wait()
}

func (p *process) wait() error {
	for range p.lines {
	}
	return p.cmd.Wait()
}

// interrupt is Ctrl-C: the program ends in order.
func (p *process) interrupt() {
	p.t.Helper()
	if runtime.GOOS == "windows" {
		p.t.Log("there is no interrupt for one process here: killed")
		p.kill()
		return
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	if err := p.wait(); err != nil {
		p.t.Errorf("%v, interrupted: %v", p.cmd, err)
	}
}

// guideTwoProcesses: the first quote arrives, since publish waits for the subscriber.
func guideTwoProcesses(t *testing.T, quotes string) {
	publish := startProgram(t, quotes, "publish", "@tcp://127.0.0.1:0")
	watch := startProgram(t, quotes, "watch", ">"+publish.bound())
	publish.until("somebody listens")
	if line := watch.until("md.quote."); line != "md.quote.EURUSD 1.0800 1.0802" {
		t.Errorf("the first quote is %q", line)
	}
	watch.until("1 peers")
	watch.interrupt()
	publish.interrupt()
}

// guidePeerDies: watch tells that the publisher was killed, and goes on when it is back.
func guidePeerDies(t *testing.T, quotes string) {
	publish := startProgram(t, quotes, "publish", "@tcp://127.0.0.1:0")
	endpoint := publish.bound()
	watch := startProgram(t, quotes, "watch", endpoint)
	watch.until("md.quote.EURUSD 1.0800 1.0802")
	publish.kill()
	for _, event := range []string{"DISCONNECTED", "CONNECT_RETRIED", "refused"} {
		if line := watch.until(event); !strings.HasSuffix(line, "retry") {
			t.Errorf("no retry follows: %s", line)
		}
	}
	watch.until("0 peers")
	startProgram(t, quotes, "publish", "@"+endpoint)
	watch.until("md.quote.EURUSD 1.0800 1.0802")
}

// startBroker is the guide's proxy, on ports that the system picks.
func startBroker(t *testing.T, zmqbus string) (broker *process, front, back string) {
	t.Helper()
	broker = startProgram(t, zmqbus, "proxy", "--frontend", "xsub,@tcp://127.0.0.1:*", "--backend", "xpub,@tcp://127.0.0.1:*")
	return broker, broker.bound(), broker.bound()
}

// guideBroker: two publishers and two watchers know only the broker, and the first quote of the first arrives. It dies,
// and comes back.
func guideBroker(t *testing.T, quotes, zmqbus string) {
	broker, front, back := startBroker(t, zmqbus)
	publish := startProgram(t, quotes, "publish", ">"+front)
	watch := startProgram(t, quotes, "watch", ">"+back)
	watch.until("md.quote.EURUSD 1.0800 1.0802")
	other := startProgram(t, quotes, "watch", ">"+back)
	other.until("md.quote.")
	broker.kill()
	watch.until("DISCONNECTED")
	other.until("DISCONNECTED")
	startProgram(t, zmqbus, "proxy", "--frontend", "xsub,@"+front, "--backend", "xpub,@"+back)
	for _, w := range []*process{watch, other} {
		w.until("HANDSHAKE_SUCCEEDED")
		w.until("md.quote.")
		w.interrupt()
	}
	publish.interrupt()
}

// guideOwnEvents: a bus with both links to a broker gets what it publishes twice, and can tell which is which.
func guideOwnEvents(t *testing.T, zmqbus string) {
	_, front, back := startBroker(t, zmqbus)
	ctx := deadline(t)
	b, quotes := guideBus(t, ctx)
	sub, err := quotes.Subscribe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for endpoint, link := range map[string]func(string, ...bus.LinkOption) (*bus.Link, error){">" + front: b.Export, ">" + back: b.Import} {
		if _, err := link(endpoint); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.WaitSubscribers(ctx, "md.quote.EURUSD", 2); err != nil { // this bus and the broker
		t.Fatal(err)
	}
	if err := quotes.Publish(ctx, "EURUSD", Quote{1, 2}); err != nil {
		t.Fatal(err)
	}
	if ev := <-sub.C(); !ev.Source.Local() {
		t.Errorf("the first came from %v", ev.Source)
	}
	if ev := <-sub.C(); ev.Source.Link != back || ev.Value != (Quote{1, 2}) {
		t.Errorf("the second is %v, from %v", ev.Value, ev.Source)
	}
}
