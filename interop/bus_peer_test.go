package interop

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"zmqbus/bus"
	"zmqbus/monitor"
	"zmqbus/socket"
)

// busPeerRole as the first argument makes the test binary a busPeer.
const busPeerRole = "bus-peer"

// Heartbeats of every member of a tree, which promise that a silent peer is given up after both.
const (
	treeInterval = 200 * time.Millisecond
	treeTimeout  = 400 * time.Millisecond
)

// leaf is what all members of a topic tree publish, as JSON. peer.py makes the same.
type leaf struct {
	From string `json:"from"`
	Note string `json:"note"`
	At   int64  `json:"at"` // when it was published: nanoseconds since 1970, never twice the same from one publisher
}

// report is one line of a member's standard output.
type report struct {
	Kind     string `json:"kind"`               // link, event, value, ack; undecodable, which fails the test
	Endpoint string `json:"endpoint,omitempty"` // link: as bound or connected; event; value: the import's
	Name     string `json:"name,omitempty"`     // event: libzmq's name; ack: the order
	Conn     int64  `json:"conn,omitempty"`     // event: what names the connection in this process
	Why      string `json:"why,omitempty"`      // event
	Topic    string `json:"topic,omitempty"`    // value
	From     string `json:"from,omitempty"`     // value
	Note     string `json:"note,omitempty"`     // value
	At       int64  `json:"at,omitempty"`       // event: when it happened; value: when it was published
}

// busPeer is a process with one bus: a member of a topic tree. Its arguments are a name, the note of its values, and its
// links ("export @tcp://...", "import >ipc://..."). It reports what it bound, its lifecycle and what it receives,
// and publishes on tree.NAME every 2 ms between the lines "on" and "off" of standard input, whose end is its own.
func busPeer(args []string) int {
	if err := runBusPeer(args[0], args[1], args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "bus-peer:", err)
		return 1
	}
	return 0
}

func runBusPeer(name, note string, links []string) error {
	ctx := context.Background()
	b, err := bus.New(ctx, &bus.Config{Name: name, Link: &socket.Config{
		HeartbeatInterval: treeInterval, HeartbeatTimeout: treeTimeout, ReconnectInterval: 50 * time.Millisecond,
	}})
	if err != nil {
		return err
	}
	life := b.Lifecycle(0)
	leaves, err := bus.NewTopic[leaf](b, "tree.", nil)
	if err != nil {
		return err
	}
	sub, err := leaves.Subscribe(ctx, bus.OnDecodeError(func(e *bus.DecodeError) {
		tell(report{Kind: "undecodable", Topic: e.Topic, Note: string(e.Payload), Why: e.Error()})
	}))
	if err != nil {
		return err
	}
	for _, l := range links {
		if err := busPeerLink(b, l); err != nil {
			return err
		}
	}
	orders := make(chan string)
	go readOrders(orders) // this process's own; ends with standard input, and the process with it
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	var tick <-chan time.Time
	var at int64
	for {
		select {
		case ev := <-sub.C():
			tell(report{
				Kind: "value", Endpoint: ev.Source.Link, Conn: int64(ev.Source.Conn), Topic: ev.Topic,
				From: ev.Value.From, Note: ev.Value.Note, At: ev.Value.At,
			})
		case e := <-life.C():
			tellEvent(e)
		case <-tick:
			at = max(at+1, time.Now().UnixNano())
			if err := leaves.Publish(ctx, name, leaf{name, note, at}); err != nil {
				return err
			}
		case order, ok := <-orders:
			if !ok {
				return closeBusPeer(b)
			}
			tick = nil
			if order == "on" {
				tick = ticker.C
			}
			tell(report{Kind: "ack", Name: order})
		}
	}
}

// closeBusPeer ends the bus. What nobody reads any more is not an error.
func closeBusPeer(b *bus.Bus) error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := b.Close(ctx)
	if left := new(bus.UndeliveredError); errors.As(err, &left) {
		return nil
	}
	return err
}

func busPeerLink(b *bus.Bus, l string) error {
	kind, endpoint, _ := strings.Cut(l, " ")
	open := b.Import
	if kind == "export" {
		open = b.Export
	}
	link, err := open(endpoint)
	if err != nil {
		return err
	}
	tell(report{Kind: "link", Endpoint: link.Endpoint()})
	return nil
}

func readOrders(to chan<- string) {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		to <- in.Text()
	}
	close(to)
}

func tellEvent(e monitor.Event) {
	r := report{Kind: "event", Name: e.Type.String(), Endpoint: e.Endpoint, Conn: int64(e.Conn), At: e.Time.UnixNano()}
	if e.Err != nil {
		r.Why = e.Err.Error()
	}
	tell(r)
}

func tell(r report) {
	line, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings and numbers only
	}
	fmt.Println(string(line))
}
