package poller_test

import (
	"context"
	"fmt"
	"log"

	"github.com/go-zeromq/zmq4"

	"zmqbus/poller"
	"zmqbus/socket"
)

// One goroutine serves two sockets. What Add was given as user data says which one an event is about.
func ExamplePoller() {
	ctx := context.Background()
	open := func(typ zmq4.SocketType) *socket.Socket {
		s, err := socket.New(ctx, typ, nil)
		if err != nil {
			log.Fatal(err)
		}
		return s
	}
	p := poller.New()
	defer p.Close()
	for _, name := range []string{"orders", "prices"} {
		sink, vent := open(zmq4.Pull), open(zmq4.Push)
		defer sink.Close()
		defer vent.Close()
		if err := sink.Listen("inproc://" + name); err != nil {
			log.Fatal(err)
		}
		if err := vent.Dial("inproc://" + name); err != nil {
			log.Fatal(err)
		}
		if err := p.Add(sink, poller.In, name); err != nil {
			log.Fatal(err)
		}
		if err := vent.Send(zmq4.NewMsgString("message for " + name)); err != nil {
			log.Fatal(err)
		}
	}
	for range 2 {
		ev, err := p.Wait(ctx, -1)
		if err != nil {
			log.Fatal(err)
		}
		// It is reported again until this has been read.
		msg, err := ev.Socket.(*socket.Socket).TryRecv()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%v: %s\n", ev.UserData, msg.Bytes())
	}
	// Unordered output:
	// orders: message for orders
	// prices: message for prices
}
