package monitor

import (
	"encoding/binary"
	"fmt"
)

const v1Header = 6 // bytes of a v1 frame: 16-bit event and 32-bit value, no padding

// Encode returns e as the two frames of zmq_socket_monitor: a 16-bit event and a 32-bit value in this machine's byte
// order, then the endpoint, which may be empty. It returns nil when the type has no such form: not one bit, or
// beyond 16 bits. The frames are the caller's.
func Encode(e Event) [][]byte {
	if !e.Type.single() || e.Type&All == 0 {
		return nil
	}
	head := make([]byte, 0, v1Header)
	head = binary.NativeEndian.AppendUint16(head, uint16(e.Type))
	head = binary.NativeEndian.AppendUint32(head, uint32(e.Value))
	return [][]byte{head, []byte(e.Endpoint)}
}

// EncodeV2 returns e as the frames of zmq_socket_monitor_versioned, version 2: the event, the number of values and
// each value, all 64 bits in this machine's byte order, then the local and the remote endpoint. PIPES_STATS has two
// values (outbound, inbound), DROPPED its count, all others Value. A listener has only a local endpoint, an
// attempt to connect only a remote one, MONITOR_STOPPED neither; an event that carries none of Local and Remote
// gives its Endpoint as the one that fits its type, CLOSED as local. It returns nil when the type is not one bit.
// The frames are the caller's.
func EncodeV2(e Event) [][]byte {
	if !e.Type.single() {
		return nil
	}
	values := []uint64{uint64(e.Value)}
	switch e.Type {
	case PipesStats:
		values = e.Queued[:]
	case Dropped:
		values[0] = e.Count
	}
	frames := [][]byte{frame64(uint64(e.Type)), frame64(uint64(len(values)))}
	for _, v := range values {
		frames = append(frames, frame64(v))
	}
	local, remote := endpoints(e)
	return append(frames, []byte(local), []byte(remote))
}

func frame64(v uint64) []byte { return binary.NativeEndian.AppendUint64(make([]byte, 0, 8), v) }

// endpoints returns v2's pair.
func endpoints(e Event) (local, remote string) {
	switch {
	case e.Type == MonitorStopped:
		return "", ""
	case e.Type == Listening:
		return e.Endpoint, ""
	case e.Local != "" || e.Remote != "":
		return e.Local, e.Remote
	case e.Type&(Connected|ConnectDelayed|ConnectRetried) != 0:
		return "", e.Endpoint
	default:
		return e.Endpoint, ""
	}
}

// Decode reads the frames of one monitor message, version 1 (two frames) or 2 (five or more), written on a machine of
// the same byte order. Values are signed: libzmq's fd of -1 stays -1. From v2 it fills Local and Remote, and
// Endpoint where the frames tell which of the two it was; Queued and Count for the types that have them. The event
// keeps nothing of frames. An error says what is wrong with them.
func Decode(frames [][]byte) (Event, error) {
	var e Event
	var err error
	switch n := len(frames); {
	case n == 2:
		e, err = decodeV1(frames)
	case n >= 5:
		e, err = decodeV2(frames)
	default:
		err = fmt.Errorf("%d frames; version 1 has 2, version 2 at least 5", n)
	}
	if err == nil && !e.Type.single() {
		err = fmt.Errorf("event %#x is not one event", uint64(e.Type))
	}
	if err != nil {
		return Event{}, fmt.Errorf("monitor: decode: %w", err)
	}
	return e, nil
}

func decodeV1(frames [][]byte) (Event, error) {
	head := frames[0]
	if len(head) != v1Header {
		return Event{}, fmt.Errorf("first frame has %d bytes; version 1 has %d", len(head), v1Header)
	}
	return Event{
		Type:     Type(binary.NativeEndian.Uint16(head)),
		Value:    int64(int32(binary.NativeEndian.Uint32(head[2:]))),
		Endpoint: string(frames[1]),
	}, nil
}

func decodeV2(frames [][]byte) (Event, error) {
	numbers := frames[:len(frames)-2]
	for i, f := range numbers {
		if len(f) != 8 {
			return Event{}, fmt.Errorf("frame %d has %d bytes; version 2 has 8 there", i+1, len(f))
		}
	}
	number := func(i int) uint64 { return binary.NativeEndian.Uint64(numbers[i]) }
	if count := number(1); count != uint64(len(numbers)-2) {
		return Event{}, fmt.Errorf("%d values announced, %d sent", count, len(numbers)-2)
	}
	e := Event{Type: Type(number(0)), Local: string(frames[len(frames)-2]), Remote: string(frames[len(frames)-1])}
	switch e.Type {
	case PipesStats:
		if len(numbers) < 4 {
			return Event{}, fmt.Errorf("PIPES_STATS has %d value; it needs 2", len(numbers)-2)
		}
		e.Queued = [2]uint64{number(2), number(3)}
	case Dropped:
		e.Count = number(2)
	default:
		e.Value = int64(number(2))
	}
	e.Endpoint = endpointOf(e)
	return e, nil
}

// endpointOf returns which of Local and Remote version 1 would have told, or nothing if it cannot be known: after
// HANDSHAKE_SUCCEEDED, say, it depends on which side dialled.
func endpointOf(e Event) string {
	switch {
	case e.Remote == "" || e.Type&(Accepted|Listening|AcceptFailed|BindFailed|CloseFailed) != 0:
		return e.Local
	case e.Local == "" || e.Type&(Connected|ConnectDelayed|ConnectRetried) != 0:
		return e.Remote
	default:
		return ""
	}
}
