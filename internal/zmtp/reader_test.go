package zmtp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
)

// TestReaderGrowsAndShrinks: a burst borrows the big buffer; before a read that may block it is given back.
func TestReaderGrowsAndShrinks(t *testing.T) {
	src := &steps{reads: []int{100, 512, 60_000, 65_536, 300, 10}}
	r := NewReader(src)
	for i, c := range []struct {
		room int
		big  bool
	}{{smallBuf, false}, {smallBuf, false}, {bigBuf, true}, {smallBuf, false}} {
		if err := r.fill(); err != nil {
			t.Fatal(err)
		}
		if src.room != c.room || (r.big != nil) != c.big {
			t.Errorf("read %d: room %d, big %v", i, src.room, r.big != nil)
		}
		r.r = r.w
	}
	r.Release()
	if r.big != nil || r.Buffered() != 0 {
		t.Error("Release keeps the buffer")
	}
}

// steps reads so many bytes at a time.
type steps struct {
	reads []int
	room  int
}

func (s *steps) Read(p []byte) (int, error) {
	if len(s.reads) == 0 {
		return 0, io.EOF
	}
	n := min(s.reads[0], len(p))
	s.reads, s.room = s.reads[1:], len(p)
	return n, nil
}

func TestReaderNoProgress(t *testing.T) {
	if _, err := NewReader(stuck{}).Read(make([]byte, 1)); err != io.ErrNoProgress {
		t.Error(err)
	}
	if n, err := NewReader(stuck{}).Read(nil); n != 0 || err != nil {
		t.Error(n, err)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// TestReaderHoldsNothingWhileBlocked: a connection that waits has no big buffer, with or without half a frame.
func TestReaderHoldsNothingWhileBlocked(t *testing.T) {
	for _, left := range []string{"", "\x00\x09half"} {
		a, b := tcpPair(t)
		r := NewReader(a)
		d := NewDecoder(r)
		b.Write(append(AppendMessage(nil, [][]byte{repeat(30_000)}), left...))
		for got := 0; got == 0; {
			batch, err := d.ReadBatch(nil)
			if err != nil {
				t.Fatal(err)
			}
			got += len(batch)
		}
		a.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := d.ReadBatch(nil); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		if r.big != nil || r.Buffered() != len(left) {
			t.Errorf("big %v, %d buffered", r.big != nil, r.Buffered())
		}
	}
}

// TestReaderErrors: a closed socket, and a peer's end after data.
func TestReaderErrors(t *testing.T) {
	a, b := tcpPair(t)
	r := NewReader(a)
	b.Write([]byte("bye"))
	b.Close()
	if got, err := io.ReadAll(r); string(got) != "bye" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	a.Close()
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

// TestReaderClosedWhileBlocked: Close from another goroutine ends a read.
func TestReaderClosedWhileBlocked(t *testing.T) {
	a, _ := tcpPair(t)
	started := make(chan struct{})
	errs := make(chan error, 1)
	wait := collect(func() {
		close(started)
		_, err := NewDecoder(NewReader(a)).ReadBatch(nil)
		errs <- err
	})
	<-started
	a.Close()
	wait()
	if err := <-errs; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

// TestReaderUnix: the raw path over ipc.
func TestReaderUnix(t *testing.T) {
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Skip("no unix sockets:", err)
	}
	defer ln.Close()
	wait := collect(func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		var w Writer
		for range 50 {
			w.WriteChunk(c, []zmq4.Msg{zmq4.NewMsg(repeat(64)), zmq4.NewMsg(repeat(100_000))})
		}
	})
	c, err := net.Dial("unix", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	msgs, err := decodeAll(NewDecoder(NewReader(c)))
	wait()
	if err != io.EOF || len(msgs) != 100 || !bytes.Equal(msgs[99].Frames[0], repeat(100_000)) {
		t.Fatal(len(msgs), err)
	}
}
