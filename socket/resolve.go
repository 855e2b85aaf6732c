package socket

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
)

var errNoAddress = errors.New("no address of a family that the IPv6 option allows")

// resolveHost returns the one address to dial for host: the first of IPv4, or with ipv6 the first of IPv6 if there is
// any. A failure is a *resolveError.
func resolveHost(ctx context.Context, host string, ipv6 bool) (netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return pickAddr(host, []netip.Addr{ip}, ipv6)
	}
	family := "ip4"
	if ipv6 {
		family = "ip"
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, family, host)
	if err != nil {
		return netip.Addr{}, &resolveError{host, err}
	}
	for i := range ips {
		ips[i] = ips[i].Unmap() // the resolver may write IPv4 either way
	}
	return pickAddr(host, ips, ipv6)
}

// pickAddr chooses by family: IPv6 first where it is on, as libzmq's hints to getaddrinfo do.
func pickAddr(host string, ips []netip.Addr, ipv6 bool) (netip.Addr, error) {
	var v4 netip.Addr
	for _, ip := range ips {
		switch mapped := ip.Is4In6(); {
		case ip.Is6() && !mapped && ipv6:
			return ip, nil
		case (ip.Is4() || mapped && ipv6) && !v4.IsValid():
			v4 = ip.Unmap()
		}
	}
	if !v4.IsValid() {
		return v4, &resolveError{host, errNoAddress}
	}
	return v4, nil
}

// parseListen splits "host:port" of a bind address; the port "*" is 0.
func parseListen(s string) (host string, port uint16, err error) {
	host, text, err := splitHostPort(s)
	if err != nil {
		return "", 0, err
	}
	port, err = parseListenPort(text)
	return host, port, err
}

// resolveListen returns the address and port to bind for "host:port". Bad syntax is EINVAL, a host that names neither
// an address nor an interface nor a host is ENODEV (zmq_tcp(7)).
func resolveListen(ctx context.Context, s string, ipv6 bool) (netip.AddrPort, error) {
	host, port, err := parseListen(s)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if host == "*" {
		ip := netip.IPv4Unspecified()
		if ipv6 {
			ip = netip.IPv6Unspecified()
		}
		return netip.AddrPortFrom(ip, port), nil
	}
	ip, err := interfaceAddr(host, ipv6)
	if err != nil {
		ip, err = resolveHost(ctx, host, ipv6)
	}
	if err != nil {
		return netip.AddrPort{}, badEndpoint(syscall.ENODEV, "%v", err)
	}
	return netip.AddrPortFrom(ip, port), nil
}

// interfaceAddr returns the primary address of the interface called name.
func interfaceAddr(name string, ipv6 bool) (netip.Addr, error) {
	if _, err := netip.ParseAddr(name); err == nil {
		return netip.Addr{}, errNoAddress // an address: spare the system calls
	}
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return netip.Addr{}, err
	}
	addrs, err := ifi.Addrs()
	if err != nil {
		return netip.Addr{}, err
	}
	var ips []netip.Addr
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		ip := prefix.Addr()
		if ip.IsLinkLocalUnicast() && ip.Is6() {
			ip = ip.WithZone(ifi.Name)
		}
		ips = append(ips, ip)
	}
	return pickAddr(name, ips, ipv6)
}

// isResolveError tells if err came from looking up a name: the attempt then had no descriptor, and only
// CONNECT_RETRIED follows.
func isResolveError(err error) bool {
	if _, ok := errors.AsType[*resolveError](err); ok {
		return true
	}
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

// errnoOf digs the errno out of err, 0 if there is none in it. On Windows the common Winsock numbers become the
// portable ones of package syscall.
func errnoOf(err error) syscall.Errno {
	if e, ok := errors.AsType[syscall.Errno](err); ok {
		return portableErrno(e)
	}
	return 0
}
