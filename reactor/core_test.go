package reactor

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the core's scripts gave to testdata/core")

// coreScript plays the driver: what its sources have to give, and how many events Events() has room for.
type coreScript struct {
	core    *core
	out     bytes.Buffer
	room    int
	backlog map[ID]int
	kinds   map[ID]string
	turn    ID   // between begin and end, else 0
	more    bool // what is told at its end: seen when the events were taken
}

// run does one line of a script.
func (s *coreScript) run(line string) error {
	var cmd, kind string
	var id ID
	var n int
	scan := func(format string, args ...any) bool {
		got, err := fmt.Sscanf(line, format, args...)
		return err == nil && got == len(args)
	}
	switch {
	case scan("budget %d", &n):
		s.core = newCore(n)
	case scan("room %d", &n):
		s.room = n
	case scan("turns %d", &n):
		for range n {
			s.begin()
			s.end()
		}
	case scan("add %d %s", &id, &kind):
		s.kinds[id] = kind
		s.core.add(id, kind == "handler")
	case scan("ready %d backlog %d", &id, &n):
		s.backlog[id] += n
		s.core.ready(id)
	case scan("%s %d", &cmd, &id) && cmd == "ready":
		s.core.ready(id)
	case cmd == "pause":
		s.core.pause(id)
	case cmd == "resume":
		s.core.resume(id)
	case cmd == "remove":
		s.core.remove(id)
	case cmd == "served":
		s.core.served(id, true)
	case line == "turn":
		s.begin()
		s.end()
	case line == "begin":
		s.begin()
	case line == "end":
		s.end()
	default:
		return fmt.Errorf("cannot read %q", line)
	}
	return nil
}

func (s *coreScript) begin() {
	id, quota, ok := s.core.next(s.room)
	if !ok {
		fmt.Fprintln(&s.out, "  nobody")
		return
	}
	took := min(quota, s.backlog[id])
	s.backlog[id] -= took
	s.turn, s.more = id, s.backlog[id] > 0
	if s.kinds[id] == "channel" {
		s.room -= took
	}
	fmt.Fprintf(&s.out, "  %d x%d\n", id, took)
}

func (s *coreScript) end() {
	if s.turn != 0 {
		s.core.served(s.turn, s.more)
		s.turn = 0
	}
}

// TestCore plays testdata/core: a script per case, with the turns that came of each line indented below it.
func TestCore(t *testing.T) {
	files, err := filepath.Glob("testdata/core/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))
			s := &coreScript{core: newCore(16), room: 64, backlog: map[ID]int{}, kinds: map[ID]string{}}
			for line := range strings.Lines(string(want)) {
				if strings.HasPrefix(line, "  ") {
					continue
				}
				s.out.WriteString(line)
				line = strings.TrimSpace(line)
				if line == "" || line[0] == '#' {
					continue
				}
				if err := s.run(line); err != nil {
					t.Fatal(err)
				}
			}
			if *update {
				if err := os.WriteFile(file, s.out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got := s.out.String(); got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// A turn costs no allocation, and no more with 10,000 sources in line than with 2.
func TestCoreAllocates(t *testing.T) {
	for _, n := range []int{2, 10_000} {
		c := newCore(16)
		for id := range ID(n) {
			c.add(id, id%2 == 0)
			c.ready(id)
		}
		got := testing.AllocsPerRun(1000, func() {
			id, _, _ := c.next(64)
			c.ready(id)
			c.served(id, false)
			c.pause(id)
			c.resume(id)
		})
		if got != 0 {
			t.Errorf("%d sources: %v allocations per turn", n, got)
		}
	}
}
