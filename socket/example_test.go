package socket_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
	"zmqbus/socket"
)

// The example of zmq_socket_monitor(3): observe a REP socket, through libzmq's own frames on an inproc PAIR.
func ExampleSocket_Monitor() {
	ctx := context.Background()
	rep, err := socket.New(ctx, zmq4.Rep, nil)
	if err != nil {
		log.Fatal(err)
	}
	// All events, on an inproc endpoint that nobody else uses.
	if err := rep.Monitor("inproc://monitor.rep", monitor.All); err != nil {
		log.Fatal(err)
	}
	pair, err := socket.New(ctx, zmq4.Pair, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pair.Close()
	if err := pair.Dial("inproc://monitor.rep"); err != nil {
		log.Fatal(err)
	}
	if err := rep.Listen("tcp://127.0.0.1:*"); err != nil {
		log.Fatal(err)
	}
	bound := rep.Endpoints()[0].Endpoint
	if err := rep.Close(); err != nil {
		log.Fatal(err)
	}
	for {
		msg, err := pair.Recv()
		if err != nil {
			log.Fatal(err)
		}
		// First frame: 16-bit event and 32-bit value in native byte order; second frame: the endpoint.
		event := monitor.Type(binary.NativeEndian.Uint16(msg.Frames[0]))
		value := binary.NativeEndian.Uint32(msg.Frames[0][2:])
		fmt.Println(event, value > 0, string(msg.Frames[1]) == bound)
		if event == monitor.MonitorStopped {
			return
		}
	}
	// Output:
	// LISTENING true true
	// CLOSED true true
	// MONITOR_STOPPED false false
}

// The same observation through a typed stream: no second socket, no frames.
func ExampleSocket_Lifecycle() {
	ctx := context.Background()
	rep, err := socket.New(ctx, zmq4.Rep, nil)
	if err != nil {
		log.Fatal(err)
	}
	events := rep.Lifecycle(monitor.All)
	if err := rep.Listen("tcp://127.0.0.1:*"); err != nil {
		log.Fatal(err)
	}
	bound := rep.Endpoints()[0].Endpoint
	if err := rep.Close(); err != nil {
		log.Fatal(err)
	}
	for e := range events.All(ctx) {
		fmt.Println(e.Type, e.Value > 0, e.Endpoint == bound)
	}
	// Output:
	// LISTENING true true
	// CLOSED true true
	// MONITOR_STOPPED false false
}

// Messages and lifecycle in one select.
func ExampleSocket_C() {
	ctx := context.Background()
	pull, err := socket.New(ctx, zmq4.Pull, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pull.Close()
	events := pull.Lifecycle(monitor.Accepted | monitor.HandshakeSucceeded | monitor.Disconnected)
	if err := pull.Listen("tcp://127.0.0.1:*"); err != nil {
		log.Fatal(err)
	}

	push, err := socket.New(ctx, zmq4.Push, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := push.Dial(pull.Endpoints()[0].Endpoint); err != nil {
		log.Fatal(err)
	}
	if err := push.Send(zmq4.NewMsgString("hello")); err != nil {
		log.Fatal(err)
	}
	if err := push.Close(); err != nil { // flushes first
		log.Fatal(err)
	}

	// No order is promised between messages and events, so this waits for both.
	var said string
	var seen []monitor.Type
	for said == "" || len(seen) < 3 {
		select {
		case msg := <-pull.C():
			said = string(msg.Bytes())
		case e := <-events.C():
			seen = append(seen, e.Type)
		}
	}
	fmt.Println(said)
	fmt.Println(seen)
	// Output:
	// hello
	// [ACCEPTED HANDSHAKE_SUCCEEDED DISCONNECTED]
}
