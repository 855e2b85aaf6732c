//go:build unix

package socket

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// shortDir is a directory whose path leaves room in sun_path; t.TempDir carries the test's name.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "zb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// makeStale leaves a socket file that nobody serves.
func makeStale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if !fileExists(path) {
		t.Fatal("no stale socket file")
	}
}

func fileExists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// TestIPCListenResults is the ipc half of CONFORMANCE 1.6 with the differences that we chose.
func TestIPCListenResults(t *testing.T) {
	dir := shortDir(t)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	stale, link := filepath.Join(dir, "stale"), filepath.Join(dir, "link")
	makeStale(t, stale)
	if err := os.Symlink(stale, link); err != nil {
		t.Fatal(err)
	}
	live := listenAt(t, "ipc://"+filepath.Join(dir, "live"), netOptions{})
	abstract := syscall.Errno(0)
	if runtime.GOOS != "linux" {
		abstract = syscall.EPROTONOSUPPORT
	}
	for _, tc := range []struct {
		path      string
		errno     syscall.Errno
		attempted bool
	}{
		{dir, syscall.EADDRINUSE, true},
		{file, syscall.EADDRINUSE, true},
		{link, syscall.EADDRINUSE, true},
		{live.Addr().String(), syscall.EADDRINUSE, true},
		{filepath.Join(dir, "none", "s"), syscall.ENOENT, true},
		{filepath.Join(dir, strings.Repeat("x", ipcPathSize)), syscall.ENAMETOOLONG, false},
		{"@" + strings.Repeat("x", ipcPathSize-1), syscall.ENAMETOOLONG, false},
		{"@", syscall.EINVAL, false},
		{"@zmqbus-test" + dir, abstract, abstract == 0},
		{stale, 0, true},
		{filepath.Join(dir, "new"), 0, true},
		{dir + "/" + strings.Repeat("y", ipcPathSize-len(dir)-2), 0, true}, // the longest there is
	} {
		a := mustParse(t, "ipc://"+tc.path)
		if err := (ipcNetwork{}).checkListen(a, netOptions{}); err != nil {
			t.Errorf("%s: checkListen: %v, but libzmq records an event", tc.path, err)
		}
		var seen fdLog
		l, err := ipcNetwork{}.listen(t.Context(), a, netOptions{backlog: 10}, seen.add)
		if errnoOf(err) != tc.errno || (err == nil) != (tc.errno == 0) || (len(seen) == 1) != tc.attempted || len(seen) > 1 {
			t.Errorf("%s: %v (errno %d), attempts %v", tc.path, err, errnoOf(err), seen)
		}
		if err != nil {
			continue
		}
		if l.endpoint() != a.raw || l.fd() != seen[0] {
			t.Errorf("%s: endpoint %s, descriptor %d, attempts %v", tc.path, l.endpoint(), l.fd(), seen)
		}
		if err := l.Close(); err != nil || fileExists(tc.path) {
			t.Errorf("%s: Close: %v, file still there: %v", tc.path, err, fileExists(tc.path))
		}
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "mine" {
		t.Errorf("foreign file: %q, %v", b, err)
	}
}

// TestIPCLiveUndisturbed: being asked for its path must not show up at the listener that holds it.
func TestIPCLiveUndisturbed(t *testing.T) {
	l := listenAt(t, "ipc://"+filepath.Join(shortDir(t), "s"), netOptions{})
	if _, err := (ipcNetwork{}).listen(t.Context(), mustParse(t, l.endpoint()), netOptions{}, nil); errnoOf(err) != syscall.EADDRINUSE {
		t.Fatal(err)
	}
	dialled, accepted := connectPair(t, l, l.endpoint(), netOptions{}, nil)
	if _, err := dialled.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := io.ReadFull(accepted, b); err != nil || b[0] != 'x' {
		t.Fatalf("the first accepted connection is not ours: %q, %v", b, err)
	}
}

func TestIPCDial(t *testing.T) {
	eps := []string{"ipc://" + filepath.Join(shortDir(t), "s"), "ipc://*"}
	if runtime.GOOS == "linux" {
		eps = append(eps, "ipc://@zmqbus-dial"+eps[0][len("ipc://"):])
	}
	for _, ep := range eps {
		l := listenAt(t, ep, netOptions{})
		dialled, accepted := connectPair(t, l, l.endpoint(), netOptions{}, func(int) { t.Error("attempt called for ipc") })
		local, remote := connEndpoints("ipc", accepted)
		if local != l.endpoint() || remote != "ipc://" {
			t.Errorf("%s: accepted %s from %s", ep, local, remote)
		}
		if local, remote = connEndpoints("ipc", dialled); local != "ipc://" || remote != l.endpoint() {
			t.Errorf("%s: dialled %s from %s", ep, remote, local)
		}
		if connFD(dialled) < 0 || connFD(accepted) < 0 || connFD(dialled) == connFD(accepted) {
			t.Errorf("%s: descriptors %d and %d", ep, connFD(dialled), connFD(accepted))
		}
	}
}

func TestIPCDialFailures(t *testing.T) {
	dir := shortDir(t)
	makeStale(t, filepath.Join(dir, "stale"))
	for _, tc := range []struct {
		path        string
		errno       syscall.Errno
		atCall, had bool // refused by checkDial; had a descriptor
	}{
		{filepath.Join(dir, "none"), syscall.ENOENT, false, true},
		{filepath.Join(dir, "stale"), syscall.ECONNREFUSED, false, true},
		{filepath.Join(dir, strings.Repeat("x", ipcPathSize)), syscall.ENAMETOOLONG, true, false},
		{"@", syscall.EINVAL, true, false},
	} {
		a := mustParse(t, "ipc://"+tc.path)
		if err := (ipcNetwork{}).checkDial(a, netOptions{}); (err != nil) != tc.atCall {
			t.Errorf("%s: checkDial: %v", tc.path, err)
		}
		_, err := ipcNetwork{}.dial(t.Context(), a, netOptions{}, func(int) { t.Error("attempt called for ipc") })
		if errnoOf(err) != tc.errno || (descriptorOf(err) >= 0) != tc.had || isResolveError(err) {
			t.Errorf("%s: %v (errno %d), descriptor %d", tc.path, err, errnoOf(err), descriptorOf(err))
		}
	}
}

func TestIPCWildcard(t *testing.T) {
	one, two := listenAt(t, "ipc://*", netOptions{}), listenAt(t, "ipc://*", netOptions{})
	if one.endpoint() == two.endpoint() {
		t.Fatal("two wildcards, one path")
	}
	path := strings.TrimPrefix(one.endpoint(), "ipc://")
	if !fileExists(path) {
		t.Fatal("no file at ", path)
	}
	if err := one.Close(); err != nil || fileExists(path) || fileExists(filepath.Dir(path)) {
		t.Fatalf("Close: %v, file %v, directory %v", err, fileExists(path), fileExists(filepath.Dir(path)))
	}
	path = strings.TrimPrefix(two.endpoint(), "ipc://")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := two.release(); errnoOf(err) != syscall.ENOENT {
		t.Fatalf("release without the file: %v, want ENOENT for CLOSE_FAILED", err)
	}
	if fd := descriptor(two.(*boundListener).Listener); fd != two.fd() {
		t.Fatal("release closed the descriptor")
	}
	for range 2 {
		if err := two.Close(); errnoOf(err) != syscall.ENOENT || fileExists(filepath.Dir(path)) {
			t.Fatalf("Close: %v, directory still there: %v", err, fileExists(filepath.Dir(path)))
		}
	}
}

// TestIPCWildcardTooLong: what a failed wildcard made is gone.
func TestIPCWildcardTooLong(t *testing.T) {
	tmp := filepath.Join(shortDir(t), strings.Repeat("x", ipcPathSize))
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", tmp)
	var seen fdLog
	_, err := ipcNetwork{}.listen(t.Context(), mustParse(t, "ipc://*"), netOptions{}, seen.add)
	left, rerr := os.ReadDir(tmp)
	if errnoOf(err) != syscall.ENAMETOOLONG || len(seen) != 0 || rerr != nil || len(left) != 0 {
		t.Fatalf("%v, attempts %v, left behind %v %v", err, seen, left, rerr)
	}
}

// TestIPCCloseForeign: Close leaves alone what took the place of its file, and does not mind that it is gone.
func TestIPCCloseForeign(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	l := listenAt(t, "ipc://"+path, netOptions{})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil || !fileExists(path) {
		t.Fatalf("Close: %v, foreign file still there: %v", err, fileExists(path))
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	l = listenAt(t, "ipc://"+path, netOptions{})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatalf("Close of an unlinked plain path: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("Accept after Close: %v", err)
	}
}

// TestIPCReplaceRace lets several listeners fight for one dead file: exactly one wins, and keeps its file.
func TestIPCReplaceRace(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	makeStale(t, path)
	a := mustParse(t, "ipc://"+path)
	type result struct {
		l   listener
		err error
	}
	results := make(chan result)
	for range 4 {
		go func() { // owner: the test, which takes one result of each
			l, err := ipcNetwork{}.listen(t.Context(), a, netOptions{}, nil)
			results <- result{l, err}
		}()
	}
	var winners []listener
	for range 4 {
		r := <-results
		switch {
		case r.err == nil:
			winners = append(winners, r.l)
		case errnoOf(r.err) != syscall.EADDRINUSE:
			t.Error(r.err)
		}
	}
	if len(winners) != 1 {
		t.Fatalf("%d listeners at one path", len(winners))
	}
	connectPair(t, winners[0], a.raw, netOptions{}, nil)
	if err := winners[0].Close(); err != nil || fileExists(path) {
		t.Fatalf("Close: %v, file still there: %v", err, fileExists(path))
	}
}
