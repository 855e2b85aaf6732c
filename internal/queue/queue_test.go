package queue

import (
	"testing"

	"pgregory.net/rapid"
)

func TestQueueModel(t *testing.T) {
	pool := Rings[int]()
	rapid.Check(t, func(t *rapid.T) {
		var q Queue[int]
		if rapid.Bool().Draw(t, "pooled") {
			q.Pool = pool
		}
		var model []int
		pushed := 0
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				for range rapid.IntRange(1, 200).Draw(t, "n") {
					q.Push(pushed)
					model = append(model, pushed)
					pushed++
				}
			},
			"pop": func(t *rapid.T) {
				for range min(rapid.IntRange(1, 200).Draw(t, "n"), len(model)) {
					if got := q.Pop(); got != model[0] {
						t.Fatalf("popped %d, want %d", got, model[0])
					}
					model = model[1:]
				}
			},
			"": func(t *rapid.T) {
				if q.Len() != len(model) {
					t.Fatalf("len %d, want %d", q.Len(), len(model))
				}
				for i, want := range model {
					if got := *q.At(i); got != want {
						t.Fatalf("at %d is %d, want %d", i, got, want)
					}
				}
				if q.Len() == 0 && len(q.buf) > keepCap {
					t.Fatalf("an empty queue keeps room for %d", len(q.buf))
				}
			},
		})
	})
}

func TestQueueForgetsWhatItGaveAway(t *testing.T) {
	var q Queue[*int]
	for range 10 {
		q.Push(new(int))
	}
	for range 9 {
		q.Pop()
	}
	kept := 0
	for _, p := range q.buf {
		if p != nil {
			kept++
		}
	}
	if kept != 1 {
		t.Fatalf("%d pointers kept for 1 element", kept)
	}
}
