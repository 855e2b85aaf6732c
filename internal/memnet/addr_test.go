package memnet

import (
	"errors"
	"net"
	"testing"

	"github.com/go-zeromq/zmq4/transport"
)

func TestAddr(t *testing.T) {
	for _, test := range []struct {
		ep, want string
		zmq4     bool // zmq4's own transport says the same
	}{
		{"127.0.0.1:5555", "127.0.0.1:5555", true},
		{"*:5555", "0.0.0.0:5555", true},
		{":5555", "0.0.0.0:5555", true},
		{"*:*", "0.0.0.0:0", true},
		{"127.0.0.1:", "127.0.0.1:0", true},
		{"LocalHost:1", "LocalHost:1", true},
		{"[::1]:1", "[::1]:1", true},
		{"[::]:*", "[::]:0", true},
		{"host:99999", "host:99999", true},
		{"host:0080", "host:80", false},
		{"host:http", "", false},
		{"host:-1", "", false},
		{"host:99999999999999999999", "", false},
		{"host", "", true},
		{"", "", true},
		{"::1:5", "", true},
		{"[::1", "", true},
	} {
		got, err := New().Addr(test.ep)
		var ae *net.AddrError
		if got != test.want || (err != nil) != (test.want == "") || err != nil && !errors.As(err, &ae) {
			t.Errorf("Addr(%q) = %q, %v, want %q", test.ep, got, err, test.want)
		}
		if test.zmq4 {
			if theirs, err := transport.New("tcp").Addr(test.ep); theirs != test.want && err == nil {
				t.Errorf("zmq4: Addr(%q) = %q, we %q", test.ep, theirs, got)
			}
		}
	}
}

func TestMeets(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"127.0.0.1:1", "127.0.0.1:1", true},
		{"localhost:1", "127.0.0.1:1", true},
		{"LOCALHOST:1", "localhost:1", true},
		{"Peer.Example:1", "peer.example:1", true},
		{"[::1]:1", "[0:0:0:0:0:0:0:1]:1", true},
		{"[::ffff:10.0.0.1]:1", "10.0.0.1:1", true},
		{"*:1", "10.0.0.1:1", true},
		{"[::]:1", "10.0.0.1:1", true},
		{"127.0.0.1:1", "127.0.0.1:2", false},
		{"127.0.0.1:1", "[::1]:1", false},
		{"10.0.0.1:1", "10.0.0.2:1", false},
		{"*:1", "*:2", false},
	} {
		a, b := mustAddress(test.a), mustAddress(test.b)
		if a.meets(b) != test.want || b.meets(a) != test.want {
			t.Errorf("%s meets %s: %v, want %v", test.a, test.b, a.meets(b), test.want)
		}
	}
}

// FuzzAddr: no input panics, and what Addr returns it returns again.
func FuzzAddr(f *testing.F) {
	for _, s := range []string{"127.0.0.1:1", "*:*", "[::1]:5", "[fe80::1%eth0]:80", "a:b:c", "", ":", "[]:0", "x:4294967296"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, err := New().Addr(s)
		if err != nil {
			return
		}
		if twice, err := New().Addr(once); twice != once || err != nil {
			t.Errorf("Addr(%q) = %q, Addr of that = %q, %v", s, once, twice, err)
		}
		a := mustAddress(s)
		if again := mustAddress(a.String()); again != a {
			t.Errorf("%q is %v, and that is %v", s, a, again)
		}
		if !a.meets(a) {
			t.Errorf("%v does not meet itself", a)
		}
	})
}
