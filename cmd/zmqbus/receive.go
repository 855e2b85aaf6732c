package main

import (
	"context"
	"errors"

	"github.com/go-zeromq/zmq4"

	"zmqbus/socket"
)

// receive prints messages until --count or the end of ctx.
func (r *runner) receive(ctx context.Context) error {
	for {
		if err := r.receiveOne(ctx); err != nil {
			return err
		}
	}
}

// receiveOne prints the next message. It returns errDone when it was the last one asked for.
func (r *runner) receiveOne(ctx context.Context) error {
	msg, conn, err := r.sock.RecvFrom(ctx)
	if err != nil {
		return err
	}
	if err := r.out.message(msg, conn); err != nil {
		return err
	}
	r.received++
	if r.received == r.count {
		return errDone
	}
	return nil
}

// answer is the loop of a REP: a request in and printed, its reply out. The last reply goes out before the count ends
// the run.
func (r *runner) answer(ctx context.Context) error {
	for {
		msg, conn, err := r.sock.RecvFrom(ctx)
		if err != nil {
			return err
		}
		if err := r.out.message(msg, conn); err != nil {
			return err
		}
		if len(r.reply) > 0 {
			msg = zmq4.NewMsgFrom(bytesOf(r.reply)...)
		}
		// ErrState: whoever asked has gone meanwhile, and the next request may come.
		if err := r.sock.SendContext(ctx, msg); err != nil && !errors.Is(err, socket.ErrState) {
			return err
		}
		r.received++
		if r.received == r.count {
			return errDone
		}
	}
}
