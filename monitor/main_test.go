package monitor

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// drain reads an ended stream's channel to its end.
func drain(s *Stream) []Event {
	var events []Event
	for e := range s.C() {
		events = append(events, e)
	}
	return events
}

// buffered reads what waits in a stream that has not ended; nothing else may read it.
func buffered(s *Stream) []Event {
	var events []Event
	for range len(s.ch) {
		events = append(events, <-s.ch)
	}
	return events
}

func typesOf(events []Event) Type {
	var mask Type
	for _, e := range events {
		mask |= e.Type
	}
	return mask
}

// names returns "TYPE conn" of each event, with "*" on those of a snapshot.
func names(events []Event) []string {
	var out []string
	for _, e := range events {
		n := e.Type.String()
		if e.Conn != 0 {
			n += " " + string(rune('0'+e.Conn))
		}
		if e.Snapshot {
			n += "*"
		}
		out = append(out, n)
	}
	return out
}
