package zmtp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestDecodeCommandInsideMessage: commands between the frames of a message are handled where they stand, whatever the
// sizes and pieces, and leave the message, and what it reserved, as it is.
func TestDecodeCommandInsideMessage(t *testing.T) {
	for _, frame := range []int{0, 3, 300, 5000, 200_000} {
		for _, body := range []int{0, 300, 60_000} {
			for how, wrap := range readers {
				t.Run(fmt.Sprint(frame, body, how), func(t *testing.T) {
					command := AppendCommand(nil, "PING", repeat(body))
					var wire []byte
					for i := range 3 {
						wire = append(AppendFrame(append(wire, command...), moreFlag(i, 3), repeat(frame)), command...)
					}
					wire = AppendMessage(wire, msg("next"))
					d := NewDecoder(NewReader(wrap(bytes.NewReader(wire))))
					reserved, commands := 0, 0
					d.Reserve = func(n int) error { reserved += n; return nil }
					d.Command = func(name string, b []byte) error {
						if name != "PING" || !bytes.Equal(b, repeat(body)) {
							t.Errorf("command %q of %d bytes", name, len(b))
						}
						commands++
						return nil
					}
					msgs, _ := decodeAll(d)
					if len(msgs) != 2 || commands != 6 || d.Pending() != 0 {
						t.Fatalf("%d messages, %d commands, %d bytes pending", len(msgs), commands, d.Pending())
					}
					for _, f := range msgs[0].Frames {
						if !bytes.Equal(f, repeat(frame)) {
							t.Fatalf("frame of %d bytes, want %d", len(f), frame)
						}
					}
					if len(msgs[0].Frames) != 3 || string(msgs[1].Frames[0]) != "next" {
						t.Fatal("frames mixed up")
					}
					if limit := 2 * 3 * (frame + frameOverhead); frame > 5000 && (reserved == 0 || reserved > limit+freeBytes) {
						t.Errorf("reserved %d bytes for 3 frames of %d", reserved, frame)
					}
				})
			}
		}
	}
}

// TestDecodeCommandsDoNotHideTheBounds: commands between its frames do not make a message longer than it may be.
func TestDecodeCommandsDoNotHideTheBounds(t *testing.T) {
	wire := bytes.Repeat(cat([]byte{1, 0}, AppendPing(nil, 0, nil)), 100)
	d := NewDecoder(NewReader(bytes.NewReader(wire)))
	d.MaxFrames = 60
	if _, err := decodeAll(d); err == nil || !strings.Contains(err.Error(), "60 frames") {
		t.Fatal(err)
	}
}
