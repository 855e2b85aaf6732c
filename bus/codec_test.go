package bus

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type codecQuote struct {
	Symbol string            `json:"symbol"`
	Bid    float64           `json:"bid"`
	Sizes  []int             `json:"sizes,omitempty"`
	Venue  *string           `json:"venue,omitempty"`
	Tags   map[string]string `json:"tags,omitempty"`
}

type (
	codecNamedBytes  []byte
	codecNamedString string
)

// codecTrip encodes v by what is the default for its type, wants the payload, and wants v back.
func codecTrip[T any](v T, payload string) func(*testing.T) {
	return func(t *testing.T) {
		c := defaultCodec[T]()
		p, err := c.Encode(v)
		if err != nil || string(p) != payload {
			t.Fatalf("encoded: %q, %v, want %q", p, err, payload)
		}
		before := bytes.Clone(p)
		got, err := c.Decode(p)
		if err != nil || cmp.Diff(v, got) != "" {
			t.Errorf("decoded: %v\n%s", err, cmp.Diff(v, got))
		}
		if !bytes.Equal(p, before) {
			t.Errorf("Decode changed the payload: %q", p)
		}
	}
}

func TestCodecRoundTrip(t *testing.T) {
	venue := "X"
	for name, trip := range map[string]func(*testing.T){
		"bytes":          codecTrip([]byte("a\x00\xff"), "a\x00\xff"),
		"no bytes":       codecTrip([]byte{}, ""),
		"nil bytes":      codecTrip([]byte(nil), ""),
		"string":         codecTrip("a\x00\xff", "a\x00\xff"),
		"empty string":   codecTrip("", ""),
		"struct":         codecTrip(codecQuote{Symbol: "EUR", Bid: 1.5, Sizes: []int{1, 2}}, `{"symbol":"EUR","bid":1.5,"sizes":[1,2]}`),
		"pointer inside": codecTrip(codecQuote{Venue: &venue, Tags: map[string]string{"a": "b"}}, `{"symbol":"","bid":0,"venue":"X","tags":{"a":"b"}}`),
		"pointer":        codecTrip(&codecQuote{Bid: 2}, `{"symbol":"","bid":2}`),
		"nil pointer":    codecTrip((*codecQuote)(nil), `null`),
		"int":            codecTrip(-7, `-7`),
		"slice":          codecTrip([]string{"a"}, `["a"]`),
		"interface":      codecTrip(any(map[string]any{"a": 1.0}), `{"a":1}`),
		"named bytes":    codecTrip(codecNamedBytes("abc"), `"YWJj"`),
		"named string":   codecTrip(codecNamedString("abc"), `"abc"`),
		"raw JSON":       codecTrip(json.RawMessage(`{"a":1}`), `{"a":1}`),
	} {
		t.Run(name, trip)
	}
}

func TestCodecJSONDecodeErrors(t *testing.T) {
	for _, c := range []struct{ name, payload, want string }{
		{"nothing", ``, "unexpected end"},
		{"cut off", `{"symbol":"EUR","bid":1`, "unexpected end"},
		{"a second value", `{"symbol":"EUR"}{}`, "after top-level value"},
		{"garbage behind", `{"symbol":"EUR"} x`, "after top-level value"},
		{"a byte of zero behind", "{\"symbol\":\"EUR\"}\x00", "after top-level value"},
		{"half right", `{"symbol":"EUR","bid":"x"}`, "cannot unmarshal"},
		{"another type", `[1]`, "cannot unmarshal"},
		{"no JSON", "\x00\x01", "invalid character"},
	} {
		got, err := JSON[codecQuote]().Decode([]byte(c.payload))
		if err == nil || !strings.HasPrefix(err.Error(), "decode JSON as bus.codecQuote: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v", c.name, err)
		}
		if cmp.Diff(got, codecQuote{}) != "" {
			t.Errorf("%s: a value with the error: %+v", c.name, got)
		}
		var syntax *json.SyntaxError
		var typ *json.UnmarshalTypeError
		if !errors.As(err, &syntax) && !errors.As(err, &typ) {
			t.Errorf("%s: encoding/json's error is not wrapped: %v", c.name, err)
		}
	}
	for _, ok := range []string{`null`, ` {"unknown":1} `, "\n{\"SYMBOL\":\"\"}\n"} {
		if got, err := JSON[codecQuote]().Decode([]byte(ok)); err != nil || cmp.Diff(got, codecQuote{}) != "" {
			t.Errorf("%q: %+v, %v", ok, got, err)
		}
	}
}

func TestCodecJSONEncodeErrors(t *testing.T) {
	_, err := JSON[float64]().Encode(math.NaN())
	var value *json.UnsupportedValueError
	if !errors.As(err, &value) || !strings.HasPrefix(err.Error(), "encode float64 as JSON: ") {
		t.Errorf("NaN: %v", err)
	}
	p, err := JSON[func()]().Encode(func() {})
	var typ *json.UnsupportedTypeError
	if !errors.As(err, &typ) || !strings.HasPrefix(err.Error(), "encode func() as JSON: ") || p != nil {
		t.Errorf("func: %q, %v", p, err)
	}
}

// Who owns the bytes: JSON and String copy, Bytes shares but never lets append reach what follows.
func TestCodecOwnership(t *testing.T) {
	batch := []byte(`"one""two"`)
	p := batch[:5]

	if v, err := JSON[json.RawMessage]().Decode(p); err != nil || &v[0] == &p[0] {
		t.Errorf("JSON keeps the payload: %q, %v", v, err)
	}
	s, _ := String().Decode(p)
	for name, f := range map[string]func([]byte) ([]byte, error){"Encode": Bytes().Encode, "Decode": Bytes().Decode} {
		v, err := f(p)
		if err != nil || len(v) != len(p) || &v[0] != &p[0] {
			t.Errorf("Bytes.%s copies, or fails: %q, %v", name, v, err)
		}
		_ = append(v, "xxx"...)
		if string(batch) != `"one""two"` {
			t.Fatalf("append to the result of Bytes.%s overwrote what follows: %s", name, batch)
		}
	}
	p[1] = 'X'
	if s != `"one"` {
		t.Errorf("String shares the payload: %q", s)
	}
}
