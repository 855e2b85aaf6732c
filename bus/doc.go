// Package bus carries typed values from publishers to subscribers: within a process, and through ZeroMQ between
// processes, where plain PUB and SUB sockets of any ZeroMQ library can join.
//
//	b, err := bus.New(ctx, nil)
//	quotes, err := bus.NewTopic[Quote](b, "md.quote.", nil)
//	err = quotes.Publish(ctx, "EURUSD", Quote{1.0841, 1.0843})
//
//	sub, err := quotes.Subscribe(ctx, bus.Prefix("EUR"))
//	for ev := range sub.C() {
//		fmt.Println(ev.Topic, ev.Value.Bid)
//	}
//
//	_, err = b.Export("@tcp://*:7000")           // what is published here, for others
//	_, err = b.Import(">tcp://10.0.0.7:7000")    // what another bus, or any PUB, publishes
//
// The channel of a subscription goes into a select, next to [Bus.Lifecycle], which tells which peers come and go, to
// timers and to contexts. Package flow has operators for channels.
//
// # Topics
//
// A topic is a string of bytes. A subscription names a prefix, and gets every topic that starts with it, as with
// ZeroMQ's SUB: "md.quote.EUR" also gets "md.quote.EURUSD", and "" gets all. Each subscription gets an event once,
// whatever other subscriptions there are.
//
// A Topic joins a prefix with a Go type and its codec. Between a publisher and a subscriber of one type in one bus the
// value itself is handed over: it is not encoded. Types may differ where prefixes overlap; then the publisher's codec
// encodes and the subscriber's decodes, as between processes.
//
// # Delivery
//
// Order: what one goroutine publishes arrives at each subscription in the order of its calls, whatever the topics; so
// does what one import receives from one peer. With policy Latest that holds for each topic by itself, since a newer
// value takes the place of the older. Between publishers, and between imports, no order is promised.
//
// Buffering: each subscription has a buffer of its own (see [Buffer] and [BufferBytes]), and a policy for when that is
// full. With DropNewest, DropOldest and Latest nobody ever waits for a subscription. With Block, Publish waits, and an
// import is not read, until there is room; subscriptions with other policies get the event before that, so that for
// them only what comes later is late. A publisher that waits ends with its context, and is told who missed the event
// ([PartialError]). A subscription that stays full is named in a warning.
//
// Loss: within a process nothing is lost but by a subscription's policy, or by its end. What a policy loses is counted
// in Stats, told by Event.Lost at its place, and announced by Lifecycle as DROPPED to who asks for that. What waits
// when a subscription ends is Discarded in its own Stats. Between processes ZeroMQ's rules hold: there are no
// acknowledgements. A peer that is not connected, or has not subscribed yet, misses what is published;
// [Bus.WaitSubscribers] waits for it. A peer that is slower than its pipe is long loses what does not fit, counted in
// the export's Stats.
//
// Decoding: a payload that a subscription cannot decode is counted and given to its hook (see [OnDecodeError]). It ends
// nothing, and other subscriptions are not concerned. Each subscription decodes on its own goroutine.
//
// Values: a value that holds pointers, such as a []byte, is shared by the publisher and all subscribers of its type:
// nobody may write to it after Publish. Payloads that [Bytes] hands out are shared likewise.
//
// # Links
//
// Each Export is a PUB socket and each Import a SUB socket, bound or connected over tcp, ipc or inproc. Messages have
// two frames, topic and payload. Upstream an import is subscribed to exactly the prefixes that have subscriptions in
// this bus: the first adds one, the end of the last removes it. Connections that are lost are made again, and told the
// subscriptions again. What is imported is delivered in this bus and never exported again; so two buses may export to
// and import from each other without a loop. To fan out, connect all of them to a broker ("zmqbus proxy"); a bus that
// exports to the broker and imports from it gets what it publishes itself twice, directly and, with another Source,
// from there.
//
// An import that waits for a subscription with policy Block does not see its peers' PINGs: a publisher with heartbeats
// disconnects it, unless the link has heartbeats too (HeartbeatInterval in [Config] Link) and no longer an interval.
//
// # End
//
// [Bus.Close] takes nothing any more, delivers what was accepted, flushes exports up to their linger time, and ends. It
// needs readers that go on reading, and drops what imports have received and the bus has not read. What could not be
// delivered before its context ended is in its error. The end of New's context ends everything at once. Both end every
// goroutine, socket and channel of the bus; subscriptions' channels are closed, and what is in them stays readable. The
// end of a subscription's own context ends that subscription alone.
package bus
