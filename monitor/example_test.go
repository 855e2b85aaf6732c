package monitor_test

import (
	"context"
	"encoding/binary"
	"fmt"

	"zmqbus/monitor"
)

// The two frames of a monitor message, read by hand as zmq_socket_monitor(3) describes them, and by Decode.
func ExampleDecode() {
	frames := monitor.Encode(monitor.Event{Type: monitor.ConnectRetried, Value: 100, Endpoint: "tcp://127.0.0.1:5555"})

	event := binary.NativeEndian.Uint16(frames[0])
	value := binary.NativeEndian.Uint32(frames[0][2:])
	fmt.Printf("%#x %d %s\n", event, value, frames[1])

	e, err := monitor.Decode(frames)
	fmt.Println(e, err)
	// Output:
	// 0x4 100 tcp://127.0.0.1:5555
	// CONNECT_RETRIED 100ms tcp://127.0.0.1:5555 <nil>
}

// A stream that is read too late says how much it lost, and where.
func ExampleStream_All() {
	var hub monitor.Hub
	stream := hub.Subscribe(monitor.All, monitor.Buffer(2))
	for fd := range int64(5) {
		hub.Record(monitor.Event{Type: monitor.Accepted, Value: fd})
	}
	hub.Stop()

	for e := range stream.All(context.Background()) {
		fmt.Println(e)
	}
	fmt.Println("lost", stream.Lost())
	// Output:
	// ACCEPTED fd 3 lost 3 before
	// ACCEPTED fd 4
	// MONITOR_STOPPED
	// lost 3
}
