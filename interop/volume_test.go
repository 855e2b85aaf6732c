package interop

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/go-zeromq/zmq4"
)

// TestVolume sends far more than the high-water marks hold, in messages of mixed sizes and frame counts, so that reads
// and writes cut the stream everywhere and both sides have to hold back. All must come, in order.
func TestVolume(t *testing.T) {
	const n = 50_000
	for _, transport := range []string{"tcp", "ipc"} {
		for _, pushOurs := range []bool{true, false} {
			t.Run(transport+"/push="+pick(pushOurs, "ours", "libzmq"), func(t *testing.T) {
				push := newEnd(t, pushOurs, zmq4.Push, options{})
				pull := newEnd(t, !pushOurs, zmq4.Pull, options{})
				if o, ok := pull.(*ours); ok {
					o.channel = true
				}
				push.connect(pull.bind(endpoint(t, transport)))
				done := make(chan struct{})
				// Owned by the test, which waits for it; it ends with the last message, or with a send that failed or waited
				// too long, which the receiver then misses.
				go func() {
					defer close(done)
					r := rand.New(rand.NewPCG(1, 2))
					for i := range n {
						push.send(numbered(r, i))
					}
				}()
				defer func() { <-done }()
				r := rand.New(rand.NewPCG(1, 2))
				for i := range n {
					expect(t, i, pull.recv(), nil, numbered(r, i))
				}
			})
		}
	}
}

// numbered is message i of a sequence that the same seed makes again.
func numbered(r *rand.Rand, i int) [][]byte {
	m := [][]byte{binary.LittleEndian.AppendUint32(nil, uint32(i))}
	for range r.IntN(3) {
		b := make([]byte, r.IntN(1<<r.IntN(12)))
		if len(b) > 0 {
			b[len(b)-1] = byte(r.Uint32())
		}
		m = append(m, b)
	}
	return m
}
