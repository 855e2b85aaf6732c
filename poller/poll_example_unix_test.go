//go:build unix

package poller_test

import (
	"context"
	"fmt"
	"log"
	"net"

	"github.com/go-zeromq/zmq4"

	"zmqbus/poller"
	"zmqbus/socket"
)

// Polling for ever for input on a ZeroMQ socket and on a standard one, as in zmq_poll(3).
func ExamplePoll() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	pull, push := pair(ctx)
	defer pull.Close()
	defer push.Close()
	udp, fd := datagrams()
	defer udp.Close()

	items := []poller.Item{
		{Socket: pull, Events: poller.In},
		{FD: fd, Events: poller.In},
	}
	_ = push.Send(zmq4.NewMsgString("a message"))
	for { // until the datagram that answers the message has cancelled ctx
		if _, err := poller.Poll(ctx, items, -1); err != nil {
			fmt.Println("end:", err)
			return
		}
		if items[0].Revents&poller.In != 0 {
			m, _ := pull.Recv()
			fmt.Printf("ZeroMQ socket: %s\n", m.Frames[0])
			_, _ = udp.WriteTo([]byte("a datagram"), udp.LocalAddr())
		}
		if items[1].Revents&poller.In != 0 {
			buf := make([]byte, 1500)
			n, _, _ := udp.ReadFrom(buf)
			fmt.Printf("standard socket: %s\n", buf[:n])
			cancel()
		}
	}

	// Output:
	// ZeroMQ socket: a message
	// standard socket: a datagram
	// end: context canceled
}

// pair returns two sockets that are connected.
func pair(ctx context.Context) (pull, push *socket.Socket) {
	pull, err := socket.New(ctx, zmq4.Pull, nil)
	if err != nil {
		log.Fatal(err)
	}
	push, err = socket.New(ctx, zmq4.Push, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := pull.Listen("tcp://127.0.0.1:*"); err != nil {
		log.Fatal(err)
	}
	if err := push.Dial(pull.Endpoints()[0].Endpoint); err != nil {
		log.Fatal(err)
	}
	return pull, push
}

// datagrams returns a socket of the operating system, and its descriptor, which stays the socket's.
func datagrams() (net.PacketConn, int) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		log.Fatal(err)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		log.Fatal(err)
	}
	var number int
	if err := raw.Control(func(fd uintptr) { number = int(fd) }); err != nil {
		log.Fatal(err)
	}
	return conn, number
}
