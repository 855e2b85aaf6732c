package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmqbus/monitor"
)

// printer writes messages and events as text or as JSON lines. Each line is one write, so that whoever reads a pipe
// sees it at once. Its methods may be called from several goroutines.
type printer struct {
	json   bool
	delim  string    // between frames, text only
	events io.Writer // text of events; in JSON they go to out
	diag   io.Writer // notes

	mu  sync.Mutex // guards all below and keeps lines whole
	out io.Writer
	buf bytes.Buffer
	err error // the first write that failed
}

// messageLine is a message in JSON. The names are a contract with scripts.
type messageLine struct {
	Kind         string         `json:"kind"`
	Time         string         `json:"time"`
	Frames       []string       `json:"frames,omitempty"`
	FramesBase64 [][]byte       `json:"frames_base64,omitempty"`
	Conn         monitor.ConnID `json:"conn"`
}

// eventLine is an event in JSON. The names up to lost are a contract with scripts; those after it say more.
type eventLine struct {
	Kind     string         `json:"kind"`
	Time     string         `json:"time"`
	Event    string         `json:"event"`
	ID       uint64         `json:"id"`
	Value    int64          `json:"value"`
	Endpoint string         `json:"endpoint"`
	Local    string         `json:"local"`
	Remote   string         `json:"remote"`
	Conn     monitor.ConnID `json:"conn"`
	Peer     peerLine       `json:"peer"`
	Error    string         `json:"error"`
	Lost     uint64         `json:"lost"`

	Socket      string  `json:"socket,omitempty"` // which socket of a proxy
	Detail      string  `json:"detail,omitempty"`
	Retry       bool    `json:"retry,omitempty"`
	Snapshot    bool    `json:"snapshot,omitempty"`
	Topic       *string `json:"topic,omitempty"`
	TopicBase64 []byte  `json:"topic_base64,omitempty"`
	Count       uint64  `json:"count,omitempty"`
	Reason      string  `json:"reason,omitempty"`
}

type peerLine struct {
	Type           string `json:"type"`
	Identity       string `json:"identity"`
	IdentityBase64 []byte `json:"identity_base64,omitempty"` // when it is not valid UTF-8
	Mechanism      string `json:"mechanism"`
}

// message prints a received message.
func (p *printer) message(m zmq4.Msg, conn monitor.ConnID) error {
	if !p.json {
		return p.write(p.out, func() error {
			for i, frame := range m.Frames {
				if i > 0 {
					p.buf.WriteString(p.delim)
				}
				p.buf.Write(appendPrintable(p.buf.AvailableBuffer(), frame))
			}
			p.buf.WriteByte('\n')
			return nil
		})
	}
	line := messageLine{Kind: "message", Time: stamp(time.Now()), Conn: conn}
	if allUTF8(m.Frames) {
		for _, frame := range m.Frames {
			line.Frames = append(line.Frames, string(frame))
		}
	} else {
		line.FramesBase64 = m.Frames
	}
	return p.object(line)
}

// event prints a lifecycle event; label names the socket when there are several.
func (p *printer) event(e monitor.Event, label string) error {
	if p.json {
		return p.object(newEventLine(e, label))
	}
	return p.write(p.events, func() error {
		p.buf.WriteString(eventText(e, label))
		p.buf.WriteByte('\n')
		return nil
	})
}

// follow prints the events of a stream until the stream ends, which it does when its socket has closed.
func (p *printer) follow(stream *monitor.Stream, label string) {
	for e := range stream.All(context.Background()) {
		if p.event(e, label) != nil {
			return
		}
	}
}

// note prints a line for the human on standard error.
func (p *printer) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.diag != nil {
		fmt.Fprintf(p.diag, "zmqbus: "+format+"\n", args...)
	}
}

// text prints one line of text.
func (p *printer) text(line string) error {
	return p.write(p.out, func() error {
		p.buf.WriteString(line)
		p.buf.WriteByte('\n')
		return nil
	})
}

// object prints v as one JSON line.
func (p *printer) object(v any) error {
	return p.write(p.out, func() error {
		enc := json.NewEncoder(&p.buf)
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	})
}

// write lets fill put one line into the buffer and writes it. Events and messages share the first error, since a
// reader that is gone is gone for both.
func (p *printer) write(w io.Writer, fill func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	p.buf.Reset()
	if p.err = fill(); p.err == nil {
		_, p.err = w.Write(p.buf.Bytes())
	}
	return p.err
}

// failed returns the first error of a write, nil when there was none.
func (p *printer) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func newEventLine(e monitor.Event, label string) eventLine {
	line := eventLine{
		Kind: "event", Time: stamp(e.Time), Event: e.Type.String(), ID: uint64(e.Type), Value: e.Value,
		Endpoint: e.Endpoint, Local: e.Local, Remote: e.Remote, Conn: e.Conn, Lost: e.Lost,
		Peer:   peerLine{Type: string(e.Peer.Type), Identity: e.Peer.Identity, Mechanism: e.Peer.Mechanism},
		Socket: label, Detail: e.Detail(), Retry: e.Retry, Snapshot: e.Snapshot, Count: e.Count, Reason: e.Reason,
	}
	line.Error = reasonText(e.Err)
	line.Peer.IdentityBase64 = base64IfBinary(e.Peer.Identity)
	if e.Type&(monitor.Subscribed|monitor.Unsubscribed) != 0 {
		line.Topic = &e.Topic
		line.TopicBase64 = base64IfBinary(e.Topic)
	}
	return line
}

// eventText is an event as one aligned line: time, event, value in words, endpoint, peer.
func eventText(e monitor.Event, label string) string {
	var b strings.Builder
	b.WriteString(e.Time.Format("15:04:05.000000  "))
	if label != "" {
		fmt.Fprintf(&b, "%-9s ", label)
	}
	fmt.Fprintf(&b, "%-26s %-24s %-28s", e.Type, e.Detail(), e.Endpoint)
	if who := e.Peer.String(); who != "" {
		b.WriteString(" " + who)
	}
	if e.Remote != e.Endpoint && e.Remote != "" {
		b.WriteString(" " + e.Remote)
	}
	if e.Err != nil {
		b.WriteString(" (" + string(appendPrintable(nil, []byte(reasonText(e.Err)))) + ")")
	}
	if e.Snapshot {
		b.WriteString(" (snapshot)")
	}
	if e.Lost > 0 {
		fmt.Fprintf(&b, " (%d events lost before this one)", e.Lost)
	}
	return strings.TrimRight(b.String(), " ")
}

// reasonText is an event's reason in words. Package net's errors repeat the addresses that the event has already, so
// only their cause is taken.
func reasonText(err error) string {
	if err == nil {
		return ""
	}
	var op *net.OpError
	var errno syscall.Errno
	switch {
	case !errors.As(err, &op):
		return err.Error()
	case errors.As(op.Err, &errno):
		return errno.Error()
	}
	return op.Err.Error()
}

// stamp is a time in JSON: UTC, always six digits after the second, so that lines sort as text.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
