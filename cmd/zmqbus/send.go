package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/go-zeromq/zmq4"
)

// send sends the input. It returns errDone when there is nothing more to do for this socket.
func (r *runner) send(ctx context.Context) error {
	if err := r.waitPeers(ctx); err != nil {
		return err
	}
	for frames, err := range r.input(ctx) {
		if err != nil {
			return err
		}
		r.pending = true
		msg := zmq4.NewMsgFrom(frames...)
		err := r.sock.SendContext(ctx, msg)
		if err != nil && r.sent == 0 && context.Cause(ctx) == errDone {
			err = r.sock.TrySend(msg) // --count was reached before the message had its turn: who receives it still wants it
		}
		if err != nil {
			return err
		}
		r.pending = false
		r.sent++
		if !r.kind.receives && r.sent == r.count {
			return errDone
		}
	}
	if r.kind.receives {
		return nil
	}
	return errDone
}

// ask is the loop of a REQ: a request out, its reply printed, the next one. The end of input ends it, for without a
// request there will be no reply.
func (r *runner) ask(ctx context.Context) error {
	if err := r.waitPeers(ctx); err != nil {
		return err
	}
	for frames, err := range r.input(ctx) {
		if err != nil {
			return err
		}
		r.pending = true
		if err := r.sock.SendContext(ctx, zmq4.NewMsgFrom(frames...)); err != nil {
			return err
		}
		r.sent++
		if err := r.receiveOne(ctx); err != nil {
			return err
		}
		r.pending = false
	}
	return errDone
}

// waitPeers blocks until --wait peers are there.
func (r *runner) waitPeers(ctx context.Context) error {
	if r.wait == 0 {
		return nil
	}
	r.waiting = true
	if err := r.sock.WaitPeers(ctx, r.wait); err != nil {
		return err
	}
	r.waiting = false
	return nil
}

// input yields the messages to send, paced by --interval, until they end or ctx does. The first one comes in any case.
func (r *runner) input(ctx context.Context) iter.Seq2[[][]byte, error] {
	source := r.lines(ctx)
	if len(r.frames) > 0 {
		source = r.arguments
	}
	return func(yield func([][]byte, error) bool) {
		first := true
		for frames, err := range source {
			if !first && r.interval > 0 && err == nil {
				pause(ctx, r.interval)
			}
			if !first && ctx.Err() != nil || !yield(frames, err) {
				return
			}
			first = false
		}
	}
}

// arguments yields the message of the command line --repeat times. The frames are copied each time, since a message
// belongs to the socket once it was sent.
func (r *runner) arguments(yield func([][]byte, error) bool) {
	for i := 0; r.repeat == 0 || i < r.repeat; i++ {
		if !yield(bytesOf(r.frames), nil) {
			return
		}
	}
}

// lines yields each line of standard input as a message.
func (r *runner) lines(ctx context.Context) iter.Seq2[[][]byte, error] {
	return func(yield func([][]byte, error) bool) {
		type result struct {
			line []byte
			err  error
		}
		results := make(chan result)
		// Owned by the process: a read of standard input cannot be interrupted. It ends with the input, when ctx
		// ends between two lines, or with the process.
		go func() {
			defer close(results)
			in := bufio.NewReaderSize(r.stdin, 64<<10)
			for {
				line, err := in.ReadBytes('\n')
				if len(line) > 0 {
					select {
					case results <- result{line: line}:
					case <-ctx.Done():
						return
					}
				}
				if err != nil {
					if !errors.Is(err, io.EOF) {
						select {
						case results <- result{err: fmt.Errorf("standard input: %w", err)}:
						case <-ctx.Done():
						}
					}
					return
				}
			}
		}()
		for {
			select {
			case res, ok := <-results:
				if !ok || !yield(splitFrames(trimLine(res.line), r.delim), res.err) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// pause waits for d or for the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func bytesOf(frames []string) [][]byte {
	b := make([][]byte, len(frames))
	for i, f := range frames {
		b[i] = []byte(f)
	}
	return b
}
