package bus

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"zmqbus/socket"
)

// missedCodec calls during in Encode, after Publish has seen that somebody wants the event.
type missedCodec struct {
	Codec[string]
	during func()
}

func (c missedCodec) Encode(v string) ([]byte, error) {
	c.during()
	return c.Codec.Encode(v)
}

// TestPublishNamesExportsThatMissedIt: exports whose socket ended with the bus while Publish was at work; not one that
// was closed by itself, whether it was still on the publisher's list or not.
func TestPublishNamesExportsThatMissedIt(t *testing.T) {
	for _, c := range []struct {
		name   string
		during func(b *Bus, l *Link) error
		ended  bool
	}{
		{"the bus is closed", func(b *Bus, _ *Link) error { return b.Close(context.Background()) }, true},
		{"the link is closed", func(_ *Bus, l *Link) error { return l.Close(context.Background()) }, false},
		{"its socket is closed", func(_ *Bus, l *Link) error { return l.sock.Close() }, false},
		{"nothing ends", func(*Bus, *Link) error { return nil }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inproc := socket.NewInproc()
				b, err := New(t.Context(), &Config{Link: &socket.Config{Inproc: inproc}})
				if err != nil {
					t.Fatal(err)
				}
				defer b.Close(context.Background())
				l, err := b.Export("inproc://a")
				if err != nil {
					t.Fatal(err)
				}
				linkLostPeer(t, inproc, "topic")
				if err := b.WaitSubscribers(t.Context(), "topic", 1); err != nil {
					t.Fatal(err)
				}
				topic, err := NewTopic(b, "", missedCodec{String(), func() {
					if err := c.during(b, l); err != nil {
						t.Error(err)
					}
				}})
				if err != nil {
					t.Fatal(err)
				}
				err = topic.Publish(t.Context(), "topic", "1")
				var partial *PartialError
				switch named := errors.As(err, &partial); {
				case !c.ended && err != nil, named != c.ended:
					t.Fatalf("Publish returned %v", err)
				case named && (!slices.Equal(partial.Missed, []string{l.String()}) || !errors.Is(err, ErrClosed)):
					t.Fatalf("Publish returned %v, want ErrClosed for %v", err, l)
				}
			})
		})
	}
}
