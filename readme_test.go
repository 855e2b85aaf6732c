package zmqbus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/go-zeromq/zmq4"

	"zmqbus/bus"
	"zmqbus/poller"
	"zmqbus/reactor"
	"zmqbus/socket"
)

// What follows are the Go blocks of README.md, each as it stands there. Those that print are given what takes the place
// of package fmt.

func readmeBus(ctx context.Context, fmt printed) {
	b, _ := bus.New(ctx, nil)
	links := b.Lifecycle(0) // everything that zmq_socket_monitor tells, as typed values
	quotes, _ := bus.NewTopic[Quote](b, "md.quote.", nil)
	eur, _ := quotes.Subscribe(ctx, bus.Prefix("EUR"))
	b.Import(">tcp://127.0.0.1:7000") // another bus, or any ZeroMQ PUB; Export("@tcp://*:7000") is the other end
	for {
		select {
		case ev, ok := <-eur.C(): // closed when the subscription has ended; ok tells
			if !ok {
				return
			}
			fmt.Println(ev.Topic, ev.Value.Bid)
		case e := <-links.C():
			fmt.Println(e) // CONNECTED fd 7 ..., DISCONNECTED ... (peer closed the connection) retry, ...
		}
	}
}

func readmeSocket(ctx context.Context, fmt printed) {
	sub, _ := socket.New(ctx, zmq4.Sub, nil)
	sub.Subscribe("quotes.")
	events := sub.Lifecycle(0)
	sub.Dial("tcp://127.0.0.1:5555") // returns at once; connects, and reconnects, in the background
	for {
		select {
		case msg, ok := <-sub.C(): // closed when the socket is; ok tells
			if !ok {
				return
			}
			fmt.Printf("%s = %s\n", msg.Frames[0], msg.Frames[1])
		case ev := <-events.C():
			fmt.Println(ev)
		}
	}
}

func workerByPoll(ctx context.Context, tasks, control *socket.Socket, work func(zmq4.Msg)) error {
	items := []poller.Item{{Socket: tasks, Events: poller.In}, {Socket: control, Events: poller.In}}
	for {
		if _, err := poller.Poll(ctx, items, -1); err != nil {
			return err // the context has ended, or a socket: the error says which
		}
		if items[0].Revents != 0 {
			if msg, err := tasks.TryRecv(); err == nil {
				work(msg)
			}
		}
		if items[1].Revents != 0 {
			return nil
		}
	}
}

func workerBySelect(ctx context.Context, tasks, control *socket.Socket, work func(zmq4.Msg)) error {
	for {
		select {
		case msg := <-tasks.C():
			work(msg)
		case <-control.C():
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func workerByReactor(ctx context.Context, tasks, control *socket.Socket, work func(zmq4.Msg)) error {
	r, _ := reactor.New(ctx, nil)
	defer r.Close()
	r.Add(reactor.Messages(tasks)) // more at any time: r.Add, r.Remove
	stop, _ := r.Add(reactor.Messages(control))
	for e := range r.Events() {
		switch m, ok := e.(reactor.Message); {
		case ok && m.Source == stop:
			return nil
		case ok:
			work(m.Msg)
		}
	}
	return r.Wait()
}

// printed is what a program prints, line by line, until its context ends.
type printed struct {
	ctx   context.Context
	lines chan string
}

func (p printed) Println(args ...any) { p.print(fmt.Sprintln(args...)) }

func (p printed) Printf(format string, args ...any) { p.print(fmt.Sprintf(format, args...)) }

func (p printed) print(line string) {
	select {
	case p.lines <- line:
	case <-p.ctx.Done():
	}
}

// readmeProgram is a program of README.md that runs.
type readmeProgram struct {
	*testing.T
	out    printed
	cancel context.CancelFunc
	ended  chan struct{}
}

func runReadme(t *testing.T, program func(context.Context, printed)) *readmeProgram {
	t.Helper()
	ctx, cancel := context.WithCancel(deadline(t))
	p := &readmeProgram{t, printed{ctx, make(chan string)}, cancel, make(chan struct{})}
	go func() { // ends with ctx
		defer close(p.ended)
		program(ctx, p.out)
	}()
	t.Cleanup(p.end)
	return p
}

// end ends the program's context, and waits until it has returned.
func (p *readmeProgram) end() {
	p.cancel()
	<-p.ended
}

// prints waits for a line that begins with text.
func (p *readmeProgram) prints(text string) {
	p.Helper()
	for {
		select {
		case line := <-p.out.lines:
			if strings.HasPrefix(line, text) && strings.HasSuffix(line, "\n") {
				return
			}
		case <-p.out.ctx.Done():
			p.Fatalf("the program does not print %q", text)
		}
	}
}

// readmePort skips the test if the endpoint that a program connects to is somebody else's on this machine.
func readmePort(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, syscall.EADDRINUSE) {
		t.Skipf("a port that README.md names is in use: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Promise: the program at the top prints the quotes that it asked for, and what happens to the connection.
func TestReadmeBus(t *testing.T) {
	ctx := deadline(t)
	there, quotes := guideBus(t, ctx)
	_, err := there.Export("@tcp://127.0.0.1:7000")
	readmePort(t, err)
	p := runReadme(t, readmeBus)
	p.prints("CONNECTED ")
	if err := there.WaitSubscribers(ctx, "md.quote.EURUSD", 1); err != nil {
		t.Fatal(err)
	}
	for _, symbol := range []string{"USDJPY", "EURUSD"} {
		if err := quotes.Publish(ctx, symbol, Quote{Bid: 1.0841}); err != nil {
			t.Fatal(err)
		}
	}
	p.prints("md.quote.EURUSD 1.0841")
	if err := there.Close(ctx); err != nil {
		t.Fatal(err)
	}
	p.prints("DISCONNECTED ")
	p.end()
}

// Promise: the same with a socket.
func TestReadmeSocket(t *testing.T) {
	ctx := deadline(t)
	pub := open(t, ctx, zmq4.Pub, nil)
	readmePort(t, pub.Listen("tcp://127.0.0.1:5555"))
	p := runReadme(t, readmeSocket)
	if err := pub.WaitPeers(ctx, 1); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"other", "quotes.eur"} {
		if err := pub.Send(zmq4.NewMsgFromString([]string{topic, "1.08"})); err != nil {
			t.Fatal(err)
		}
	}
	p.prints("quotes.eur = 1.08")
	if err := pub.Close(); err != nil {
		t.Fatal(err)
	}
	p.prints("DISCONNECTED ")
	p.end()
}

// Promise: the same worker by Poll, by select and by the reactor, as README's "From zmq_poll to select" has it.
func TestFromPollToSelect(t *testing.T) {
	for name, worker := range map[string]func(ctx context.Context, tasks, control *socket.Socket, work func(zmq4.Msg)) error{
		"poller.Poll": workerByPoll, "select": workerBySelect, "reactor": workerByReactor,
	} {
		t.Run(name, func(t *testing.T) {
			ctx := deadline(t)
			push, pub := open(t, ctx, zmq4.Push, nil), open(t, ctx, zmq4.Pub, nil)
			tasks, control := open(t, ctx, zmq4.Pull, nil), open(t, ctx, zmq4.Sub, nil)
			err := errors.Join(tasks.Dial(listen(t, push, "tcp://127.0.0.1:0")), control.Subscribe("stop"),
				control.Dial(listen(t, pub, "tcp://127.0.0.1:0")), push.WaitPeers(ctx, 1), pub.WaitPeers(ctx, 1))
			if err != nil {
				t.Fatal(err)
			}
			for range 10 {
				if err := push.Send(zmq4.NewMsgString("task")); err != nil {
					t.Fatal(err)
				}
			}
			done := 0
			err = worker(ctx, tasks, control, func(m zmq4.Msg) {
				if done++; done == 10 {
					if err := pub.Send(zmq4.NewMsgString("stop")); err != nil {
						t.Error(err)
					}
				}
			})
			if err != nil || done != 10 {
				t.Errorf("%d tasks done, %v", done, err)
			}
			cancelled, cancel := context.WithCancelCause(ctx)
			cancel(errEnough)
			if err := worker(cancelled, tasks, control, func(zmq4.Msg) {}); !errors.Is(err, errEnough) {
				t.Errorf("cancelled: %v", err)
			}
		})
	}
}

var errEnough = errors.New("enough")
