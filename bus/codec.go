package bus

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// Codec turns values into payloads and back, where a value meets subscribers of another type or leaves the process.
// Between a topic and subscriptions of the same T in one bus it is not used. Its methods are called by several
// goroutines at once, and must not block for long: Encode is called in Publish, Decode by each subscription's goroutine.
type Codec[T any] interface {
	// Encode returns the payload of v. Nobody writes to it after that, Encode's maker included; it may be sent to many
	// peers and stay queued for long. With an error nothing is published.
	Encode(v T) ([]byte, error)
	// Decode returns the value of the payload p. Other subscriptions are given the same bytes: Decode must not write to
	// them. It should not keep them either, and if it does, as Bytes, must say so. An error goes to the subscription's
	// OnDecodeError and counter; the subscription goes on.
	Decode(p []byte) (T, error)
}

// JSON returns the codec of encoding/json, which a topic of any T but []byte and string has by default. It follows
// json.Marshal and json.Unmarshal: field tags, unknown fields are ignored, null is the zero value, bytes that are not
// UTF-8 become U+FFFD. A payload has exactly one JSON value: anything but white space after it is an error. Errors wrap
// those of encoding/json; with one, Decode returns the zero value. Decode does not keep p.
func JSON[T any]() Codec[T] { return jsonCodec[T]{} }

// Bytes returns the codec that sends bytes as they are, the default of a topic of []byte. Nothing is copied: whoever
// publishes a slice must not write to it after that, and a received one is shared with other subscriptions: read only
// (append to it copies). It never fails; a nil slice is sent as an empty payload.
func Bytes() Codec[[]byte] { return bytesCodec{} }

// String returns the codec that sends the bytes of a string as they are, the default of a topic of string. It copies,
// checks no encoding, and never fails.
func String() Codec[string] { return stringCodec{} }

// defaultCodec is the codec of a topic that was given none. Named types, as json.RawMessage, are JSON.
func defaultCodec[T any]() Codec[T] {
	if c, ok := Bytes().(Codec[T]); ok {
		return c
	}
	if c, ok := String().(Codec[T]); ok {
		return c
	}
	return JSON[T]()
}

type jsonCodec[T any] struct{}

func (jsonCodec[T]) Encode(v T) ([]byte, error) {
	p, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %v as JSON: %w", reflect.TypeFor[T](), err)
	}
	return p, nil
}

func (jsonCodec[T]) Decode(p []byte) (T, error) {
	var v, zero T
	if err := json.Unmarshal(p, &v); err != nil {
		return zero, fmt.Errorf("decode JSON as %v: %w", reflect.TypeFor[T](), err) // v may be half filled
	}
	return v, nil
}

type bytesCodec struct{}

// What follows a slice in its array, such as the next frame of a read batch, must not be reached by append: hence Clip.

func (bytesCodec) Encode(v []byte) ([]byte, error) { return slices.Clip(v), nil }
func (bytesCodec) Decode(p []byte) ([]byte, error) { return slices.Clip(p), nil }

type stringCodec struct{}

func (stringCodec) Encode(v string) ([]byte, error) { return []byte(v), nil }
func (stringCodec) Decode(p []byte) (string, error) { return string(p), nil }
