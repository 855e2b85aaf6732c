package imports

import (
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

const module = "zmqbus"

// layer is the rank of each top-level directory: a package imports only packages of a lower rank. The root
// (bus_test.go) and examples stand outside and use what a user can use.
var layer = map[string]int{
	"internal": 0, "monitor": 1, "socket": 2, "poller": 2, "reactor": 3, "bus": 4, "cmd": 5, "examples": 5, ".": 5,
}

// publicOnly are the places that show what a user can do, so they do it with what a user has.
var publicOnly = []string{"cmd", "examples", "."}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func top(dir string) string { return strings.SplitN(dir, "/", 2)[0] }

// check says why a file in directory dir (slash-separated, relative to the module) must not import path.
func check(dir, path string, test bool) error {
	if path == "C" {
		return errors.New("cgo belongs into interop, never into the main module")
	}
	if path != module && !strings.HasPrefix(path, module+"/") {
		return nil
	}
	to := "."
	if path != module {
		to = top(strings.TrimPrefix(path, module+"/"))
	}
	from := top(dir)
	fromRank, ok := layer[from]
	if !ok {
		return fmt.Errorf("%s has no place in the order of imports", from)
	}
	toRank, ok := layer[to]
	switch {
	case !ok:
		return fmt.Errorf("%s is not part of the main module's packages", path)
	case to == "internal" && slices.Contains(publicOnly, from):
		return fmt.Errorf("%s uses public packages only", from)
	case from == to:
		return nil
	case toRank < fromRank:
		return nil
	case test && toRank == fromRank && toRank == layer["socket"]:
		return nil // poller's tests wait for real sockets
	default:
		return fmt.Errorf("%s (layer %d) must not import %s (layer %d)", from, fromRank, to, toRank)
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		dir, path string
		test, ok  bool
	}{
		{dir: "socket", path: "zmqbus/monitor", ok: true},
		{dir: "socket", path: "zmqbus/internal/zmtp", ok: true},
		{dir: "socket", path: "github.com/go-zeromq/zmq4", ok: true},
		{dir: "cmd/zmqbus", path: "zmqbus/monitor", ok: true},
		{dir: "internal/zmtp", path: "zmqbus/internal/queue", ok: true},
		{dir: ".", path: "zmqbus/bus", ok: true},
		{dir: "poller", path: "zmqbus/socket", test: true, ok: true},
		{dir: "poller", path: "zmqbus/socket"},
		{dir: "socket", path: "zmqbus/poller"},
		{dir: "monitor", path: "zmqbus/socket"},
		{dir: "monitor", path: "zmqbus/socket", test: true},
		{dir: "internal/zmtp", path: "zmqbus/monitor"},
		{dir: "cmd/zmqbus", path: "zmqbus/internal/zmtp"},
		{dir: "bus", path: "zmqbus/interop"},
		{dir: "util", path: "zmqbus/monitor"},
		{dir: "socket", path: "C"},
	} {
		if err := check(c.dir, c.path, c.test); (err == nil) != c.ok {
			t.Errorf("check(%q, %q, test=%v) = %v, want ok=%v", c.dir, c.path, c.test, err, c.ok)
		}
	}
}

// TestDirection reads the imports of every Go file, whatever system it is built for.
func TestDirection(t *testing.T) {
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			return skip(name, rel)
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		files++
		return checkFile(t, name, rel)
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Fatal("no Go file found")
	}
}

// skip leaves out hidden directories, test data, and modules of their own.
func skip(name, rel string) error {
	base := path.Base(rel)
	if rel == "." {
		return nil
	}
	if strings.HasPrefix(base, ".") || base == "testdata" {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func checkFile(t *testing.T, name, rel string) error {
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		return err
	}
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		if err := check(path.Dir(rel), p, strings.HasSuffix(rel, "_test.go")); err != nil {
			t.Errorf("%s imports %q: %v", rel, p, err)
		}
	}
	return nil
}
