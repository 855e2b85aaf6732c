package socket

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestRotationModel checks the order of service against a plain list, and that places stay consistent.
func TestRotationModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rotation{direction: rapid.IntRange(inbound, outbound).Draw(t, "direction")}
		members, eligible := map[*pipe]bool{}, map[*pipe]bool{}
		var order []*pipe // members, oldest first: draws stay reproducible
		pick := func(t *rapid.T) *pipe {
			if len(order) == 0 {
				t.Skip("the model is in no state for this step: another is drawn")
			}
			return rapid.SampledFrom(order).Draw(t, "pipe")
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(*rapid.T) {
				p := &pipe{}
				r.add(p)
				members[p] = true
				order = append(order, p)
			},
			"remove": func(t *rapid.T) {
				p := pick(t)
				r.remove(p)
				delete(members, p)
				delete(eligible, p)
				order = slices.DeleteFunc(order, func(x *pipe) bool { return x == p })
				r.remove(p)
				r.activate(p) // no member any more: without effect
				r.deactivate(p)
			},
			"activate":   func(t *rapid.T) { p := pick(t); r.activate(p); eligible[p] = true },
			"deactivate": func(t *rapid.T) { p := pick(t); r.deactivate(p); delete(eligible, p) },
			"round": func(t *rapid.T) {
				served := map[*pipe]int{}
				for range len(eligible) {
					served[r.current()]++
					r.advance()
				}
				for p := range eligible {
					if served[p] != 1 {
						t.Fatalf("a pipe was served %d times in a round of %d", served[p], len(eligible))
					}
				}
			},
			"": func(t *rapid.T) {
				if r.active != len(eligible) || len(r.pipes) != len(members) {
					t.Fatalf("%d of %d active; want %d of %d", r.active, len(r.pipes), len(eligible), len(members))
				}
				for i, p := range r.pipes {
					if !members[p] || p.slot[r.direction] != i || eligible[p] != p.turn[r.direction].active {
						t.Fatalf("pipe at %d: member %v, slot %d, eligible %v, %d active", i, members[p], p.slot[r.direction], eligible[p], r.active)
					}
				}
				if p := r.current(); (p == nil) != (len(eligible) == 0) || p != nil && !eligible[p] {
					t.Fatal("current is not eligible")
				}
			},
		})
	})
}

// TestRotationStarvesNobody: however others come and go, a pipe that stays eligible waits for no more turns than there
// are others.
func TestRotationStarvesNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rotation{}
		pipes := make([]*pipe, rapid.IntRange(2, 8).Draw(t, "pipes"))
		for i := range pipes {
			pipes[i] = &pipe{}
			r.add(pipes[i])
			r.activate(pipes[i])
		}
		steady := rapid.SampledFrom(pipes).Draw(t, "steady")
		waited := 0
		for range 100 {
			p := r.current()
			waited++
			if p == steady {
				waited = 0
			}
			if waited >= len(pipes) {
				t.Fatalf("not served for %d turns", waited)
			}
			if p != steady && rapid.Bool().Draw(t, "emptied") {
				r.deactivate(p) // leaves its place to the next: as fairQueue.pop does
			} else {
				r.advance()
			}
			if rapid.Bool().Draw(t, "refill") {
				r.activate(rapid.SampledFrom(pipes).Draw(t, "refilled"))
			}
		}
	})
}
