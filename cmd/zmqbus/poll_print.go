package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"zmqbus/socket"
)

// readinessLine is a line in JSON. The names up to events are a contract with scripts; those after it say more.
type readinessLine struct {
	Kind   string   `json:"kind"`
	Time   string   `json:"time"`
	Source string   `json:"source"`
	FD     *int     `json:"fd,omitempty"`
	Events []string `json:"events"`

	Received int    `json:"received,omitempty"`
	Sent     int    `json:"sent,omitempty"`
	Bytes    int    `json:"bytes,omitempty"`
	Ended    string `json:"ended,omitempty"` // why; no line of this source follows
}

// end prints why a source has ended and forgets it.
func (p *poll) end(s *polled, why error) error {
	p.sources = slices.DeleteFunc(p.sources, func(other *polled) bool { return other == s })
	// Before the loop the poller does not know it yet.
	if s.sock != nil {
		s.level = 0
		_ = p.poller.Remove(s.sock)
	} else {
		_ = p.poller.RemoveFD(s.fd)
	}
	var op *socket.OpError
	if errors.As(why, &op) {
		why = op.Err // that it was asked by polling goes without saying
	}
	return p.print(s, describe(why))
}

// print prints a source's state. It returns errDone after the last line that was asked for.
func (p *poll) print(s *polled, ended string) error {
	var err error
	if p.json {
		line := readinessLine{
			Kind: "readiness", Time: stamp(time.Now()), Source: s.name, Events: wordsOf(s.level),
			Received: s.received, Sent: s.sent, Bytes: s.bytes, Ended: ended,
		}
		if s.sock == nil {
			line.FD = &s.fd
		}
		err = p.out.object(line)
	} else {
		err = p.out.text(s.text(p.width, ended))
	}
	if p.lines++; err == nil && p.lines == p.count {
		err = errDone
	}
	return err
}

// text is a line in words: time, source, readiness, what was counted.
func (s *polled) text(width int, ended string) string {
	ready := "none"
	if s.level != 0 {
		ready = strings.Join(wordsOf(s.level), "+")
	}
	line := fmt.Sprintf("%s  %-*s  %-10s", time.Now().Format("15:04:05.000000"), width, s.name, ready)
	for _, count := range []struct {
		n    int
		what string
	}{{s.received, "received"}, {s.sent, "sent"}, {s.bytes, "bytes"}} {
		if count.n > 0 {
			line += fmt.Sprintf("  %d %s", count.n, count.what)
		}
	}
	if ended != "" {
		line += "  ended: " + ended
	}
	return strings.TrimRight(line, " ")
}
