package reactor_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/go-zeromq/zmq4"
	"golang.org/x/sync/errgroup"

	"zmqbus/reactor"
	"zmqbus/socket"
)

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// pipeline returns two sockets, one connected to the other.
func pipeline(ctx context.Context, ep string) (push, pull *socket.Socket) {
	push, pull = must(socket.New(ctx, zmq4.Push, nil)), must(socket.New(ctx, zmq4.Pull, nil))
	if err := errors.Join(pull.Listen(ep), push.Dial(ep)); err != nil {
		log.Fatal(err)
	}
	return push, pull
}

// One loop over a socket, a timer and a Go channel.
func Example() {
	ctx := context.Background()
	push, pull := pipeline(ctx, "inproc://example")
	defer push.Close()
	defer pull.Close()
	orders := make(chan int)

	r := must(reactor.New(ctx, nil))
	defer r.Close()
	must(r.Add(reactor.Messages(pull)))
	must(r.Add(reactor.After(time.Millisecond)))
	must(r.Add(reactor.Chan(orders)))

	for e := range r.Events() {
		switch e := e.(type) {
		case reactor.Tick: // the first: nothing else has been sent
			fmt.Println("tick")
			if err := push.Send(zmq4.NewMsgString("hello")); err != nil {
				log.Fatal(err)
			}
		case reactor.Message:
			fmt.Printf("message %s\n", e.Msg.Frames[0])
			orders <- 7
			close(orders)
		case reactor.Value:
			fmt.Println("order", e.Value)
		case reactor.Closed:
			fmt.Println("source", e.Source, "has ended")
			r.Stop()
		}
	}
	// Output:
	// tick
	// message hello
	// order 7
	// source 3 has ended
}

// Functions in place of a loop. They all run on the reactor's goroutine, so what they share needs no lock.
func ExampleReactor_Handle() {
	ctx := context.Background()
	push, pull := pipeline(ctx, "inproc://example-handle")
	defer push.Close()
	defer pull.Close()

	r := must(reactor.New(ctx, nil))
	received := 0
	must(r.Handle(reactor.Messages(pull), func(e reactor.Event) error {
		m, ok := e.(reactor.Message)
		if !ok {
			return nil // Closed
		}
		received++
		fmt.Printf("message %s\n", m.Msg.Frames[0])
		if received < 2 {
			return nil
		}
		_, err := r.Remove(e.From()) // enough of this source
		return errors.Join(err, r.Post(func() {
			fmt.Println(received, "received")
			r.Stop()
		}))
	}))
	for _, s := range []string{"a", "b", "c"} {
		if err := push.Send(zmq4.NewMsgString(s)); err != nil {
			log.Fatal(err)
		}
	}
	if err := r.Wait(); err != nil {
		log.Fatal(err)
	}
	msg := must(pull.Recv()) // the socket is the program's again
	fmt.Printf("left: %s\n", msg.Frames[0])
	// Output:
	// message a
	// message b
	// 2 received
	// left: c
}

// In an errgroup whoever fails first ends the others, and the group returns that error.
func ExampleReactor_Run() {
	group, ctx := errgroup.WithContext(context.Background())
	r := must(reactor.New(ctx, nil))
	must(r.Add(reactor.Every(time.Millisecond)))
	group.Go(func() error {
		ticks := 0
		return r.Run(func(reactor.Event) error {
			if ticks++; ticks == 3 {
				return errors.New("three ticks are enough")
			}
			return nil
		})
	})
	group.Go(func() error { // works until the group ends
		<-ctx.Done()
		return nil
	})
	fmt.Println(group.Wait())
	// Output: three ticks are enough
}
