package enode

import "net/netip"

const (
	// prefixV4 is the smallest network that is announced on the Internet by
	// itself, and what one renter usually gets.
	prefixV4 = 24

	// prefixV6 is what a provider gives one site (RFC 6177 speaks of /48 to
	// /56), and the longest prefix that is announced by itself. A /64, or even
	// a single host, holds more addresses than there are IPv4 addresses, so a
	// finer limit would limit nobody.
	prefixV6 = 48
)

// Network returns the network that address limits count ip under: its /24, or
// /48 for IPv6. Local addresses (see [LocalAddr]) have none.
func Network(ip netip.Addr) (netip.Prefix, bool) {
	if ip = ip.Unmap(); !ip.IsValid() || LocalAddr(ip) {
		return netip.Prefix{}, false
	}
	bits := prefixV6
	if ip.Is4() {
		bits = prefixV4
	}
	p, err := ip.Prefix(bits)
	return p, err == nil
}

// LocalAddr reports whether ip is a loopback, private or link-local address:
// one that address-diversity and per-network limits do not apply to, since
// networks there are built by one owner on purpose.
func LocalAddr(ip netip.Addr) bool {
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()
}
