package poller

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/socket"
)

// pollReqRep is a REQ, a REP that it is connected to, and a second REQ.
type pollReqRep struct {
	*pollStage
	ep            string
	req, rep, two *socket.Socket
}

// arrived waits until s has received n messages since it was made.
func (g *pollReqRep) arrived(s *socket.Socket, n uint64) {
	g.t.Helper()
	g.until("messages arrive", func() bool { return s.Stats().In.Received == n })
}

// pollReqRepRows are played in this order: each goes on where the one before has ended.
var pollReqRepRows = []struct {
	state         string
	do            func(g *pollReqRep)
	req, rep      string // libzmq's answers, which are ours; "" where the table has none
	inexpressible string
}{
	{state: "fresh, bound and unconnected", do: func(g *pollReqRep) {
		g.req, g.rep = g.open(zmq4.Req, socket.Config{}), g.open(zmq4.Rep, socket.Config{})
		g.ep = g.listen(g.rep)
	}, req: "0", rep: "0"},
	{state: "after connect(), before the connection exists", do: func(g *pollReqRep) {
		early := g.open(zmq4.Req, socket.Config{})
		g.dial(early, g.absent())
		g.is("after connect()", early, "OUT")
		g.meet(g.rep, g.req, g.ep)
	}, req: "OUT"},
	{state: "connected, idle", do: func(*pollReqRep) {}, req: "OUT", rep: "0"},
	{state: "request sent and waiting", do: func(g *pollReqRep) { g.send(g.req, "1") }, req: "0", rep: "IN"},
	{state: "mid-multipart send: OUT, OUT", inexpressible: "Send takes whole messages"},
	{state: "mid-multipart recv: IN, IN", inexpressible: "Recv returns whole messages"},
	{state: "recv before send: EFSM", do: func(g *pollReqRep) {
		idle := g.open(zmq4.Req, socket.Config{})
		if _, err := idle.TryRecv(); !errors.Is(err, socket.EFSM) {
			g.t.Errorf("recv on REQ before send: %v", err)
		}
		if err := g.rep.TrySend(zmq4.NewMsgString("x")); !errors.Is(err, socket.EFSM) {
			g.t.Errorf("send on REP before recv: %v", err)
		}
	}, req: "0", rep: "IN"},
	{state: "whole request read", do: func(g *pollReqRep) { g.recv(g.rep) }, req: "0", rep: "OUT"},
	{state: "whole request read, another queued", do: func(g *pollReqRep) {
		g.two = g.open(zmq4.Req, socket.Config{})
		g.dial(g.two, g.ep)
		g.send(g.two, "2")
		g.arrived(g.rep, 2)
	}, req: "0", rep: "OUT"},
	{state: "replied, another request queued", do: func(g *pollReqRep) { g.send(g.rep, "a") }, req: "IN", rep: "IN"},
	{state: "whole reply read", do: func(g *pollReqRep) { g.recv(g.req) }, req: "OUT", rep: "IN"},
	{state: "replied to all", do: func(g *pollReqRep) { g.recv(g.rep); g.send(g.rep, "b") }, req: "OUT", rep: "0"},
	{state: "relaxed, after send", do: func(g *pollReqRep) {
		relaxed := g.open(zmq4.Req, socket.Config{ReqRelaxed: true, ReqCorrelate: true})
		g.meet(g.rep, relaxed, g.ep)
		g.send(relaxed, "1")
		g.is("after send", relaxed, "OUT")
		g.arrived(g.rep, 3)
		g.recv(g.rep)
		g.send(g.rep, "c")
	}, req: "OUT", rep: "0"},
	{state: "awaiting a reply, peer died", do: func(g *pollReqRep) {
		g.send(g.req, "3")
		g.arrived(g.rep, 4)
		g.close(g.rep)
		g.until("the peer is gone", func() bool { return len(g.req.Peers()) == 0 })
		if got := pollAnswer(g.ctx(), 50*time.Millisecond, Item{Socket: g.req, Events: In | Out}); !strings.HasPrefix(got, "rc=0 [0]") {
			g.t.Errorf("woken: %s", got)
		}
	}, req: "0"},
}

// TestPollReqRep walks the state machine of REQ and REP.
func TestPollReqRep(t *testing.T) {
	for _, r := range pollReqRepRows {
		if r.inexpressible != "" {
			t.Logf("%s in libzmq. Here there is no such state: %s", r.state, r.inexpressible)
		}
	}
	onStages(t, func(stage *pollStage) {
		g := &pollReqRep{pollStage: stage}
		for _, r := range pollReqRepRows {
			if r.inexpressible != "" {
				continue
			}
			r.do(g)
			if r.req != "" {
				g.is(r.state, g.req, r.req)
			}
			if r.rep != "" {
				g.is(r.state, g.rep, r.rep)
			}
		}
	})
}
