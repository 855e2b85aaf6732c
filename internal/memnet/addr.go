package memnet

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

const (
	anyHost  = "0.0.0.0"
	anyHost6 = "::"
	maxPort  = 65535
)

// address is a canonical host:port: the net.Addr of everything here, and the key for finding listeners and rules.
type address struct {
	host string
	port int
}

// Network returns "tcp", so that code which looks at the address of a connection treats it as it would a real one.
func (address) Network() string { return "tcp" }

// String returns host:port, IPv6 hosts in brackets.
func (a address) String() string { return net.JoinHostPort(a.host, strconv.Itoa(a.port)) }

// meets tells whether a and b can mean one listener: the same port, and one host or a wildcard on either side.
func (a address) meets(b address) bool {
	return a.port == b.port && (a.host == b.host || a.anywhere() || b.anywhere())
}

func (a address) anywhere() bool { return a.host == anyHost || a.host == anyHost6 }

// loopback is the host that a client of a connects from, and what it reaches when a is a wildcard.
func (a address) loopback() string {
	if strings.Contains(a.host, ":") {
		return "::1"
	}
	return "127.0.0.1"
}

// split takes host:port apart and replaces wildcards, but leaves the host as it was written. Ports above 65535 pass:
// libzmq takes them for a peer that refuses, and so does Dial.
func split(s string) (host string, port int, err error) {
	host, digits, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, err
	}
	if host == "" || host == "*" {
		host = anyHost
	}
	if digits == "" || digits == "*" {
		return host, 0, nil
	}
	p, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
		return "", 0, &net.AddrError{Err: "invalid port", Addr: s}
	}
	return host, int(p), nil
}

// canonical gives every spelling of a host one form: addresses as netip prints them, names in lower case.
func canonical(host string, port int) address {
	if ip, err := netip.ParseAddr(host); err == nil {
		return address{ip.Unmap().String(), port}
	}
	host = strings.ToLower(host)
	if host == "localhost" {
		host = "127.0.0.1"
	}
	return address{host, port}
}
