package main

import (
	"strings"

	"github.com/go-zeromq/zmq4"

	"zmqbus/socket"
)

// kind is what the command line knows about a socket type.
type kind struct {
	typ             zmq4.SocketType
	sends, receives bool
	topics          bool // takes -t
	short           string
	examples        []string
}

func (k kind) name() string { return strings.ToLower(string(k.typ)) }

// input reports whether messages come from the arguments or from standard input. REP sends, but only answers.
func (k kind) input() bool { return k.sends && k.typ != zmq4.Rep }

var kinds = []kind{
	{typ: zmq4.Pub, sends: true, short: "publish messages", examples: []string{
		"zmqbus pub -b tcp://*:5555 --wait 1 'weather sunny'   wait for a subscriber, send one message",
		"zmqbus pub -b tcp://*:5555 --interval 1s tick         send it every second"}},
	{typ: zmq4.Sub, receives: true, topics: true, short: "subscribe and print", examples: []string{
		"zmqbus sub -c tcp://127.0.0.1:5555 -t weather         messages that start with weather",
		"zmqbus sub -c tcp://127.0.0.1:5555 --json --events all  messages and lifecycle as JSON lines"}},
	{typ: zmq4.XPub, sends: true, receives: true, short: "publish, and print subscriptions", examples: []string{
		"zmqbus xpub -b tcp://*:5555                           \\x01weather: somebody subscribed to weather"}},
	{typ: zmq4.XSub, sends: true, receives: true, topics: true, short: "subscribe, print, and send upstream",
		examples: []string{"zmqbus xsub -c tcp://127.0.0.1:5555 -t weather"}},
	{typ: zmq4.Push, sends: true, short: "hand messages to workers in turn", examples: []string{
		"seq 300 | zmqbus push -b tcp://*:5556 --wait 3        a third for each of three workers"}},
	{typ: zmq4.Pull, receives: true, short: "take messages from pushers, print them", examples: []string{
		"zmqbus pull -b tcp://*:5556 -n 10                     ten messages, then exit"}},
	{typ: zmq4.Pair, sends: true, receives: true, short: "talk to exactly one peer", examples: []string{
		"zmqbus pair -b tcp://*:5557                           lines out, messages in"}},
	{typ: zmq4.Req, sends: true, receives: true, short: "ask, print the reply", examples: []string{
		"zmqbus req -c tcp://127.0.0.1:5558 hello              exits after the reply",
		"zmqbus req -c tcp://127.0.0.1:5558 -d 2s hello        exit status 1 when none comes in 2 s"}},
	{typ: zmq4.Rep, sends: true, receives: true, short: "print requests and answer them", examples: []string{
		"zmqbus rep -b tcp://*:5558                            the answer is the request",
		"zmqbus rep -b tcp://*:5558 --reply ok                 the answer is ok"}},
	{typ: zmq4.Dealer, sends: true, receives: true, short: "send in turn, print what comes back", examples: []string{
		"zmqbus dealer -c tcp://127.0.0.1:5559 -o routing_id=A hello",
		"zmqbus dealer -c tcp://127.0.0.1:5558 -n 1 '' hello   to a REP: an empty frame first"}},
	{typ: zmq4.Router, sends: true, receives: true, short: "send to named peers, print who sent what", examples: []string{
		"zmqbus router -b tcp://*:5559 --wait 1 A hello        to the peer whose routing id is A",
		"zmqbus router -b tcp://*:5559 --delim :               a line A:hello goes to A"}},
}

// findKind looks a socket type up by its name, in either case.
func findKind(name string) (kind, error) {
	for _, k := range kinds {
		if strings.EqualFold(name, string(k.typ)) {
			return k, nil
		}
	}
	return kind{}, usagef("unknown socket type %q: one of %s", name, strings.Join(kindNames(), " "))
}

func kindNames() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name()
	}
	return names
}

// help says what the type does with input, output and its end.
func (k kind) help() string {
	var b strings.Builder
	switch {
	case k.typ == zmq4.Req:
		b.WriteString("FRAME arguments are one request; without them each line of standard input is one. Each reply is printed\n" +
			"before the next request goes out; after the last reply it exits.")
	case k.typ == zmq4.Rep:
		b.WriteString("Requests are printed and answered, with themselves or with --reply, until -n, -d or a signal.")
	case k.sends && k.receives:
		b.WriteString("FRAME arguments are the frames of one message; without them each line of standard input is a message.\n" +
			"Received messages are printed, until -n, -d or a signal, also after the end of input.")
	case k.sends:
		b.WriteString("FRAME arguments are the frames of one message; without them each line of standard input is a message.\n" +
			"At the end of input it waits until all is sent (at most the linger time, 5 s) and exits.")
	default:
		b.WriteString("Received messages are printed until -n, -d or a signal.")
	}
	b.WriteString("\n\nOptions for -o: " + wrap(socket.OptionNames(), 100) + ".")
	return b.String()
}
