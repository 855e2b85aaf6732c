package socket_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/socket"
)

// A program that has a socket of zmq4 selects over its messages.
func ExampleAdapter() {
	pull := zmq4.NewPull(context.Background())
	if err := pull.Listen("tcp://127.0.0.1:0"); err != nil {
		log.Fatal(err)
	}
	in, err := socket.NewAdapter(pull, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer in.Close() // closes pull, too

	push, err := socket.New(context.Background(), zmq4.Push, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer push.Close()
	if err := push.Dial("tcp://" + pull.Addr().String()); err != nil {
		log.Fatal(err)
	}
	if err := push.Send(zmq4.NewMsgString("hello")); err != nil {
		log.Fatal(err)
	}

	select {
	case msg, ok := <-in.C():
		fmt.Println(string(msg.Bytes()), ok)
	case <-time.After(10 * time.Second):
		fmt.Println("nothing came")
	}
	// Output:
	// hello true
}
