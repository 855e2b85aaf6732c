package socket

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/internal/readiness"
)

func TestClaimIsRefused(t *testing.T) {
	closed := open(t, zmq4.Pull, nil)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	withC := open(t, zmq4.Pull, nil)
	withC.C()
	claimed := open(t, zmq4.Pull, nil)
	if _, err := claimed.Claim(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		s    *Socket
		want error
	}{
		{"closed", closed, ErrClosed},
		{"C is in use", withC, ErrClaimed},
		{"claimed", claimed, ErrClaimed},
		{"PUSH", open(t, zmq4.Push, nil), ErrNotSupported},
		{"PUB", open(t, zmq4.Pub, nil), ErrNotSupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.s.Claim()
			wantErr(t, err, c.want)
		})
	}
}

func TestClaimExcludesOthers(t *testing.T) {
	in, out := pair(t, "inproc://"+t.Name(), zmq4.Pull, zmq4.Push, nil, nil)
	waiting := meanwhile(t, func() error { _, err := in.Recv(); return err })
	until(t, "Recv waits", func() bool {
		in.mu.Lock()
		defer in.mu.Unlock()
		return len(in.recvWait.waiting) > 0
	})
	r, err := in.Claim()
	if err != nil {
		t.Fatal(err)
	}
	wantErr(t, await(t, "Recv that waited", waiting), ErrClaimed)
	send(t, out, "a")
	_, err = in.Recv()
	wantErr(t, err, ErrClaimed)
	_, err = in.TryRecv()
	wantErr(t, err, ErrClaimed)
	_, _, err = in.RecvFrom(context.Background())
	wantErr(t, err, ErrClaimed)
	if in.C() != nil {
		t.Error("C is not nil")
	}
	until(t, "the message is queued", func() bool {
		in.mu.Lock()
		defer in.mu.Unlock()
		return in.pat.readable()
	})
	if ev, err := in.Readiness(); ev != 0 || err != nil {
		t.Errorf("claimed: ready for %v, %v, and Recv would fail", ev, err)
	}
	r.Release()
	r.Release()
	_, err = r.Take(make([]Received, 1), nil)
	wantErr(t, err, ErrReleased)
	if ev, err := in.Readiness(); ev != readiness.In || err != nil {
		t.Errorf("released: ready for %v, %v", ev, err)
	}
	want(t, recv(t, in), "a")
	if in.C() == nil {
		t.Error("C is nil after Release")
	}
}

// poked returns a waiter and the channel that it pokes.
func poked() (<-chan struct{}, *readiness.Waiter) {
	line := readiness.NewLine[int]()
	return line.C(), readiness.NewWaiter(line.Poke)
}

// TestTake reads batches by a waiter only: each message is seen once, in order, with the connection it came on.
func TestTake(t *testing.T) {
	in, out := pair(t, "tcp://127.0.0.1:0", zmq4.Pull, zmq4.Push, nil, nil)
	r, err := in.Claim()
	if err != nil {
		t.Fatal(err)
	}
	wake, w := poked()
	const total = 10_000
	sent := meanwhile(t, func() error {
		for i := range total {
			if err := out.Send(zmq4.NewMsgString(fmt.Sprint(i))); err != nil {
				return err
			}
		}
		return nil
	})
	wakes := 0
	conn := in.Peers()[0].Conn
	buf := make([]Received, 7)
	for got := 0; got < total; {
		n, err := r.Take(buf, w)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range buf[:n] {
			if string(m.Msg.Frames[0]) != fmt.Sprint(got) || m.Conn != conn {
				t.Fatalf("message %d: got %q on connection %d, want %d", got, m.Msg.Frames, m.Conn, conn)
			}
			got++
		}
		if n < len(buf) && got < total {
			await(t, "a wake-up", wake)
			wakes++
		}
	}
	if err := await(t, "the sender", sent); err != nil {
		t.Fatal(err)
	}
	if wakes > total/2 {
		t.Errorf("%d wake-ups for %d messages", wakes, total)
	}
	select { // the last Take may have been full
	case <-wake:
	default:
	}
	if n, err := r.Take(buf, w); n != 0 || err != nil {
		t.Fatalf("took %d, %v", n, err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "the end", wake)
	_, err = r.Take(buf, w)
	wantErr(t, err, ErrClosed)
}

// TestTakeInLockstep takes one request at a time however long the batch is.
func TestTakeInLockstep(t *testing.T) {
	rep, a := pair(t, "inproc://"+t.Name(), zmq4.Rep, zmq4.Req, nil, nil)
	b := open(t, zmq4.Req, nil)
	dial(t, b, rep.Endpoints()[0].Endpoint)
	r, err := rep.Claim()
	if err != nil {
		t.Fatal(err)
	}
	wake, w := poked()
	buf := make([]Received, 8)
	send(t, a, "q")
	send(t, b, "q")
	for range 2 {
		n := 0
		for n == 0 {
			if n, err = r.Take(buf, w); err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				await(t, "a wake-up", wake)
			}
		}
		if n != 1 {
			t.Fatalf("took %d requests", n)
		}
		if _, err := rep.TryRecv(); !errors.Is(err, ErrClaimed) {
			t.Fatal(err)
		}
		send(t, rep, "a")
	}
	want(t, recv(t, a), "a")
	want(t, recv(t, b), "a")
}
