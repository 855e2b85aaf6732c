package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"zmqbus/monitor"
)

func FuzzSplitFrames(f *testing.F) {
	f.Add([]byte("a|b||"), "|")
	f.Add([]byte("plain\r\n"), "")
	f.Add([]byte(""), "--")
	f.Fuzz(func(t *testing.T, line []byte, delim string) {
		trimmed := trimLine(bytes.Clone(line))
		if !bytes.HasPrefix(line, trimmed) || len(line)-len(trimmed) > 2 {
			t.Fatalf("trimLine(%q) = %q", line, trimmed)
		}
		frames := splitFrames(line, delim)
		if len(frames) == 0 {
			t.Fatal("a message needs a frame")
		}
		if got := bytes.Join(frames, []byte(delim)); !bytes.Equal(got, line) {
			t.Fatalf("%q by %q is %q", line, delim, frames)
		}
	})
}

func FuzzAppendPrintable(f *testing.F) {
	f.Add([]byte("grün\x00\xff\u200b\\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := string(appendPrintable(nil, b))
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("%q became %q", b, got)
		}
	})
}

func FuzzParseSide(f *testing.F) {
	f.Add("xsub,@tcp://*:5559")
	f.Add("XPUB,>tcp://a:1,@ipc://b,tcp://*:*")
	f.Add("sub,")
	f.Fuzz(func(t *testing.T, value string) {
		s, err := parseSide("frontend", value)
		if err != nil {
			return
		}
		if want := strings.Count(value, ","); len(s.bind)+len(s.connect) != want {
			t.Fatalf("%q: bind %q, connect %q", value, s.bind, s.connect)
		}
		for _, ep := range append(s.bind, s.connect...) {
			if ep == "" || !strings.Contains(value, ep) {
				t.Fatalf("%q: endpoint %q", value, ep)
			}
		}
	})
}

func FuzzParseMask(f *testing.F) {
	f.Add("all")
	f.Add("connected, Disconnected,SUBSCRIBED")
	f.Add(",")
	f.Fuzz(func(t *testing.T, value string) {
		mask, err := parseMask("events", value)
		if (mask == 0) != (err != nil || value == "") {
			t.Fatalf("%q: %v, %v", value, mask, err)
		}
		if err == nil && mask != 0 && mask&(monitor.All|monitor.PipesStats) == 0 && mask < 1<<32 {
			t.Fatalf("%q: unknown bits %x", value, uint64(mask))
		}
	})
}

func TestWrap(t *testing.T) {
	if got := wrap([]string{"one", "two", "three"}, 8); got != "one two\nthree" {
		t.Fatalf("%q", got)
	}
}
