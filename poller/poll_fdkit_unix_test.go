//go:build unix

package poller

import "golang.org/x/sys/unix"

// pollFD is a descriptor that is closed with the test.
type pollFD struct {
	g    *pollStage
	n    int
	gone bool
}

func (g *pollStage) ok(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *pollStage) fd(n int, err error) *pollFD {
	g.t.Helper()
	g.ok(err)
	f := &pollFD{g: g, n: n}
	g.t.Cleanup(f.close)
	return f
}

// is returns an item that asks for ev.
func (f *pollFD) is(ev Events) Item { return Item{FD: f.n, Events: ev} }

func (f *pollFD) close() {
	if !f.gone {
		f.gone = true
		_ = unix.Close(f.n)
	}
}

func (f *pollFD) write(s string) {
	f.g.t.Helper()
	_, err := unix.Write(f.n, []byte(s))
	f.g.ok(err)
}

func (f *pollFD) read() {
	f.g.t.Helper()
	_, err := unix.Read(f.n, make([]byte, 1))
	f.g.ok(err)
}

func (g *pollStage) pipe() (r, w *pollFD) {
	g.t.Helper()
	var p [2]int
	err := unix.Pipe(p[:])
	return g.fd(p[0], err), g.fd(p[1], err)
}

func (g *pollStage) socketpair() (a, b *pollFD) {
	g.t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	return g.fd(p[0], err), g.fd(p[1], err)
}

// closedFD is a number that nobody gets meanwhile: the system gives out the lowest.
func (g *pollStage) closedFD() *pollFD {
	g.t.Helper()
	_, w := g.pipe()
	f := g.fd(unix.FcntlInt(uintptr(w.n), unix.F_DUPFD_CLOEXEC, 900))
	f.close()
	return f
}

func (g *pollStage) tcpSocket() *pollFD {
	g.t.Helper()
	return g.fd(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
}

func (g *pollStage) listener() (l *pollFD, addr unix.Sockaddr) {
	g.t.Helper()
	l = g.tcpSocket()
	g.ok(unix.Bind(l.n, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	g.ok(unix.Listen(l.n, 1))
	addr, err := unix.Getsockname(l.n)
	g.ok(err)
	return l, addr
}

// tcp returns both ends of a connection.
func (g *pollStage) tcp() (server, client *pollFD) {
	g.t.Helper()
	l, addr := g.listener()
	client = g.tcpSocket()
	g.ok(unix.Connect(client.n, addr))
	n, _, err := unix.Accept(l.n)
	return g.fd(n, err), client
}

// urgent returns the end of a connection where a byte of urgent data, and nothing else, has arrived.
func (g *pollStage) urgent() *pollFD {
	g.t.Helper()
	s, k := g.tcp()
	_, err := unix.SendmsgN(k.n, []byte("!"), nil, nil, unix.MSG_OOB)
	g.ok(err)
	g.fds(-1, s.is(Pri))
	return s
}

func pollHungUp(ev Events) func(g *pollStage) string {
	return func(g *pollStage) string {
		r, w := g.pipe()
		w.write("x")
		w.close()
		r.read()
		return g.fds(-1, r.is(ev))
	}
}

func pollReaderClosed(ev Events) func(g *pollStage) string {
	return func(g *pollStage) string {
		r, w := g.pipe()
		r.close()
		return g.fds(-1, w.is(ev))
	}
}

func pollPeerClosed(ev Events) func(g *pollStage) string {
	return func(g *pollStage) string {
		a, b := g.socketpair()
		b.close()
		return g.fds(-1, a.is(ev))
	}
}

// pollReset polls a connection that the peer has reset.
func pollReset(ev Events) func(g *pollStage) string {
	return func(g *pollStage) string {
		s, k := g.tcp()
		g.ok(unix.SetsockoptLinger(k.n, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
		k.close()
		g.fds(-1, s.is(0))
		return g.fds(-1, s.is(ev))
	}
}
