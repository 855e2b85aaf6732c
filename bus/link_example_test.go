package bus_test

import (
	"context"
	"fmt"
	"log"

	"zmqbus/bus"
	"zmqbus/monitor"
)

// Two buses, which could be two processes: one exports what it publishes, the other imports it.
func ExampleBus_Import() {
	type Quote struct{ Bid, Ask float64 }
	ctx := context.Background()
	feed, err := bus.New(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	desk, err := bus.New(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	out, err := feed.Export("@tcp://127.0.0.1:*")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := desk.Import(">" + out.Endpoint()); err != nil {
		log.Fatal(err)
	}

	received, err := bus.NewTopic[Quote](desk, "md.quote.", nil)
	if err != nil {
		log.Fatal(err)
	}
	sub, err := received.Subscribe(ctx, bus.Prefix("EUR"))
	if err != nil {
		log.Fatal(err)
	}

	sent, err := bus.NewTopic[Quote](feed, "md.quote.", nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := feed.WaitSubscribers(ctx, "md.quote.EURUSD", 1); err != nil { // or the first quote may be lost
		log.Fatal(err)
	}
	if err := sent.Publish(ctx, "EURUSD", Quote{1.0841, 1.0843}); err != nil {
		log.Fatal(err)
	}
	ev := <-sub.C()
	fmt.Println(ev.Topic, ev.Value, ev.Source.Local())
	if err := feed.Close(ctx); err != nil {
		log.Fatal(err)
	}
	if err := desk.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: md.quote.EURUSD {1.0841 1.0843} false
}

// Lifecycle tells which peers come, what they subscribe to, and when they go.
func ExampleBus_Lifecycle_remote() {
	ctx := context.Background()
	feed, err := bus.New(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	events := feed.Lifecycle(monitor.HandshakeSucceeded | monitor.Subscribed | monitor.Disconnected)
	out, err := feed.Export("@tcp://127.0.0.1:*")
	if err != nil {
		log.Fatal(err)
	}

	desk, err := bus.New(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	names, err := bus.NewTopic[string](desk, "news.", nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := names.Subscribe(ctx); err != nil {
		log.Fatal(err)
	}
	if _, err := desk.Import(">" + out.Endpoint()); err != nil {
		log.Fatal(err)
	}
	for range 2 {
		ev := <-events.C()
		fmt.Printf("%v %v %q\n", ev.Type, ev.Peer.Type, ev.Topic)
	}
	if err := desk.Close(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println((<-events.C()).Type)
	if err := feed.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// HANDSHAKE_SUCCEEDED SUB ""
	// SUBSCRIBED SUB "news."
	// DISCONNECTED
}
