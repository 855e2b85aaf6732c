//go:build unix

package poller

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkPollAsleepFD is BenchmarkPollAsleep with a descriptor beside the sources, which makes Poll sleep in poll(2).
func BenchmarkPollAsleepFD(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("sources=%d", n), func(b *testing.B) {
			var p [2]int
			if err := unix.Pipe(p[:]); err != nil {
				b.Fatal(err)
			}
			defer unix.Close(p[0])
			defer unix.Close(p[1])
			pollBenchAsleep(b, n, Item{FD: p[0], Events: In})
		})
	}
}

// BenchmarkWakeFD is what opening and closing the descriptor of such a sleep costs.
func BenchmarkWakeFD(b *testing.B) {
	for b.Loop() {
		w, err := newWakeFD()
		if err != nil {
			b.Fatal(err)
		}
		w.close()
	}
}
