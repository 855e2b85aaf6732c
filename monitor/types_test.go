package monitor

import (
	"strings"
	"testing"
)

// The numbers of libzmq's header, and the distance of ours from them.
func TestTypeNumbers(t *testing.T) {
	want := map[string]uint64{
		"CONNECTED": 0x1, "CONNECT_DELAYED": 0x2, "CONNECT_RETRIED": 0x4, "LISTENING": 0x8, "BIND_FAILED": 0x10,
		"ACCEPTED": 0x20, "ACCEPT_FAILED": 0x40, "CLOSED": 0x80, "CLOSE_FAILED": 0x100, "DISCONNECTED": 0x200,
		"MONITOR_STOPPED": 0x400, "HANDSHAKE_FAILED_NO_DETAIL": 0x800, "HANDSHAKE_SUCCEEDED": 0x1000,
		"HANDSHAKE_FAILED_PROTOCOL": 0x2000, "HANDSHAKE_FAILED_AUTH": 0x4000, "PIPES_STATS": 0x10000,
		"SUBSCRIBED": 1 << 32, "UNSUBSCRIBED": 1 << 33, "FULL": 1 << 34, "RELIEVED": 1 << 35, "DROPPED": 1 << 36,
		"REFUSED": 1 << 37,
	}
	if len(typeNames) != len(want) {
		t.Errorf("%d types, want %d", len(typeNames), len(want))
	}
	for _, n := range typeNames {
		if uint64(n.t) != want[n.name] || n.t.String() != n.name {
			t.Errorf("%s = %#x, prints %s; want %#x", n.name, uint64(n.t), n.t, want[n.name])
		}
	}
}

func TestTypeString(t *testing.T) {
	for _, c := range []struct {
		mask Type
		want string
	}{
		{0, "0"},
		{All, "ALL"},
		{All | PipesStats | Dropped, "ALL|PIPES_STATS|DROPPED"},
		{Connected | Accepted, "CONNECTED|ACCEPTED"},
		{Refused | Connected, "CONNECTED|REFUSED"},
		{0x8000, "0x8000"},
		{Closed | 0x8000 | 1<<63, "CLOSED|0x8000000000008000"},
	} {
		if got := c.mask.String(); got != c.want {
			t.Errorf("%#x: %s, want %s", uint64(c.mask), got, c.want)
		}
	}
}

func TestParseTypes(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Type
	}{
		{"all", All},
		{"ALL", All},
		{"connected", Connected},
		{"Connected, ACCEPTED", Connected | Accepted},
		{"connected|dropped", Connected | Dropped},
		{"all,pipes_stats,subscribed", All | PipesStats | Subscribed},
		{"closed,closed", Closed},
	} {
		got, err := ParseTypes(c.in)
		if err != nil || got != c.want {
			t.Errorf("%q: %v, %v; want %v", c.in, got, err, c.want)
		}
	}
	for _, in := range []string{"", ",", "connected,", "conected", "0x1", "ZMQ_EVENT_CONNECTED"} {
		got, err := ParseTypes(in)
		if err == nil || got != 0 {
			t.Errorf("%q: %v, %v; want an error", in, got, err)
			continue
		}
		for _, known := range []string{"all", "CONNECTED", "REFUSED"} {
			if !strings.Contains(err.Error(), known) {
				t.Errorf("%q: error %q does not list %s", in, err, known)
			}
		}
	}
}

// What parses prints as something that parses to the same mask.
func FuzzParseTypes(f *testing.F) {
	f.Add("all")
	f.Add("connected, DROPPED|refused")
	f.Add(",|\x00\xff")
	f.Fuzz(func(t *testing.T, in string) {
		mask, err := ParseTypes(in)
		if err != nil {
			if mask != 0 {
				t.Fatalf("%q: mask %v beside error %v", in, mask, err)
			}
			return
		}
		if again, err := ParseTypes(mask.String()); err != nil || again != mask {
			t.Fatalf("%q: %v prints as %v, %v", in, mask, again, err)
		}
	})
}
