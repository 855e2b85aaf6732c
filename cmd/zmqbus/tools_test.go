package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// keys returns the names of a JSON line in their order, nested objects as parent.child.
func keys(t *testing.T, line string) (names []string, values map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), &values); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	dec := json.NewDecoder(strings.NewReader(line))
	var parents []string
	for depth, isKey := 0, false; ; {
		tok, err := dec.Token()
		if err != nil {
			return names, values
		}
		switch tok {
		case json.Delim('{'):
			if depth > 0 {
				parents = append(parents, names[len(names)-1])
			}
			depth, isKey = depth+1, true
			continue
		case json.Delim('}'):
			if depth--; depth > 0 {
				parents = parents[:len(parents)-1]
			}
			isKey = true
			continue
		case json.Delim('['):
			for dec.More() {
				_, _ = dec.Token()
			}
			_, _ = dec.Token()
			isKey = true
			continue
		}
		if isKey {
			names = append(names, strings.Join(append(slices.Clone(parents), tok.(string)), "."))
		}
		isKey = !isKey
	}
}

func TestJSONMessages(t *testing.T) {
	push := start(t, "push", "-b", anyPort, "--delim", "|")
	pull := start(t, "pull", "-c", push.bound(), "-n", "2", "--json")
	push.write("a|<b>", "a|\xff")
	push.eof()
	out, _ := pull.wantExit(exitDone)
	names, values := keys(t, out[0])
	wantLines(t, names, "kind", "time", "frames", "conn")
	if !strings.Contains(out[0], `"frames":["a","<b>"]`) || values["kind"] != "message" || values["conn"].(float64) < 1 {
		t.Fatal(out[0])
	}
	stamp := values["time"].(string)
	if at, err := time.Parse(time.RFC3339Nano, stamp); err != nil || at.Location() != time.UTC || len(stamp) != len("2026-01-02T03:04:05.678901Z") {
		t.Fatalf("time %q: %v", stamp, err)
	}
	names, _ = keys(t, out[1])
	wantLines(t, names, "kind", "time", "frames_base64", "conn")
	if !strings.Contains(out[1], `"frames_base64":["YQ==","/w=="]`) {
		t.Fatal(out[1])
	}
}

func TestJSONEvents(t *testing.T) {
	push := start(t, "push", "-b", anyPort, "--wait", "1", "hello")
	ep := push.bound()
	pull := start(t, "pull", "-c", ep, "--json", "--events", "all")
	pull.stdout.until(`"kind":"message"`)
	_, _ = push.wantExit(exitDone)
	line := pull.stdout.until(`"event":"CONNECT_RETRIED"`)
	names, values := keys(t, line)
	contract := []string{"kind", "time", "event", "id", "value", "endpoint", "local", "remote", "conn", "peer",
		"peer.type", "peer.identity", "peer.mechanism", "error", "lost"}
	if len(names) < len(contract) {
		t.Fatal(line)
	}
	wantLines(t, names[:len(contract)], contract...)
	if values["id"] != float64(4) || values["value"].(float64) < 1 || values["endpoint"] != ep {
		t.Fatal(line)
	}
	pull.signal(os.Interrupt)
	out, _ := pull.wantExit(exitDone)
	if last := out[len(out)-1]; !strings.Contains(last, `"event":"MONITOR_STOPPED"`) {
		t.Fatal(last)
	}
}

func TestMonitorTellsTheStory(t *testing.T) {
	pull := start(t, "pull", "-b", anyPort)
	ep := pull.bound()
	mon := start(t, "monitor", "push", "-c", ep)
	mon.stdout.until("CONNECT_DELAYED", ep)
	mon.stdout.until("CONNECTED", "fd ", ep)
	mon.stdout.until("HANDSHAKE_SUCCEEDED", "PULL")
	pull.signal(os.Interrupt)
	pull.wantExit(exitDone)
	mon.stdout.until("DISCONNECTED", ep)
	mon.stdout.until("CONNECT_RETRIED", "ms")
	mon.stdout.until("CLOSED", "fd ")
	again := start(t, "pull", "-b", ep, "-d", "1m")
	mon.stdout.until("HANDSHAKE_SUCCEEDED")
	mon.signal(os.Interrupt)
	out, _ := mon.wantExit(exitDone)
	if len(out) == 0 || !strings.Contains(out[len(out)-1], "MONITOR_STOPPED") {
		t.Fatalf("the last line is not MONITOR_STOPPED: %q", out)
	}
	again.signal(os.Interrupt)
	again.wantExit(exitDone)
}

func TestMonitorOfABindThatFails(t *testing.T) {
	ep := start(t, "pull", "-b", anyPort).bound()
	for _, args := range [][]string{
		{"monitor", "pull", "-b", ep, "--mask", "bind_failed,monitor_stopped"},
		{"pull", "-b", ep, "--json", "--events", "bind_failed,monitor_stopped"},
	} {
		out, stderr := start(t, args...).wantExit(exitFailed)
		if len(out) != 2 || !strings.Contains(out[0], "BIND_FAILED") || !strings.Contains(out[1], "MONITOR_STOPPED") {
			t.Fatalf("%s printed %q", args[0], out)
		}
		if want := "zmqbus: listen " + ep + ": address already in use"; len(stderr) != 1 || stderr[0] != want {
			t.Fatalf("standard error %q, want %q", stderr, want)
		}
	}
}

// A monitor takes the messages of its socket and drops them, so that the sender is never held up.
func TestMonitorTakesMessages(t *testing.T) {
	mon := start(t, "monitor", "pull", "-b", anyPort, "--mask", "accepted,disconnected")
	push := start(t, "push", "-c", mon.bound(), "--repeat", "20000", "-o", "sndhwm=1", "message")
	push.wantExit(exitDone)
	mon.stdout.until("ACCEPTED")
	mon.stdout.until("DISCONNECTED")
}

// A rep that is monitored answers with an empty frame: no request keeps a later one waiting, of this peer or another.
func TestMonitorOfARepAnswers(t *testing.T) {
	mon := start(t, "monitor", "rep", "-b", anyPort, "--mask", "accepted")
	ep := mon.bound()
	for range 2 {
		req := start(t, "req", "-c", ep, "--repeat", "3", "--json", "question")
		out, _ := req.wantExit(exitDone)
		if len(out) != 3 || !strings.Contains(out[2], `"frames":[""]`) {
			t.Fatalf("got %q", out)
		}
	}
}

func TestProxyForwardsSubscriptions(t *testing.T) {
	proxy := start(t, "proxy", "--frontend", "xsub,@"+anyPort, "--backend", "xpub,"+anyPort, "--capture", "pub,@"+anyPort, "-v")
	front, back, capture := proxy.bound(), proxy.bound(), proxy.bound()
	copied := start(t, "sub", "-c", capture, "-t", "weather", "-n", "2", "--events", "handshake_succeeded")
	copied.stderr.until("HANDSHAKE_SUCCEEDED")
	sub := start(t, "sub", "-c", back, "-t", "weather", "-n", "2")
	// --wait 1 is satisfied only by a subscription that came through the proxy.
	pub := start(t, "pub", "-c", front, "--wait", "1")
	proxy.stderr.until("subscribe", "topic=weather")
	pub.write("news of the day", "weather one", "weather two")
	pub.eof()
	out, _ := sub.wantExit(exitDone)
	wantLines(t, out, "weather one", "weather two")
	out, _ = copied.wantExit(exitDone)
	wantLines(t, out, "weather one", "weather two")
	pub.wantExit(exitDone)
	proxy.stderr.until("unsubscribe", "topic=weather")
	proxy.signal(os.Interrupt)
	_, stderr := proxy.wantExit(exitDone)
	if all := strings.Join(stderr, "\n"); !strings.Contains(all, "frontend -> backend messages 2 (bytes 22)") {
		t.Fatalf("no summary in %s", all)
	}
}

func TestProxyForwardsRequests(t *testing.T) {
	proxy := start(t, "proxy", "--frontend", "router,@"+anyPort, "--backend", "dealer,@"+anyPort, "--json", "--events", "accepted")
	front, back := proxy.bound(), proxy.bound()
	rep := start(t, "rep", "-c", back, "--reply", "pong", "-n", "1")
	req := start(t, "req", "-c", front, "ping")
	out, _ := req.wantExit(exitDone)
	wantLines(t, out, "pong")
	out, _ = rep.wantExit(exitDone)
	wantLines(t, out, "ping")
	proxy.stdout.until(`"event":"ACCEPTED"`, `"socket":"`)
	proxy.signal(os.Interrupt)
	proxy.wantExit(exitDone)
}

func TestProxyChainsPushers(t *testing.T) {
	pull := start(t, "pull", "-b", anyPort, "-n", "100")
	proxy := start(t, "proxy", "--frontend", "pull,@"+anyPort, "--backend", "push,>"+pull.bound())
	push := start(t, "push", "-c", proxy.bound(), "--repeat", "100", "job")
	push.wantExit(exitDone)
	out, _ := pull.wantExit(exitDone)
	wantLines(t, out, slices.Repeat([]string{"job"}, 100)...)
}

// What a proxy has taken and cannot pass on when it ends is said.
func TestProxyCountsWhatItDrops(t *testing.T) {
	proxy := start(t, "proxy", "--frontend", "pull,@"+anyPort, "--backend", "push,@"+anyPort, "--capture", "push,@"+anyPort)
	front, _, capture := proxy.bound(), proxy.bound(), proxy.bound()
	push := start(t, "push", "-c", front, "job")
	push.wantExit(exitDone)
	// Once the copy is here, the message is on its way to a backend without peers.
	start(t, "pull", "-c", capture, "-n", "1").wantExit(exitDone)
	proxy.signal(os.Interrupt)
	_, stderr := proxy.wantExit(exitDone)
	summary := strings.Join(stderr, "\n")
	if !strings.Contains(summary, "dropped at the end 1") {
		t.Fatalf("not in %s", summary)
	}
}

func TestBenchVerifiesItsCounts(t *testing.T) {
	out, _ := start(t, "bench", "--messages", "2000", "--round-trips", "50", "--json").wantExit(exitDone)
	if len(out) != 2*len(benchTransports) {
		t.Fatalf("lines: %q", out)
	}
	for i, line := range out {
		_, v := keys(t, line)
		if v["skipped"] != nil {
			t.Log(line)
			continue
		}
		want := 2000.0
		if i%2 == 1 {
			want = 50
		}
		if v["kind"] != "bench" || v["messages"] != want || v["per_second"].(float64) <= 0 {
			t.Fatal(line)
		}
	}
	table, _ := start(t, "bench", "--messages", "100", "--round-trips", "10", "--transport", "tcp").wantExit(exitDone)
	if len(table) != 3 || !strings.Contains(table[0], "per second") {
		t.Fatalf("table: %q", table)
	}
}
