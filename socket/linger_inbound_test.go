package socket

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/memnet"
)

func sleepInBubble() { time.Sleep(50 * time.Millisecond) }

// TestCloseFlushesWhileLargeMessagesCome: what a peer sends meanwhile, large or not, does not end the flush.
func TestCloseFlushesWhileLargeMessagesCome(t *testing.T) {
	for _, budget := range []int64{0, 1 << 20} {
		t.Run(fmt.Sprint(budget), func(t *testing.T) {
			inBubble(t, func(t *testing.T, net *memnet.Network) {
				net.Buffer(4 << 10)
				a := open(t, zmq4.Dealer, memConfig(net, Config{RecvBytes: budget, RecvHWM: 2, Linger: time.Minute}))
				b := open(t, zmq4.Dealer, memConfig(net, Config{RecvHWM: 1, SendHWM: 100}))
				dial(t, a, bind(t, b, "tcp://"+at))
				waitPeers(t, b, 1)
				const count = 500
				for i := range count {
					send(t, a, fmt.Sprint(i), strings.Repeat("x", 100))
				}
				for range 20 {
					send(t, b, strings.Repeat("y", 1<<20))
				}
				synctest.Wait()
				closed := meanwhile(t, a.Close)
				synctest.Wait()
				for i := range count {
					if m := recv(t, b); m[0] != fmt.Sprint(i) {
						t.Fatalf("message %d: got %.20q", i, m)
					}
				}
				if err := await(t, "the end of Close", closed); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// TestFailedCallsLeaveNothing: an endpoint that Listen or Dial refused costs nothing afterwards.
func TestFailedCallsLeaveNothing(t *testing.T) {
	holder, s := open(t, zmq4.Pull, nil), open(t, zmq4.Pull, nil)
	name := bind(t, holder, "inproc://"+t.Name())
	before := measure()
	for range 120_000 {
		wantErr(t, s.Listen(name), syscall.EADDRINUSE)
	}
	before.flat(t, 0)
	if s.Addr() != nil {
		t.Fatal("bound twice")
	}
}
