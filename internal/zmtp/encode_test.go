package zmtp

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/go-zeromq/zmq4"
	"pgregory.net/rapid"
)

// sink takes limit bytes and then fails.
type sink struct {
	bytes.Buffer
	limit  int
	writes int
}

var errSink = errors.New("sink is full")

func (s *sink) Write(p []byte) (int, error) {
	s.writes++
	if room := s.limit - s.Len(); len(p) > room {
		s.Buffer.Write(p[:room])
		return room, errSink
	}
	return s.Buffer.Write(p)
}

func TestAppendFrame(t *testing.T) {
	cases := []struct {
		name  string
		flags byte
		n     int
		head  []byte
	}{
		{"empty", 0, 0, []byte{0, 0}},
		{"255", FlagMore, 255, []byte{1, 255}},
		{"256", FlagMore, 256, []byte{3, 0, 0, 0, 0, 0, 0, 1, 0}},
		{"command", FlagCommand, 300, []byte{6, 0, 0, 0, 0, 0, 0, 1, 44}},
	}
	for _, c := range cases {
		if got := AppendFrame([]byte("x"), c.flags, repeat(c.n)); !bytes.Equal(got, cat([]byte("x"), c.head, repeat(c.n))) {
			t.Errorf("%s: %x", c.name, got[:min(len(got), 12)])
		}
	}
	m := [][]byte{nil, {}, []byte("a")}
	got := AppendMessage(nil, m)
	if want := []byte{1, 0, 1, 0, 0, 1, 'a'}; !bytes.Equal(got, want) || EncodedSize(m) != len(want) {
		t.Errorf("%x, size %d", got, EncodedSize(m))
	}
	if EncodedSize(nil) != 0 || len(AppendMessage(nil, nil)) != 0 {
		t.Error("no frames are no bytes")
	}
}

func TestChunkLen(t *testing.T) {
	of := func(sizes ...int) (msgs []zmq4.Msg) {
		for _, n := range sizes {
			msgs = append(msgs, zmq4.NewMsg(make([]byte, n)))
		}
		return msgs
	}
	cases := []struct {
		msgs []zmq4.Msg
		want int
	}{
		{nil, 0},
		{of(10), 1},
		{of(1 << 20), 1},
		{of(1<<20, 1), 1},
		{of(10, 1<<20), 1},
		{of(30_000, 30_000, 5_000, 5_000), 3},
		{of(65_527, 0), 1},
		{of(65_525, 0), 2},
		{of(65_526, 0), 1},
		{of(65_510, 10, 10), 2},
	}
	for i, c := range cases {
		if got := ChunkLen(c.msgs); got != c.want {
			t.Errorf("case %d: %d, want %d", i, got, c.want)
		}
	}
}

// TestWriteChunk: any messages, written with any failure point, give a prefix of the reference encoding and an exact account.
func TestWriteChunk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var msgs []zmq4.Msg
		var want []byte
		var ends []int
		for range rapid.IntRange(0, 12).Draw(t, "messages") {
			var m [][]byte
			for range rapid.IntRange(1, 5).Draw(t, "frames") {
				m = append(m, repeat(rapid.SampledFrom([]int{0, 1, 255, 256, 9_000, 32_767, 32_768, 70_000}).Draw(t, "size")))
			}
			msgs = append(msgs, zmq4.Msg{Frames: m})
			want = AppendMessage(want, m)
			ends = append(ends, len(want))
		}
		s := &sink{limit: rapid.IntRange(0, len(want)+10).Draw(t, "limit")}
		var w Writer
		done, straddled, err := w.WriteChunk(s, msgs)
		if !bytes.HasPrefix(want, s.Bytes()) {
			t.Fatal("damaged bytes")
		}
		if s.limit >= len(want) {
			if err != nil || done != len(msgs) || straddled || s.Len() != len(want) {
				t.Fatal(done, straddled, err)
			}
			return
		}
		wantDone := 0
		for wantDone < len(ends) && ends[wantDone] <= s.limit {
			wantDone++
		}
		start := 0
		if wantDone > 0 {
			start = ends[wantDone-1]
		}
		if err != errSink || done != wantDone || straddled != (s.limit > start) {
			t.Fatalf("limit %d: done %d straddled %v err %v, want %d", s.limit, done, straddled, err, wantDone)
		}
		for _, seg := range w.segs[:cap(w.segs)] {
			if seg != nil {
				t.Fatal("the writer pins a message")
			}
		}
	})
}

// TestWriteChunkOnce: a chunk of copied frames is one write.
func TestWriteChunkOnce(t *testing.T) {
	var msgs []zmq4.Msg
	for range 2000 {
		msgs = append(msgs, zmq4.NewMsgFrom(repeat(10), repeat(50)))
	}
	s := &sink{limit: 1 << 30}
	var w Writer
	n := ChunkLen(msgs)
	if done, _, err := w.WriteChunk(s, msgs[:n]); done != n || err != nil || s.writes != 1 || n < 900 {
		t.Fatal(done, n, s.writes, err)
	}
}

// TestWriteChunkTCP: large frames go by reference through one vectored write and come out right.
func TestWriteChunkTCP(t *testing.T) {
	a, b := tcpPair(t)
	msgs := []zmq4.Msg{zmq4.NewMsgFrom(repeat(5), repeat(100_000), nil, repeat(40_000)), zmq4.NewMsg(repeat(7))}
	for range 200 {
		msgs = append(msgs, zmq4.NewMsgFrom(repeat(33_000), repeat(3)))
	}
	var werr error
	var done int
	wait := collect(func() {
		var w Writer
		done, _, werr = w.WriteChunk(a, msgs)
		a.Close()
	})
	got, err := decodeAll(NewDecoder(NewReader(b)))
	wait()
	if werr != nil || done != len(msgs) || err != io.EOF || len(got) != len(msgs) {
		t.Fatal(werr, done, err, len(got))
	}
	for i := range msgs {
		for j, f := range msgs[i].Frames {
			if !bytes.Equal(f, got[i].Frames[j]) {
				t.Fatal("message", i, "frame", j)
			}
		}
	}
}

func TestWriteAllocs(t *testing.T) {
	msgs := make([]zmq4.Msg, 100)
	for i := range msgs {
		msgs[i] = zmq4.NewMsgFrom(repeat(64), repeat(3))
	}
	msgs[50] = zmq4.NewMsg(repeat(40_000))
	var w Writer
	var nc io.Writer = io.Discard
	if n := testing.AllocsPerRun(100, func() { w.WriteChunk(nc, msgs) }); n > 1 { // the pool may be emptied by the collector
		t.Errorf("%v allocations per 100 messages", n)
	}
}
