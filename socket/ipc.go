package socket

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
)

// ipcNetwork is zmq_ipc(7) on unix domain sockets: a path, on Linux also "@name" in the abstract namespace, and "*"
// for a path of our choice when binding.
type ipcNetwork struct{}

// ipcPathSize is the size of sun_path: 108 on Linux, 104 on the BSDs and macOS. A path needs room for a NUL.
const ipcPathSize = len(syscall.RawSockaddrUnix{}.Path)

// checkIPCPath refuses a path that no socket can have.
func checkIPCPath(path string) error {
	switch {
	case len(path) >= ipcPathSize:
		return badEndpoint(syscall.ENAMETOOLONG, "ipc path of %d bytes, at most %d fit", len(path), ipcPathSize-1)
	case path == "@":
		return badEndpoint(syscall.EINVAL, "ipc://@ has no name after the @")
	case path[0] == '@' && runtime.GOOS != "linux":
		return badEndpoint(syscall.EPROTONOSUPPORT, "abstract ipc names such as %q exist on Linux only", path)
	}
	return nil
}

func (ipcNetwork) checkDial(a address, _ netOptions) error { return checkIPCPath(a.rest) }

func (ipcNetwork) checkListen(address, netOptions) error { return nil }

// dial connects. attempt is not called: an ipc connect is never delayed (CONFORMANCE 1.1).
func (ipcNetwork) dial(ctx context.Context, a address, _ netOptions, _ func(fd int)) (net.Conn, error) {
	if err := checkIPCPath(a.rest); err != nil {
		return nil, err
	}
	c := newFDControl(nil, nil)
	d := net.Dialer{Control: c.run}
	conn, err := d.DialContext(ctx, "unix", a.rest)
	if err != nil {
		return nil, c.failed(err)
	}
	return conn, nil
}

// listen binds. Unlike libzmq it takes over only a socket file that nobody serves any more; whatever else stands at
// the path is EADDRINUSE and stays.
func (ipcNetwork) listen(ctx context.Context, a address, o netOptions, attempt func(fd int)) (listener, error) {
	path, dir := a.rest, ""
	if path == "*" {
		var err error
		if dir, err = os.MkdirTemp("", "zmqbus"); err != nil {
			return nil, err
		}
		path = filepath.Join(dir, "socket")
	}
	l, err := listenIPC(ctx, path, o, attempt)
	if err != nil {
		if dir != "" {
			os.Remove(dir)
		}
		return nil, err
	}
	return newListener(l, "ipc://"+path, ipcRemover(path, dir)), nil
}

func listenIPC(ctx context.Context, path string, o netOptions, attempt func(fd int)) (net.Listener, error) {
	if err := checkIPCPath(path); err != nil {
		return nil, err
	}
	staleMu.Lock()
	defer staleMu.Unlock()
	removeStale(path)
	c := newFDControl(attempt, nil)
	lc := net.ListenConfig{Control: c.run}
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, c.failed(err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // it would remove whatever stands at the path by then
	}
	if err := setBacklog(l, o.backlog); err != nil {
		l.Close()
		os.Remove(path)
		return nil, c.failed(err)
	}
	return l, nil
}

// staleMu makes "nobody serves it, remove it, bind" one step among this process's sockets. Another process that
// replaces the same dead file in the same instant is not excluded.
var staleMu sync.Mutex

// removeStale removes the socket file at path if no socket is bound to it any more.
func removeStale(path string) {
	if path[0] == '@' {
		return
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSocket == 0 {
		return
	}
	conn, err := net.Dial(probeNetwork, path)
	if err == nil {
		conn.Close()
		return
	}
	if errnoOf(err) == syscall.ECONNREFUSED {
		_ = removeSame(path, info) // if it stays, bind says EADDRINUSE
	}
}

// removeSame removes path if it still is the file that info describes; another one there is left alone.
func removeSame(path string, info fs.FileInfo) error {
	now, err := os.Lstat(path)
	if err != nil || !os.SameFile(info, now) {
		return err
	}
	return os.Remove(path)
}

// ipcRemover returns what takes the socket file away when its listener ends. It is called while the descriptor is
// open, so the file's inode cannot have been given to another file. For "*", dir is the directory made for it, and a
// file that is gone is ENOENT (CLOSE_FAILED); at a plain path that is no failure.
func ipcRemover(path, dir string) func() error {
	if path[0] == '@' {
		return nil
	}
	info, _ := os.Lstat(path) // gone already: nil is the same file as none, so nothing is removed
	return func() error {
		err := removeSame(path, info)
		if dir != "" {
			return errors.Join(err, removeDir(dir))
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
}

// removeDir removes a directory that somebody may have removed before.
func removeDir(dir string) error {
	if err := os.Remove(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
