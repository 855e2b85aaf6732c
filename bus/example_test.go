package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"zmqbus/bus"
	"zmqbus/monitor"
)

// Quote is what the examples publish.
type Quote struct{ Bid, Ask float64 }

// exampleTopic is a topic in a bus of its own.
func exampleTopic[T any](ctx context.Context, prefix string) (*bus.Bus, *bus.Topic[T]) {
	b, err := bus.New(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	topic, err := bus.NewTopic[T](b, prefix, nil)
	if err != nil {
		log.Fatal(err)
	}
	return b, topic
}

func ExampleBus() {
	ctx := context.Background()
	b, err := bus.New(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	quotes, err := bus.NewTopic[Quote](b, "md.quote.", nil)
	if err != nil {
		log.Fatal(err)
	}
	euros, err := quotes.Subscribe(ctx, bus.Prefix("EUR"))
	if err != nil {
		log.Fatal(err)
	}
	for _, symbol := range []string{"EURUSD", "USDJPY", "EURGBP"} {
		if err := quotes.Publish(ctx, symbol, Quote{1.25, 1.5}); err != nil {
			log.Fatal(err)
		}
	}
	for range 2 {
		ev := <-euros.C()
		fmt.Println(ev.Topic, ev.Value.Bid)
	}
	if err := b.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// md.quote.EURUSD 1.25
	// md.quote.EURGBP 1.25
}

// A recorder needs every event, and makes publishers wait for it; a screen needs the newest of each symbol, and delays
// nobody.
func ExampleTopic_Subscribe() {
	ctx := context.Background()
	b, prices := exampleTopic[int](ctx, "price.")
	recorder, err := prices.Subscribe(ctx, bus.WithPolicy(bus.Block), bus.Buffer(100), bus.Name("recorder"))
	if err != nil {
		log.Fatal(err)
	}
	screen, err := prices.Subscribe(ctx, bus.WithPolicy(bus.Latest), bus.Name("screen"))
	if err != nil {
		log.Fatal(err)
	}
	recorded := make(chan int)
	go func() { // ends with the channel
		n := 0
		for range recorder.C() {
			n++
		}
		recorded <- n
	}()
	for price := 1; price <= 50; price++ {
		for _, symbol := range []string{"gold", "tin"} {
			if err := prices.Publish(ctx, symbol, price); err != nil {
				log.Fatal(err)
			}
		}
	}
	shown, replaced := map[string]int{}, uint64(0)
	for shown["price.gold"] < 50 || shown["price.tin"] < 50 {
		ev := <-screen.C()
		shown[ev.Topic] = ev.Value
		replaced += 1 + ev.Lost // an event, and those that it took the place of
	}
	fmt.Println(screen, shown, "of", replaced)
	if err := b.Close(ctx); err != nil { // waits until the recorder has all
		log.Fatal(err)
	}
	fmt.Println(recorder, <-recorded)
	// Output:
	// screen map[price.gold:50 price.tin:50] of 100
	// recorder 100
}

// A publisher does not wait for ever: when its context ends, it learns who did not get the event.
func ExampleTopic_Publish() {
	b, orders := exampleTopic[string](context.Background(), "order.")
	for _, name := range []string{"bookkeeping", "archive"} {
		// Nobody reads them: one event fits into the channel, one into the buffer.
		if _, err := orders.Subscribe(context.Background(), bus.WithPolicy(bus.Block), bus.Buffer(1), bus.Name(name)); err != nil {
			log.Fatal(err)
		}
	}
	for i := range 3 {
		ctx, cancel := context.WithTimeoutCause(context.Background(), 50*time.Millisecond, errors.New("too slow"))
		if i < 2 {
			ctx = context.Background()
		}
		err := orders.Publish(ctx, "new", fmt.Sprint(i))
		var partial *bus.PartialError
		if errors.As(err, &partial) {
			fmt.Println(partial.Missed)
		}
		fmt.Println(err)
		cancel()
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = b.Close(ctx) // at once, since there is nobody to deliver to
	// Output:
	// <nil>
	// <nil>
	// [bookkeeping archive]
	// bus: publish "order.new": not given to "bookkeeping", "archive": too slow
}

// Close delivers first. How long it may wait for the readers is its context's affair.
func ExampleBus_Close() {
	b, jobs := exampleTopic[int](context.Background(), "job.")
	worker, err := jobs.Subscribe(context.Background(), bus.WithPolicy(bus.Block))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := jobs.Subscribe(context.Background(), bus.WithPolicy(bus.DropOldest), bus.Name("idle")); err != nil {
		log.Fatal(err)
	}
	total := make(chan int)
	go func() { // ends with the channel
		sum := 0
		for ev := range worker.C() {
			sum += ev.Value
		}
		total <- sum
	}()
	for i := range 10 {
		if err := jobs.Publish(context.Background(), "sum", i); err != nil {
			log.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), 100*time.Millisecond, errors.New("that was long enough"))
	defer cancel()
	err = b.Close(ctx)
	fmt.Println("the worker's sum:", <-total)
	fmt.Println(err)
	// Output:
	// the worker's sum: 45
	// bus: not delivered: 10 events in "idle": that was long enough
}

// One select sees values, what happens to connections and subscriptions, time, and the end.
func ExampleBus_Lifecycle() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b, temperatures := exampleTopic[int](ctx, "temp.")
	oven, err := temperatures.Subscribe(ctx, bus.Prefix("oven"))
	if err != nil {
		log.Fatal(err)
	}
	// Nobody reads this one.
	if _, err := temperatures.Subscribe(ctx, bus.Prefix("ice"), bus.WithPolicy(bus.DropOldest), bus.Buffer(1), bus.Name("ice box")); err != nil {
		log.Fatal(err)
	}
	publish := func(place string, degrees int) {
		if err := temperatures.Publish(ctx, place, degrees); err != nil {
			log.Fatal(err)
		}
	}
	lifecycle := b.Lifecycle(monitor.Connected | monitor.Disconnected | monitor.Dropped)
	timer := time.NewTimer(time.Hour)
	publish("oven", 220)
	for running := true; running; {
		select {
		case ev, open := <-oven.C():
			if open {
				fmt.Println(ev.Topic, ev.Value)
				publish("ice", -20)
				publish("ice", -21)
			} else {
				running = false
			}
		case e, open := <-lifecycle.C():
			if open {
				fmt.Println(e.Type, e.Count, "by", e.Endpoint)
				timer.Reset(time.Millisecond)
			}
		case <-timer.C:
			fmt.Println("time is over")
			cancel()
		case <-ctx.Done():
			running = false
		}
	}
	<-b.Done()
	fmt.Println("canceled:", errors.Is(oven.Err(), context.Canceled))
	// Output:
	// temp.oven 220
	// DROPPED 1 by ice box
	// time is over
	// canceled: true
}
