package reactor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/socket"
)

// BenchmarkReactorQuiet measures how long a message of a quiet socket takes from Send to its delivery, over tcp and
// beside sockets that flood: half of all messages take at most p50-us, all at most worst-us. floods/op is how many
// messages of the others were delivered meanwhile. All senders are in this process: with eight that flood most of the
// wait is for a processor, on the way to the reactor.
func BenchmarkReactorQuiet(b *testing.B) {
	for _, floods := range []int{0, 1, 8} {
		b.Run(fmt.Sprintf("floods=%d", floods), func(b *testing.B) { benchQuiet(b, floods, false) })
		b.Run(fmt.Sprintf("floods=%d/handler", floods), func(b *testing.B) { benchQuiet(b, floods, true) })
	}
}

// benchQuietLoad sends one quiet message after the other, the next when the last one has come.
type benchQuietLoad struct {
	b     *testing.B
	push  *socket.Socket
	quiet ID
	sent  time.Time
	waits []time.Duration
	flood int
}

func (l *benchQuietLoad) send() error {
	l.sent = time.Now()
	return l.push.Send(zmq4.NewMsg(binary.LittleEndian.AppendUint64(nil, uint64(len(l.waits)))))
}

func (l *benchQuietLoad) receive(e Event) error {
	if e.From() != l.quiet {
		l.flood++
		return nil
	}
	l.waits = append(l.waits, time.Since(l.sent))
	if n := binary.LittleEndian.Uint64(e.(Message).Msg.Frames[0]); n != uint64(len(l.waits)-1) {
		return fmt.Errorf("message %d carries %d", len(l.waits)-1, n)
	}
	if len(l.waits) == l.b.N {
		return errBenchDone
	}
	return l.send()
}

func benchQuiet(b *testing.B, floods int, direct bool) {
	pushes, pulls := benchPairs(b, floods+1)
	r, err := New(context.Background(), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	l := &benchQuietLoad{b: b, push: pushes[0], waits: make([]time.Duration, 0, b.N)}
	for i, pull := range pulls {
		id, err := ID(0), error(nil)
		if direct {
			id, err = r.Handle(Messages(pull), l.receive)
		} else {
			id, err = r.Add(Messages(pull))
		}
		if err != nil {
			b.Fatal(err)
		}
		if i == 0 {
			l.quiet = id
			continue
		}
		go func() { // owned by the benchmark: ends when its socket is closed
			m := zmq4.NewMsg(make([]byte, benchSize))
			for pushes[i].Send(m) == nil {
			}
		}()
	}
	b.ResetTimer()
	if err := l.send(); err != nil {
		b.Fatal(err)
	}
	if direct {
		err = r.Wait()
	} else {
		err = r.Run(l.receive)
	}
	b.StopTimer()
	if !errors.Is(err, errBenchDone) {
		b.Fatal(err)
	}
	slices.Sort(l.waits)
	b.ReportMetric(0, "ns/op") // a message at a time: it would say the same as the waits
	b.ReportMetric(float64(l.waits[b.N/2].Nanoseconds())/1e3, "p50-us")
	b.ReportMetric(float64(l.waits[b.N-1].Nanoseconds())/1e3, "worst-us")
	b.ReportMetric(float64(l.flood)/float64(b.N), "floods/op")
}
