package reactor

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// soak is one reactor's life, with workers that add, feed, pause, remove and end sources, and a reader that stalls.
type soak struct {
	t   *testing.T
	r   *Reactor
	tcp atomic.Int64 // sources of that kind

	mu      sync.Mutex // guards what follows
	stints  map[ID]soakOwner
	orphans []*soakSource // that the reactor's end found in it
	counts  soakCounts
}

type soakOwner struct {
	source *soakSource
	stint  *soakStint
}

// soakTime is 2 s, or what ZMQBUS_SOAK says.
func soakTime(t *testing.T) time.Duration {
	s := os.Getenv("ZMQBUS_SOAK")
	if s == "" {
		return 2 * time.Second
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatalf("ZMQBUS_SOAK: %v", err)
	}
	return d
}

// Whatever is added, removed, closed and cancelled, and however the reactor ends: each number that was put into a source
// was delivered, or returned, or is left in the source, or was counted as dropped by a socket that closed; in order. And
// nothing is left behind.
func TestSoak(t *testing.T) {
	current := goleak.IgnoreCurrent()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	var sum soakCounts
	files := 0
	for begun := time.Now(); time.Since(begun) < soakTime(t) && !t.Failed(); {
		soakReactor(t, rng, &sum)
		switch n := soakFiles(); {
		case sum.reactors == 1:
			files = n // the runtime has opened what it needs
		case n > files:
			t.Errorf("%d open files after %d reactors, %d after the first", n, sum.reactors, files)
		}
	}
	goleak.VerifyNone(t, current)
	t.Logf("seed %d: %+v", seed, sum)
}

// soakFiles counts the open files of the process, where that can be seen.
func soakFiles() int {
	files, _ := os.ReadDir("/proc/self/fd")
	return len(files)
}

var errSoak = errors.New("a handler has had enough")

// soakReactor is one reactor's life, of up to half a second.
func soakReactor(t *testing.T, rng *rand.Rand, sum *soakCounts) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	r, err := New(ctx, &Config{Events: 1 + rng.IntN(maxEvents), Budget: 1 + rng.IntN(20)})
	if err != nil {
		t.Fatal(err)
	}
	k := &soak{t: t, r: r, stints: map[ID]soakOwner{}, counts: *sum}
	k.counts.reactors++
	kill := make(chan int, 1)
	if _, err := r.Handle(Chan(kill), func(Event) error { return errSoak }); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 4 {
		own := rand.New(rand.NewPCG(rng.Uint64(), uint64(i)))
		group.Go(func() { // ends with the reactor
			for !k.over() {
				k.live(own)
			}
		})
	}
	group.Go(k.read) // ends with the reactor
	want := error(nil)
	how := rng.IntN(3)
	time.AfterFunc(time.Duration(rng.IntN(500))*time.Millisecond, func() { // ends at once
		switch how {
		case 0:
			cancel(errSoak)
		case 1:
			kill <- 1
		default:
			r.Stop()
		}
	})
	if how < 2 {
		want = errSoak
	}
	err = r.Wait()
	group.Wait()
	var undelivered *UndeliveredError
	if errors.As(err, &undelivered) {
		for _, e := range undelivered.Events {
			if o, ok := k.stints[e.From()]; ok {
				o.source.giveBack(o.stint, []Event{e})
			}
		}
	}
	if want != nil && !errors.Is(err, want) || want == nil && err != nil && undelivered == nil {
		t.Errorf("Wait returned %v, want %v", err, want)
	}
	for _, s := range k.orphans {
		k.close(s)
	}
	*sum = k.counts
}

func (k *soak) over() bool {
	select {
	case <-k.r.Done():
		return true
	default:
		return k.t.Failed()
	}
}

// read takes the events, and stalls now and then for as long as the loop needs for some rounds.
func (k *soak) read() {
	ran := make(chan struct{}, 1)
	n := 0
	for e := range k.r.Events() {
		k.mu.Lock()
		o, ok := k.stints[e.From()]
		k.mu.Unlock()
		if !ok {
			k.t.Errorf("%T of %d, which was never added", e, e.From())
			continue
		}
		o.source.deliver(o.stint, e)
		if _, ok := e.(Readiness); ok {
			_ = k.r.Resume(e.From()) // it may have been removed meanwhile
		}
		if n++; n%500 == 0 {
			for range 100 {
				if k.r.Post(func() { ran <- struct{}{} }) != nil {
					break
				}
				<-ran
			}
		}
	}
}

// live is a source's life: some stints in the reactor, each with its sends, pauses and end.
func (k *soak) live(rng *rand.Rand) {
	s, err := k.open(rng)
	if err != nil {
		k.t.Error(err)
		return
	}
	for range 1 + rng.IntN(3) {
		id, st, err := k.add(s, rng.IntN(2) == 0)
		if err != nil {
			break // the reactor has ended
		}
		k.feed(s, id, rng)
		if s.end != nil && rng.IntN(6) == 0 {
			s.end()
			s.ended = true
			_ = k.r.Resume(id)
			if rng.IntN(2) == 0 {
				k.await(s, func() bool { return st.closed })
			}
		}
		events, err := k.r.Remove(id)
		s.giveBack(st, events)
		switch {
		case errors.Is(err, ErrClosed):
			k.mu.Lock()
			k.orphans = append(k.orphans, s)
			k.mu.Unlock()
			return
		case err != nil && !(s.ended && errors.Is(err, ErrNoSource)):
			k.t.Error(err)
		}
		if s.ended {
			break
		}
	}
	k.close(s)
}

// add puts s into the reactor.
func (k *soak) add(s *soakSource, direct bool) (id ID, st *soakStint, err error) {
	st = &soakStint{}
	s.mu.Lock()
	s.stints = append(s.stints, st)
	s.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	if !direct {
		id, err = k.r.Add(s.source)
	} else {
		n := 0
		id, err = k.r.Handle(s.source, func(e Event) error {
			s.deliver(st, e)
			if n++; n%100 == 0 {
				_ = k.r.Pause(e.From()) // it may have been removed
				_ = k.r.Post(func() { _ = k.r.Resume(e.From()) })
			}
			return nil
		})
	}
	k.stints[id] = soakOwner{s, st}
	if err != nil && !errors.Is(err, ErrClosed) {
		k.t.Error(err)
	}
	return id, st, err
}

// feed sends, pauses and resumes, and mostly waits until all has come.
func (k *soak) feed(s *soakSource, id ID, rng *rand.Rand) {
	for range rng.IntN(6) {
		switch rng.IntN(4) {
		case 0:
			_ = k.r.Pause(id) // the reactor may have ended
		case 1:
			_ = k.r.Resume(id)
		default:
			s.send(rng.IntN(200))
		}
	}
	if rng.IntN(3) > 0 {
		_ = k.r.Resume(id)
		k.await(s, func() bool { return s.missingLocked() == 0 && (s.kind != "timer" || s.ticks > 2) })
	}
}

// await waits for what deliveries bring about, or the reactor's end. done is called with the source's lock.
func (k *soak) await(s *soakSource, done func() bool) {
	for {
		s.mu.Lock()
		ok := done()
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-s.poke:
		case <-k.r.Done():
			return
		case <-time.After(propPatience):
			k.t.Errorf("%s: nothing comes; %d of %d numbers are missing", s.kind, s.missing(), s.sent)
			return
		}
	}
}

// close settles the account of a source that is out of the reactor.
func (k *soak) close(s *soakSource) {
	if err := s.collect(); err != nil {
		k.t.Error(err)
	}
	s.free()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.counts.add(s)
}
