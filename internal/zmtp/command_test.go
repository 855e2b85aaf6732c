package zmtp

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestPing(t *testing.T) {
	long := strings.Repeat("c", 40)
	cases := []struct {
		ttl     time.Duration
		context string
		ds      []byte
		want    time.Duration
	}{
		{0, "", []byte{0, 0}, 0},
		{-time.Second, "", []byte{0, 0}, 0},
		{99 * time.Millisecond, "a", []byte{0, 0}, 0},
		{250 * time.Millisecond, "abc", []byte{0, 2}, 200 * time.Millisecond},
		{6553599 * time.Millisecond, "", []byte{0xFF, 0xFF}, 6553500 * time.Millisecond},
		{24 * time.Hour, long, []byte{0xFF, 0xFF}, 6553500 * time.Millisecond},
	}
	for _, c := range cases {
		b := AppendPing(nil, c.ttl, []byte(c.context))
		kept := c.context[:min(len(c.context), 16)]
		if want := cat([]byte{4, byte(7 + len(kept)), 4}, []byte("PING"), c.ds, []byte(kept)); !bytes.Equal(b, want) {
			t.Errorf("%v %q: %x, want %x", c.ttl, c.context, b, want)
		}
		ttl, context, err := ParsePing(b[7:])
		if err != nil || ttl != c.want || string(context) != kept {
			t.Errorf("%v %q: %v %q %v", c.ttl, c.context, ttl, context, err)
		}
	}
	if _, context, err := ParsePing([]byte("\x00\x01" + long)); err != nil || len(context) != 16 || cap(context) != 16 {
		t.Error(context, err)
	}
	for _, short := range []string{"", "a"} {
		if _, _, err := ParsePing([]byte(short)); !errors.Is(err, ErrProtocol) {
			t.Error(short, err)
		}
	}
	if got := AppendPong(nil, []byte(long)); !bytes.Equal(got, []byte("\x04\x15\x04PONG"+long[:16])) {
		t.Errorf("%q", got)
	}
}

func TestCommandsOnTheWire(t *testing.T) {
	type command struct{ name, body string }
	sent := []command{{"PING", "\x00\x01x"}, {"PONG", ""}, {"SUBSCRIBE", "topic"}, {"CANCEL", ""}, {"ERROR", "\x00"},
		{"READY", ""}, {"SOMETHING-ELSE", strings.Repeat("z", 300)}, {strings.Repeat("n", 255), ""}}
	var wire []byte
	for _, c := range sent {
		wire = AppendCommand(wire, c.name, []byte(c.body))
		wire = AppendMessage(wire, msg("\x01topic"))
	}
	for how, wrap := range readers {
		var got []command
		d := NewDecoder(NewReader(wrap(bytes.NewReader(wire))))
		d.Command = func(name string, body []byte) error { got = append(got, command{name, string(body)}); return nil }
		msgs, _ := decodeAll(d)
		if len(msgs) != len(sent) || len(got) != len(sent) {
			t.Fatal(how, len(msgs), len(got))
		}
		for i := range sent {
			if sent[i] != got[i] {
				t.Errorf("%s: %q, want %q", how, got[i], sent[i])
			}
		}
	}
	if b := AppendCommand(nil, strings.Repeat("n", 300), nil); len(b) != 9+256 {
		t.Error("a long name is cut", len(b))
	}
}
