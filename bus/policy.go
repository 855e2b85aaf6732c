package bus

import "fmt"

// Policy says what a subscription does with an event when its buffer is full. None but Block ever delays whoever
// publishes, or another subscription.
type Policy int

// The policies. Whatever is lost is counted in Stats, told by Event.Lost at its exact place, and announced as a DROPPED
// event of Bus.Lifecycle.
const (
	// DropNewest loses the event that does not fit, as libzmq does at its high-water mark. The default.
	DropNewest Policy = iota
	// DropOldest loses the event that has waited longest.
	DropOldest
	// Block makes Publish, or the reading of an import, wait for room. Nothing is lost. A goroutine that publishes to a
	// subscription which only it reads waits for itself: give that Publish a context that ends.
	Block
	// Latest keeps the newest event of each topic. It takes the place of the older one, so a topic that is published
	// often does not fall behind the others. When more topics wait than the buffer holds, the oldest goes.
	Latest
)

var policyNames = [...]string{"drop newest", "drop oldest", "block", "latest"}

// String returns the policy's name in lower case.
func (p Policy) String() string {
	if !p.valid() {
		return fmt.Sprintf("Policy(%d)", int(p))
	}
	return policyNames[p]
}

func (p Policy) valid() bool { return p >= 0 && int(p) < len(policyNames) }

// replaces reports whether an event that waits may be replaced by a newer one: also one that is being offered.
func (p Policy) replaces() bool { return p == DropOldest || p == Latest }
