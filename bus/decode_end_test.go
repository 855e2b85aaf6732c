package bus_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"zmqbus/bus"
)

// decodeSlow decodes one payload for each token, and all once release is closed.
type decodeSlow struct {
	bus.Codec[int]
	begun   atomic.Int64
	release chan struct{}
}

func (c *decodeSlow) Decode(p []byte) (int, error) {
	c.begun.Add(1)
	<-c.release
	return c.Codec.Decode(p)
}

// A subscription that was closed decodes nothing more: the call that runs is the last, whatever waits.
func TestDecodeEndsWithClose(t *testing.T) {
	for _, policy := range []bus.Policy{bus.DropNewest, bus.DropOldest, bus.Block, bus.Latest} {
		t.Run(policy.String(), func(t *testing.T) {
			localBubble(t, nil, func(t *testing.T, b *bus.Bus) {
				codec := &decodeSlow{Codec: bus.JSON[int](), release: make(chan struct{})}
				sub := localSub(t, localTopic(t, b, "", codec), bus.WithPolicy(policy))
				text := localTopic[string](t, b, "", nil)
				localPublish(t, text, "a", "0") // is being decoded
				for _, suffix := range []string{"b", "c", "d", "e"} {
					localPublish(t, text, suffix, "0")
				}
				codec.release <- struct{}{}
				synctest.Wait() // now what waited has been taken at once, and the second is being decoded; or the first is offered
				begun := codec.begun.Load()
				closing := localCall(sub.Close)
				synctest.Wait()
				close(codec.release)
				if err := closing.wait(); err != nil {
					t.Error(err)
				}
				if n := codec.begun.Load(); n != begun {
					t.Errorf("%d calls of Decode, %d of them after Close", n, n-begun)
				}
			})
		})
	}
}
