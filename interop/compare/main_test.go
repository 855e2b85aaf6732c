package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRunJSON(t *testing.T) {
	var out bytes.Buffer
	if err := run(config{messages: 1000, size: 64, rounds: 2, wakes: 100, json: true}, &out); err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(&out)
	for i, s := range systems {
		var r result
		if err := dec.Decode(&r); err != nil {
			t.Fatal(err)
		}
		if r.System != s.name || r.Case != "PUSH-PULL/tcp/64B" || r.Rounds != 2 || r.Messages != 1000/s.fewer {
			t.Errorf("result %d is %+v", i, r)
		}
		if r.Min <= 0 || r.Median < r.Min || r.Max < r.Median || r.Ratio <= 0 {
			t.Errorf("figures of %s do not fit: %+v", r.System, r)
		}
	}
	for i := range len(registered) * len(wakeSystems) {
		var r result
		if err := dec.Decode(&r); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("wake-up/inproc/%d sockets", registered[i/len(wakeSystems)])
		if r.System != wakeSystems[i%len(wakeSystems)].name || r.Case != want || r.Rounds != 2 || r.Median <= 0 {
			t.Errorf("result %d is %+v", i, r)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	for _, c := range []config{{size: 7, messages: 10, rounds: 1, wakes: 1}, {size: 8, messages: 9, rounds: 1, wakes: 1}, {size: 8, messages: 10, wakes: 1}, {size: 8, messages: 10, rounds: 1}} {
		if err := run(c, &bytes.Buffer{}); err == nil {
			t.Errorf("run(%+v) is fine", c)
		}
	}
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	if err := writeTable(&out, []result{{Case: "c", System: "s", Median: 100, Min: 90, Max: 110, Ratio: 1}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"median ns", "90-110", "1.00"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

// TestReceiveChecks: a run that lost, repeated or cut a message fails.
func TestReceiveChecks(t *testing.T) {
	number := func(n byte, size int) []byte { return append([]byte{n}, make([]byte, size-1)...) }
	for name, got := range map[string][][]byte{
		"lost":     {number(0, 8), number(2, 8)},
		"repeated": {number(0, 8), number(0, 8)},
		"cut":      {number(0, 8), {1}},
	} {
		l := link{recv: func() ([]byte, error) { b := got[0]; got = got[1:]; return b, nil }}
		if err := receive(l, prepare(8), 0, 2); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{1, 2, 9}, 2}, {[]float64{1, 2, 4, 9}, 3}} {
		if got := median(c.v); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.v, got, c.want)
		}
	}
}
