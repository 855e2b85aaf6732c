package bus_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"math"

	"zmqbus/bus"
)

// Float64 is a codec of one's own: eight bytes, big-endian, as a C program may send them.
type Float64 struct{}

// Encode implements bus.Codec.
func (Float64) Encode(v float64) ([]byte, error) {
	return binary.BigEndian.AppendUint64(nil, math.Float64bits(v)), nil
}

// Decode implements bus.Codec.
func (Float64) Decode(p []byte) (float64, error) {
	if len(p) != 8 {
		return 0, fmt.Errorf("%d bytes are no float64", len(p))
	}
	return math.Float64frombits(binary.BigEndian.Uint64(p)), nil
}

// Whoever publishes what the codec does not take, in this bus or at a peer, ends nothing: the hook is told.
func ExampleCodec() {
	ctx := context.Background()
	b, err := bus.New(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	temperatures, err := bus.NewTopic(b, "temp.", Float64{})
	if err != nil {
		log.Fatal(err)
	}
	payloads, err := bus.NewTopic[[]byte](b, "temp.", nil)
	if err != nil {
		log.Fatal(err)
	}
	refused := make(chan *bus.DecodeError, 1)
	sub, err := temperatures.Subscribe(ctx, bus.Name("oven"), bus.OnDecodeError(func(e *bus.DecodeError) { refused <- e }))
	if err != nil {
		log.Fatal(err)
	}
	if err := temperatures.Publish(ctx, "oven", 220.5); err != nil { // as it is: not encoded
		log.Fatal(err)
	}
	for _, payload := range []string{"hot", "@k\x90\x00\x00\x00\x00\x00"} {
		if err := payloads.Publish(ctx, "oven", []byte(payload)); err != nil {
			log.Fatal(err)
		}
	}
	for range 2 {
		ev := <-sub.C()
		fmt.Println(ev.Topic, ev.Value)
	}
	fmt.Println(<-refused)
	if err := b.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// temp.oven 220.5
	// temp.oven 220.5
	// bus: decode "temp.oven" (3 bytes) for "oven", from local: 3 bytes are no float64
}
