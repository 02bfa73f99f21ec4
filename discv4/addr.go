package discv4

import (
	"net/netip"
	"slices"

	"github.com/kithnet/kith/kad"
)

// sendable reports whether a packet to addr can reach one host.
func sendable(addr netip.Addr) bool {
	return addr.IsValid() && !addr.IsUnspecified() && !addr.IsMulticast() &&
		addr != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// relayable reports whether a node at addr is of use to one at peer: loopback
// addresses only to loopback, private ones only to private. It holds both for
// what is handed out and for what is believed, since a stranger on the Internet
// that speaks of 10.0.0.1 would have this node probe its owner's network.
func relayable(peer, addr netip.Addr) bool {
	switch {
	case !sendable(addr):
		return false
	case addr.IsLoopback():
		return peer.IsLoopback()
	case kad.LocalAddr(addr):
		return kad.LocalAddr(peer)
	}
	return true
}

// permitted reports whether addr is in one of the networks; none means any.
func permitted(networks []netip.Prefix, addr netip.Addr) bool {
	return len(networks) == 0 || slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(addr) })
}
