// Command zmqbus talks ZeroMQ from a shell: it sends and receives with every socket type, prints the lifecycle of
// connections and the readiness of sockets as they change, forwards between sockets, and measures this machine.
//
//	zmqbus sub -c tcp://127.0.0.1:5555 -t weather             print what a publisher sends
//	echo hello | zmqbus push -b tcp://127.0.0.1:5556          each line of input is a message
//	zmqbus req -c tcp://127.0.0.1:5557 hello                  ask, print the reply
//	zmqbus monitor dealer -c tcp://127.0.0.1:5558             who came, who went, and why
//	zmqbus poll -b pull,tcp://127.0.0.1:5556                  when a socket becomes ready
//	zmqbus proxy --frontend xsub,@tcp://*:5559 --backend xpub,@tcp://*:5560
//	zmqbus demo                                               two linked buses: values and lifecycle in one select
//
// Messages go to standard output, one line each; with --json messages and events are JSON lines, flushed one by one.
// Everything else goes to standard error. The exit status is 0 when the work was done, 1 when it could not be done
// (one line says what and why) and 2 when the command was used wrongly.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// Exit statuses; they are part of the command's contract.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// errSignal is the cause of a context that SIGINT or SIGTERM ended.
var errSignal = errors.New("interrupted")

func main() {
	ctx := withSignals(context.Background())
	os.Exit(execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// withSignals returns a context that the first SIGINT or SIGTERM cancels with errSignal, so that sockets can flush and
// report their last events. The second one ends the process there and then.
func withSignals(parent context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	// Owned by the process: it waits for signals until the process exits.
	go func() {
		<-signals
		cancel(errSignal)
		<-signals
		os.Exit(exitFailed)
	}()
	return ctx
}
