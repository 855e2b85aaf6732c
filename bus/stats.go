package bus

import "zmqbus/socket"

// Stats is a snapshot of a bus's counters: a plain tree of structs, ready for encoding/json.
type Stats struct {
	Topics        []TopicStats        // by prefix
	Subscriptions []SubscriptionStats // that have not ended, in subscription order
	Links         []LinkStats         // that have not ended, oldest first
}

// TopicStats counts what was published under one prefix with one type, by all Topics of the bus that have both.
type TopicStats struct {
	Prefix    string
	Type      string // Go's name of the type
	Published uint64 // events that Publish accepted
	Encoded   uint64 // of these: because somebody needed bytes
}

// SubscriptionStats counts a subscription's events: Accepted = Delivered + Dropped + Conflated + Undecodable + Discarded
// + Depth while nothing moves.
type SubscriptionStats struct {
	Name, Prefix string
	Policy       string
	Buffer       int
	Accepted     uint64 // offered to it; with Block, once they had room
	Delivered    uint64 // put into its channel
	Dropped      uint64 // by DropNewest and DropOldest, and by Latest beyond Buffer topics
	Conflated    uint64 // by Latest: replaced by a newer one of the topic
	Undecodable  uint64 // given to the hook
	Discarded    uint64 // still there when it ended
	Depth        int    // events that wait to be put into the channel
	InChannel    int    // delivered and not yet received
	Waiting      int    // publishers and links that wait for room
}

// LinkStats counts one link's messages.
type LinkStats struct {
	Endpoint  string
	Import    bool   // else an export
	Received  uint64 // imports: events that were read and given to the subscriptions that match, if any does
	Malformed uint64 // imports: messages without topic and payload, dropped
	Paused    bool   // imports: not read, since a subscription with policy Block is full
	// Socket has the counters of the socket and its pipes, one for each peer; what an export could not queue for a slow
	// peer is dropped there.
	Socket socket.Stats
}
