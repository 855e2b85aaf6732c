package bus

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"
)

type fuzzedJSON struct {
	A int64
	B string
	C []byte
	D []fuzzedJSON
	E map[string]any
	F *float64
	G json.RawMessage
}

// FuzzJSONDecode: whatever a peer sends, Decode does not panic, leaves the payload alone, takes exactly what is JSON of
// that type, and returns a value that survives being sent on, or the zero value.
func FuzzJSONDecode(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `{}`, `{"A":1,"B":"x","C":"AA==","D":[{"A":2}],"E":{"a":[1,null]},"F":1e300,"G":[1 , 2]}`,
		`{"A":1}x`, `{"A":1e99}`, `{"A":"x"}`, `{"D":[[[[[[`, `{"a":1,"A":2}`, "{\"B\":\"\xff\"}", `"\ud800"`, `[]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		before := bytes.Clone(p)
		c := JSON[fuzzedJSON]()
		v, err := c.Decode(p)
		if !bytes.Equal(p, before) {
			t.Fatalf("Decode changed %q to %q", before, p)
		}
		if err != nil {
			if !reflect.DeepEqual(v, fuzzedJSON{}) {
				t.Fatalf("a value with error %v: %+v", err, v)
			}
			return
		}
		if !json.Valid(p) {
			t.Fatalf("took %q", p)
		}
		clear(p) // the value must not need it any more
		sent, err := c.Encode(v)
		if err != nil {
			t.Fatalf("encode again: %v", err)
		}
		again, err := c.Decode(sent)
		if err != nil {
			t.Fatalf("decode %q again: %v", sent, err)
		}
		if resent, err := c.Encode(again); err != nil || !bytes.Equal(resent, sent) {
			t.Fatalf("%q became %q, then %q, %v", before, sent, resent, err)
		}
	})
}

// FuzzCodecRoundTrip: each codec gives back what it was given.
func FuzzCodecRoundTrip(f *testing.F) {
	for _, seed := range []string{"", "EURUSD", "\x00\xff", "<&>\u2028\"\\", "\ud7ff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := string(raw)
		p, err := Bytes().Encode(raw)
		got, err2 := Bytes().Decode(p)
		if err != nil || err2 != nil || !bytes.Equal(got, raw) {
			t.Fatalf("bytes %q became %q, %v, %v", raw, got, err, err2)
		}
		p, err = String().Encode(s)
		text, err2 := String().Decode(p)
		if err != nil || err2 != nil || text != s || string(p) != s {
			t.Fatalf("string %q became %q, then %q, %v, %v", s, p, text, err, err2)
		}
		if !utf8.ValidString(s) { // JSON has no other text
			return
		}
		in := fuzzedJSON{A: int64(len(s)) << 55, B: s, C: raw, D: []fuzzedJSON{{B: s}}}
		p, err = JSON[fuzzedJSON]().Encode(in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := JSON[fuzzedJSON]().Decode(p)
		if err != nil || len(out.D) != 1 {
			t.Fatalf("%q became %+v, %v", p, out, err)
		}
		in.G, in.D[0].G = out.G, out.D[0].G // nil is sent as null
		if !reflect.DeepEqual(in, out) {
			t.Fatalf("%q: %+v became %+v", p, in, out)
		}
	})
}
