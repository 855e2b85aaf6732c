package interop

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long anything that must happen may take on a busy machine. Reaching it fails the test.
const patience = 20 * time.Second

// tick is how long one try of a repeated question waits for its answer.
const tick = 10 * time.Millisecond

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == busPeerRole {
		os.Exit(busPeer(os.Args[2:])) // one more process, started by a test
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if built.dir != "" {
			os.RemoveAll(built.dir)
		}
		os.Exit(code)
	}))
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually repeats try, which must wait a tick or so itself, until it is true.
func eventually(t *testing.T, what string, try func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if try() {
			return
		}
	}
	t.Fatalf("waited %v for %s", patience, what)
}

// endpoint returns a place to bind on the transport. The directory of ipc sockets is short: the name of a test's
// own directory would not fit into a socket address.
func endpoint(t *testing.T, transport string) string {
	t.Helper()
	if transport == "tcp" {
		return "tcp://127.0.0.1:*"
	}
	return "ipc://" + filepath.Join(shortDir(t), "s")
}

func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "zb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
