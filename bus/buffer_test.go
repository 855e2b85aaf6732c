package bus

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"zmqbus/internal/queue"
)

// bufferRun plays a script on a buffer: "a1" puts value 1 of topic a, "offer" lets the pump offer the front, "deliver"
// and "withdraw" settle that, "take" gives the pump all that waits, "held=2" says how much of that it still holds.
type bufferRun struct {
	buf   buffer[int]
	hand  queue.Queue[item[int]]
	copy  item[int]
	stale []string // puts that made the offer go stale
}

func (r *bufferRun) step(t *testing.T, step string) {
	t.Helper()
	switch {
	case step == "offer":
		r.buf.show(&r.copy)
	case step == "deliver":
		r.buf.endOffer(true)
		r.buf.n.delivered++
	case step == "withdraw":
		r.buf.endOffer(false)
	case step == "take":
		r.buf.take(&r.hand)
	case strings.HasPrefix(step, "held="):
		held, err := strconv.Atoi(step[len("held="):])
		if err != nil {
			t.Fatal(err)
		}
		r.buf.n.delivered += uint64(r.buf.held - held)
		r.buf.held = held
	default:
		v, err := strconv.Atoi(step[1:])
		if err != nil {
			t.Fatal(err)
		}
		it := item[int]{ev: Event[int]{Topic: step[:1], Value: v, Time: time.Unix(int64(v), 0)}}
		if r.buf.put(&it) {
			r.stale = append(r.stale, step)
		}
	}
}

// bufferText writes events as "a1 b2+3", with what was lost before.
func bufferText(q *queue.Queue[item[int]]) string {
	var parts []string
	for i := range q.Len() {
		ev := q.At(i).ev
		text := fmt.Sprint(ev.Topic, ev.Value)
		if ev.Lost > 0 {
			text += fmt.Sprintf("+%d", ev.Lost)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}

func TestBuffer(t *testing.T) {
	for _, tc := range []struct {
		name   string
		policy Policy
		size   int
		script string
		ring   string
		gap    uint64
		stale  string
		n      counts
	}{
		{"drop newest keeps what came first", DropNewest, 2, "a1 a2 a3 a4", "a1 a2", 2, "", counts{accepted: 4, dropped: 2}},
		{"drop newest tells the loss at the next event", DropNewest, 2, "a1 a2 a3 a4 take held=1 a5 held=0 a6",
			"a5+2 a6", 0, "", counts{accepted: 6, delivered: 2, dropped: 2}},
		{"drop newest counts what the pump holds", DropNewest, 2, "a1 a2 take a3 held=1 a4 a5", "a4+1", 1, "",
			counts{accepted: 5, delivered: 1, dropped: 2}},
		{"drop newest in a buffer of one", DropNewest, 1, "a1 a2 take held=0 a3", "a3+1", 0, "",
			counts{accepted: 3, delivered: 1, dropped: 1}},

		{"block keeps all there is room for", Block, 3, "a1 b2 a3", "a1 b2 a3", 0, "", counts{accepted: 3}},
		{"block counts what the pump holds", Block, 3, "a1 b2 take a3 held=1 a4", "a3 a4", 0, "", counts{accepted: 4, delivered: 1}},

		{"drop oldest loses the front", DropOldest, 2, "a1 a2 a3", "a2+1 a3", 0, "", counts{accepted: 3, dropped: 1}},
		{"drop oldest adds losses up", DropOldest, 2, "a1 a2 a3 a4 a5", "a4+3 a5", 0, "", counts{accepted: 5, dropped: 3}},
		{"drop oldest in a buffer of one", DropOldest, 1, "a1 a2 a3", "a3+2", 0, "", counts{accepted: 3, dropped: 2}},
		{"drop oldest ignores topics", DropOldest, 2, "a1 b2 a3", "b2+1 a3", 0, "", counts{accepted: 3, dropped: 1}},
		{"an offer stays in the buffer", DropOldest, 2, "a1 a2 offer", "a1 a2", 0, "", counts{accepted: 2}},
		{"an offer that is delivered goes", DropOldest, 2, "a1 a2 offer deliver", "a2", 0, "", counts{accepted: 2, delivered: 1}},
		{"an offer that is withdrawn though it stands stays", DropOldest, 2, "a1 a2 offer withdraw", "a1 a2", 0, "",
			counts{accepted: 2}},
		{"an offer goes stale once", DropOldest, 2, "a1 a2 offer a3 a4", "a3+1 a4", 0, "a3", counts{accepted: 4, dropped: 1}},
		{"a stale offer that is delivered is not lost", DropOldest, 2, "a1 a2 offer a3 deliver", "a2 a3", 0, "a3",
			counts{accepted: 3, delivered: 1}},
		{"a stale offer that is withdrawn is lost", DropOldest, 2, "a1 a2 offer a3 withdraw", "a2+1 a3", 0, "a3",
			counts{accepted: 3, dropped: 1}},
		{"losses before and behind a stale offer that is withdrawn", DropOldest, 2, "a1 a2 a3 offer a4 a5 withdraw",
			"a4+3 a5", 0, "a4", counts{accepted: 5, dropped: 3}},
		{"losses before a stale offer that is delivered are told with it", DropOldest, 2, "a1 a2 a3 offer a4 a5 deliver",
			"a4+1 a5", 0, "a4", counts{accepted: 5, delivered: 1, dropped: 2}},
		{"a stale offer from a buffer of one", DropOldest, 1, "a1 offer a2 withdraw", "a2+1", 0, "a2", counts{accepted: 2, dropped: 1}},
		{"a stale offer that is delivered from a buffer of one", DropOldest, 1, "a1 offer a2 deliver", "a2", 0, "a2",
			counts{accepted: 2, delivered: 1}},
		{"the next offer is fresh", DropOldest, 1, "a1 offer a2 withdraw offer deliver", "", 0, "a2",
			counts{accepted: 2, delivered: 1, dropped: 1}},

		{"latest replaces in place", Latest, 3, "a1 b2 c3 a4", "a4+1 b2 c3", 0, "", counts{accepted: 4, conflated: 1}},
		{"latest replaces in the middle", Latest, 3, "a1 b2 c3 b4 b5", "a1 b5+2 c3", 0, "", counts{accepted: 5, conflated: 2}},
		{"latest replaces though it is full", Latest, 2, "a1 b2 b3", "a1 b3+1", 0, "", counts{accepted: 3, conflated: 1}},
		{"latest finds its place behind what was delivered", Latest, 3, "a1 b2 c3 offer deliver c4 d5 d6", "b2 c4+1 d6+1", 0, "",
			counts{accepted: 6, delivered: 1, conflated: 2}},
		{"a topic that was delivered waits anew at the end", Latest, 3, "a1 b2 offer deliver a3", "b2 a3", 0, "",
			counts{accepted: 3, delivered: 1}},
		{"more topics than room lose the oldest", Latest, 2, "a1 b2 c3", "b2+1 c3", 0, "", counts{accepted: 3, dropped: 1}},
		{"more topics than room in a buffer of one", Latest, 1, "a1 b2 c3", "c3+2", 0, "", counts{accepted: 3, dropped: 2}},
		{"a topic that was lost waits anew at the end", Latest, 2, "a1 b2 c3 a4", "c3+2 a4", 0, "", counts{accepted: 4, dropped: 2}},
		{"a topic that was replaced and then lost", Latest, 2, "a1 a2 b3 c4", "b3+2 c4", 0, "",
			counts{accepted: 4, dropped: 1, conflated: 1}},
		{"an offer is replaced", Latest, 2, "a1 b2 offer a3 withdraw", "a3+1 b2", 0, "a3", counts{accepted: 3, conflated: 1}},
		{"an offer is replaced, but delivered", Latest, 2, "a1 b2 offer a3 deliver", "a3 b2", 0, "a3",
			counts{accepted: 3, delivered: 1}},
		{"an offer is replaced twice", Latest, 2, "a1 b2 offer a3 a4 withdraw", "a4+2 b2", 0, "a3",
			counts{accepted: 4, conflated: 2}},
		{"an offer is replaced twice, but delivered", Latest, 2, "a1 b2 offer a3 a4 deliver", "a4+1 b2", 0, "a3",
			counts{accepted: 4, delivered: 1, conflated: 1}},
		{"another topic than that offered is replaced", Latest, 2, "a1 b2 offer b3 deliver", "b3+1", 0, "",
			counts{accepted: 3, delivered: 1, conflated: 1}},
		{"an offer is replaced, and that lost", Latest, 2, "a1 b2 offer a3 c4 withdraw", "b2+2 c4", 0, "a3",
			counts{accepted: 4, dropped: 1, conflated: 1}},
		{"an offer is lost, and its topic comes again", Latest, 2, "a1 b2 offer c3 b4 withdraw", "b4+2 c3", 0, "c3",
			counts{accepted: 4, dropped: 1, conflated: 1}},
		{"losses before an offer that is replaced", Latest, 2, "a1 a2 offer a3 withdraw", "a3+2", 0, "a3",
			counts{accepted: 3, conflated: 2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &bufferRun{buf: buffer[int]{limit: 1 << 20, policy: tc.policy, size: tc.size}}
			for step := range strings.FieldsSeq(tc.script) {
				r.step(t, step)
			}
			if got := bufferText(&r.buf.ring); got != tc.ring {
				t.Errorf("waiting: %q, want %q", got, tc.ring)
			}
			if got := strings.Join(r.stale, " "); got != tc.stale {
				t.Errorf("went stale with %q, want %q", got, tc.stale)
			}
			if r.buf.n != tc.n || r.buf.gap != tc.gap {
				t.Errorf("counts %+v gap %d, want %+v gap %d", r.buf.n, r.buf.gap, tc.n, tc.gap)
			}
		})
	}
}

// The pump's copy keeps its own mark of what was lost, whatever happens to the buffer meanwhile.
func TestBufferOfferIsACopy(t *testing.T) {
	r := &bufferRun{buf: buffer[int]{limit: 1 << 20, policy: Latest, size: 2}}
	for _, step := range []string{"a1", "a2", "b3", "offer", "a4", "b5"} {
		r.step(t, step)
	}
	if r.copy.ev.Value != 2 || r.copy.ev.Lost != 1 {
		t.Errorf("the offer is %+v, want value 2 with 1 lost before", r.copy.ev)
	}
}

// A topic that does not wait any more costs nothing.
func TestBufferForgetsTopics(t *testing.T) {
	r := &bufferRun{buf: buffer[int]{limit: 1 << 20, policy: Latest, size: 3}}
	for i := range 100 {
		r.step(t, string(rune('A'+i%50))+"1")
		if i%2 == 1 {
			r.step(t, "offer")
			r.step(t, "deliver")
		}
	}
	if len(r.buf.at) != r.buf.ring.Len() {
		t.Errorf("%d topics kept for %d events", len(r.buf.at), r.buf.ring.Len())
	}
}
