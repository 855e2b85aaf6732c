package socket

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

func TestParseEndpoint(t *testing.T) {
	for _, tc := range []struct {
		in, scheme, rest string
		ok               bool
	}{
		{"tcp://127.0.0.1:5555", "tcp", "127.0.0.1:5555", true},
		{"ipc:///tmp/a", "ipc", "/tmp/a", true},
		{"ipc://a://b", "ipc", "a://b", true},
		{"nosuch://x", "nosuch", "x", true},
		{"", "", "", false},
		{"127.0.0.1:5555", "", "", false},
		{"tcp:127.0.0.1:5555", "", "", false},
		{"://127.0.0.1:5555", "", "", false},
		{"tcp://", "", "", false},
		{"ipc:///tmp/a\x00b", "", "", false},
	} {
		a, err := parseEndpoint(tc.in)
		if !tc.ok {
			if !errors.Is(err, ErrBadEndpoint) || errnoOf(err) != syscall.EINVAL {
				t.Errorf("%q: error %v, want ErrBadEndpoint and EINVAL", tc.in, err)
			}
			continue
		}
		if err != nil || a != (address{tc.scheme, tc.rest, tc.in}) || a.String() != tc.in {
			t.Errorf("%q: %+v, %v", tc.in, a, err)
		}
	}
}

func TestSplitHostPort(t *testing.T) {
	for _, tc := range []struct {
		in, host, port string
		ok             bool
	}{
		{"a:1", "a", "1", true},
		{"[::1]:1", "::1", "1", true},
		{"::1:1", "::1", "1", true},
		{":1", "", "1", true},
		{"[]:1", "", "1", true},
		{"[:1", "[", "1", true},
		{"a", "", "", false},
		{"a:", "", "", false},
		{"", "", "", false},
	} {
		host, port, err := splitHostPort(tc.in)
		if host != tc.host || port != tc.port || (err == nil) != tc.ok {
			t.Errorf("%q: %q %q %v", tc.in, host, port, err)
		}
	}
}

func FuzzParseEndpoint(f *testing.F) {
	for _, s := range []string{
		"tcp://127.0.0.1:5555", "tcp://[::1]:*", "tcp://*:0", "tcp://a:0;b:1", "tcp://;:1", "tcp://:99999",
		"ipc://*", "ipc://@", "ipc://@a", "ipc:///tmp/a", "tcp://", "://", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := parseEndpoint(s)
		if err != nil {
			if !errors.Is(err, ErrBadEndpoint) {
				t.Fatalf("%q: %v is not ErrBadEndpoint", s, err)
			}
			return
		}
		if a.scheme+"://"+a.rest != s || a.scheme == "" || a.rest == "" || strings.Contains(a.scheme, "://") {
			t.Fatalf("%q: %+v", s, a)
		}
		for _, n := range builtinNetworks() {
			if err := n.checkDial(a, netOptions{}); err != nil && (!errors.Is(err, ErrBadEndpoint) || errnoOf(err) == 0) {
				t.Fatalf("%q: %v has no sentinel or no errno", s, err)
			}
		}
		if _, _, err := parseListen(a.rest); err != nil && errnoOf(err) != syscall.EINVAL {
			t.Fatalf("%q: %v", s, err)
		}
	})
}
