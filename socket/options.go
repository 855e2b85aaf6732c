package socket

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-zeromq/zmq4"
)

// option is one entry of optionTable. set and get speak libzmq's numbers; set leaves c alone when it fails.
type option struct {
	name  string            // libzmq's, in lower case, without ZMQ_
	types []zmq4.SocketType // that have it; nil: all
	set   func(c *Config, value any) error
	get   func(c *Config) any // an int, or bytes as a string
}

// aliases are libzmq's former names.
var aliases = map[string]string{
	"identity":    "routing_id",
	"connect_rid": "connect_routing_id",
}

// OptionNames returns the names of all options that ParseOption and Socket.SetOption take, sorted, in lower case and
// without ZMQ_. The slice is the caller's own.
func OptionNames() []string {
	names := make([]string, len(optionTable))
	for i, o := range optionTable {
		names[i] = o.name
	}
	slices.Sort(names)
	return names
}

// ParseOption applies an assignment such as "sndhwm=10" to cfg, as the command line's -o does, for a socket of type t.
// The name is libzmq's in either case, with or without ZMQ_; the value is libzmq's number (zmq_setsockopt(3)), so
// "linger=-1" is for ever and "sndhwm=0" no limit. Times also take Go's notation ("linger=2s"), switches true and false;
// bytes are taken as they are, spaces included.
//
// It does not block; cfg must not be in use by another goroutine. An error matches ErrOption and syscall.EINVAL, quotes
// the assignment and, for an unknown name, lists the known ones; cfg is then unchanged.
func ParseOption(cfg *Config, t zmq4.SocketType, assignment string) error {
	if cfg == nil {
		return fmt.Errorf("%w: %q: nil Config", ErrOption, assignment)
	}
	name, value, found := strings.Cut(assignment, "=")
	if !found {
		return fmt.Errorf("%w: %q: want NAME=VALUE", ErrOption, assignment)
	}
	next := *cfg
	err := next.set(t, strings.TrimSpace(name), value)
	if err == nil {
		err = next.validate(t)
	}
	if err != nil {
		return fmt.Errorf("option %q: %w", assignment, err)
	}
	*cfg = next
	return nil
}

// set applies one option by libzmq's name and number. What it accepts may still be refused by validate, which knows the
// socket's type and the other fields.
func (c *Config) set(t zmq4.SocketType, name string, value any) error {
	o, err := findOption(name)
	if err != nil {
		return err
	}
	if o.types != nil && !slices.Contains(o.types, t) {
		return fmt.Errorf("%w: %s is not an option of %s sockets, only of %v", ErrOption, o.name, t, o.types)
	}
	if err := o.set(c, value); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrOption, o.name, err)
	}
	return nil
}

// get returns an option by libzmq's name: an int, libzmq's number, with 0 and 1 for switches, or a string of bytes.
func (c *Config) get(name string) (any, error) {
	o, err := findOption(name)
	if err != nil {
		return nil, err
	}
	return o.get(c), nil
}

func findOption(name string) (*option, error) {
	short := strings.TrimPrefix(strings.ToLower(name), "zmq_")
	if a, ok := aliases[short]; ok {
		short = a
	}
	for i := range optionTable {
		if optionTable[i].name == short {
			return &optionTable[i], nil
		}
	}
	return nil, fmt.Errorf("%w: %q is unknown; known are %s", ErrOption, name, strings.Join(OptionNames(), ", "))
}
