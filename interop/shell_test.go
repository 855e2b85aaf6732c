package interop

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-zeromq/zmq4"
)

const anyPort = "tcp://127.0.0.1:*"

func ipcEndpoint(t *testing.T) string { return endpoint(t, "ipc") }

func TestShellSubOfPyzmqPub(t *testing.T) {
	pub := pyzmq(t, "pub", "bind", anyPort)
	sub := zmqbus(t, "sub", "-c", pub.endpoint(), "-t", "a", "-n", "5")
	var first int
	if _, err := fmt.Sscanf(sub.line(), "a %d", &first); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		sub.want(fmt.Sprintf("a %d", first+1+i))
	}
	if rest := sub.end(); len(rest) > 0 {
		t.Errorf("printed more than -n says: %q", rest)
	}
	pub.end()
}

func lines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "job %d\n", i)
	}
	return b.String()
}

func TestShellPushToThreePulls(t *testing.T) {
	const thirds = "300 different: 100 100 100"
	t.Run("push connects", func(t *testing.T) {
		pull := pyzmq(t, "pull", "bind", anyPort, anyPort, anyPort, "300")
		push := zmqbus(t, "push", "-c", pull.endpoint(), "-c", pull.endpoint(), "-c", pull.endpoint(), "--wait", "3")
		push.write(lines(300))
		push.end()
		pull.want(thirds)
		pull.end()
	})
	t.Run("push binds", func(t *testing.T) {
		ep := ipcEndpoint(t)
		push := zmqbus(t, "push", "-b", ep, "--wait", "3")
		pull := pyzmq(t, "pull", "connect", ep, ep, ep, "300")
		push.write(lines(300))
		push.end()
		pull.want(thirds)
		pull.end()
	})
}

func TestShellReqRep(t *testing.T) {
	t.Run("req", func(t *testing.T) {
		rep := pyzmq(t, "rep", "bind", anyPort)
		req := zmqbus(t, "req", "-c", rep.endpoint(), "-n", "1", "hello", "world")
		req.want("re hello world")
		req.end()
		rep.end()
	})
	t.Run("rep", func(t *testing.T) {
		ep := ipcEndpoint(t)
		rep := zmqbus(t, "rep", "-b", ep, "--reply", "pong", "-n", "1")
		req := pyzmq(t, "req", "connect", ep, "ping", "pang")
		rep.want("ping pang")
		req.want("pong")
		rep.end()
		req.end()
	})
	t.Run("rep echoes, req binds", func(t *testing.T) {
		req := pyzmq(t, "req", "bind", anyPort, "ping")
		rep := zmqbus(t, "rep", "-c", req.endpoint())
		req.want("ping")
		rep.want("ping")
		req.end()
		rep.signal()
	})
}

func TestShellRouterDealer(t *testing.T) {
	t.Run("dealer", func(t *testing.T) {
		router := pyzmq(t, "router", "bind", anyPort)
		dealer := zmqbus(t, "dealer", "-c", router.endpoint(), "-o", "routing_id=me", "-n", "1", "hello")
		dealer.want("to me hello")
		dealer.end()
		router.end()
	})
	t.Run("router", func(t *testing.T) {
		ep := ipcEndpoint(t)
		router := zmqbus(t, "router", "-b", ep, "--delim", " ")
		dealer := pyzmq(t, "dealer", "connect", ep, "you", "hello")
		router.want("you hello")
		router.write("you good bye\n")
		dealer.want("good bye")
		dealer.end()
		router.signal()
	})
}

func TestShellProxyForwardsSubscriptions(t *testing.T) {
	front, back := ipcEndpoint(t), ipcEndpoint(t)
	proxy := zmqbus(t, "proxy", "--frontend", "xsub,@"+front, "--backend", "xpub,@"+back)

	pub1 := newLib(t, zmq4.XPub, options{}) // an XPUB shows what reaches the publishers
	pub2 := newLib(t, zmq4.Pub, options{})
	sub1 := newLib(t, zmq4.Sub, options{})
	sub2 := newLib(t, zmq4.Sub, options{})
	pub1.connect(front)
	pub2.connect(front)
	sub1.connect(back)
	sub2.connect(back)

	sub1.subscribe("a")
	told(t, pub1, "\x01a")
	until(t, pub2, sub1, []string{"a2"}, []string{"b2"})
	drain(sub1)
	pub1.send([][]byte{[]byte("b1")})
	pub1.send([][]byte{[]byte("a1"), []byte("x")})
	if got := string(sub1.recv()[0]); got != "a1" {
		t.Fatalf("received %q, want a1", got)
	}

	sub2.subscribe("a") // known upstream already
	sub2.subscribe("b")
	told(t, pub1, "\x01b")
	until(t, pub2, sub2, []string{"a", "b"}, []string{"c"})
	sub2.unsubscribe("b")
	told(t, pub1, "\x00b")
	sub1.unsubscribe("a")
	sub2.unsubscribe("a")
	told(t, pub1, "\x00a")
	proxy.signal()
}

func TestShellProxyOfRequests(t *testing.T) {
	front, back := ipcEndpoint(t), ipcEndpoint(t)
	proxy := zmqbus(t, "proxy", "--frontend", "router,@"+front, "--backend", "dealer,@"+back)
	rep := newLib(t, zmq4.Rep, options{})
	rep.connect(back)
	req := newLib(t, zmq4.Req, options{})
	req.connect(front)
	for i, m := range messages {
		req.send(m)
		expect(t, i, rep.recv(), nil, m)
		rep.send(m)
		expect(t, i, req.recv(), nil, m)
	}
	proxy.signal()
}

func TestShellProxyOfJobs(t *testing.T) {
	front, back := ipcEndpoint(t), ipcEndpoint(t)
	proxy := zmqbus(t, "proxy", "--frontend", "pull,@"+front, "--backend", "push,@"+back)
	push := newLib(t, zmq4.Push, options{})
	push.connect(front)
	pull := newLib(t, zmq4.Pull, options{})
	pull.connect(back)
	for i, m := range messages {
		push.send(m)
		expect(t, i, pull.recv(), nil, m)
	}
	proxy.signal()
}
