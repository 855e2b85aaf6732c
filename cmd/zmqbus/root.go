package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"zmqbus/socket"
)

// app is one run of the command: where it reads and writes, and whether a command of ours was reached.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	started        bool // flags and arguments were accepted; errors from here on are failures, not wrong usage
}

// usageError is wrong usage that is found after the flags were parsed.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// execute runs one command line and returns the exit status. It writes at most one line about an error.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	if status := a.status(err); status != exitUsage {
		fmt.Fprintf(stderr, "zmqbus: %s\n", describe(err))
		return status
	}
	fmt.Fprintf(stderr, "zmqbus: %s (see: %s --help)\n", describe(err), cmd.CommandPath())
	return exitUsage
}

// status tells wrong usage from failure. An endpoint that cannot be read is wrong usage; one that names an unknown
// host or device (ENODEV) is not.
func (a *app) status(err error) int {
	var usage usageError
	unreadable := errors.Is(err, socket.ErrBadEndpoint) && !errors.Is(err, syscall.ENODEV)
	if !a.started || unreadable || errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

// runE adapts f to cobra and remembers that the command line itself was right.
func (a *app) runE(f func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		a.started = true
		return f(cmd.Context(), args)
	}
}

func (a *app) newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "zmqbus",
		Short: "ZeroMQ from a shell: messages, lifecycle, readiness, proxy, bench",
		Long: `zmqbus sends and receives ZeroMQ messages, prints the lifecycle of connections and the readiness of
sockets, forwards between sockets and measures this machine. It is pure Go and speaks to libzmq, pyzmq, NetMQ, JeroMQ, ...`,
		Example: `  zmqbus demo                                      see it work, nothing else needed
  zmqbus sub -c tcp://127.0.0.1:5555 -t weather    print what a publisher sends
  seq 9 | zmqbus push -b tcp://127.0.0.1:5556      each line is a message
  zmqbus req -c tcp://127.0.0.1:5557 hello         ask, print the reply
  zmqbus monitor sub -c tcp://127.0.0.1:5555       who came, who went, and why
  zmqbus poll -b pull,tcp://*:5556                 when a socket becomes ready`,
		Version:                    version(),
		SilenceUsage:               true,
		SilenceErrors:              true,
		SuggestionsMinimumDistance: 1,
		RunE: func(*cobra.Command, []string) error {
			return usagef("a command is missing: a socket type, monitor, poll, proxy, bench or demo")
		},
	}
	root.AddGroup(&cobra.Group{ID: "types", Title: "Socket types:"}, &cobra.Group{ID: "tools", Title: "Tools:"})
	for _, k := range kinds {
		root.AddCommand(a.newRun(k))
	}
	root.AddCommand(a.newMonitor(), a.newPoll(), a.newProxy(), a.newBench(), a.newDemo())
	return root
}

// version is the module's version as the go tool recorded it, and what it was built with.
func version() string {
	v := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v = info.Main.Version
	}
	return fmt.Sprintf("%s %s %s/%s", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// describe says what failed and why in one line. The operating system's own word for it is enough where there is one:
// package net repeats the address that the operation names already.
func describe(err error) string {
	var op *socket.OpError
	var errno syscall.Errno
	text := err.Error()
	if errors.As(err, &op) && op.Endpoint != "" && errors.As(op.Err, &errno) && !errors.Is(err, socket.ErrBadEndpoint) {
		text = strings.Replace(text, op.Error(), fmt.Sprintf("%s %s: %v", op.Op, op.Endpoint, errno), 1)
	}
	for _, prefix := range []string{"socket: ", "poller: ", "reactor: ", "zmqbus: ", "bus: "} {
		text = strings.ReplaceAll(text, prefix, "")
	}
	return oneLine(text)
}
