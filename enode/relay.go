package enode

import (
	"net/netip"
	"slices"
)

// Sendable reports whether a packet to addr can reach one host.
func Sendable(addr netip.Addr) bool { return isHost(addr) }

// Relayable reports whether a node at addr is of use to one at peer: loopback
// addresses only to loopback, private and link-local ones only to local ones. It holds
// both for what is handed out and for what is believed, since a stranger on the
// Internet that speaks of 10.0.0.1 would have this node probe its owner's network.
func Relayable(peer, addr netip.Addr) bool {
	switch {
	case !isHost(addr):
		return false
	case addr.IsLoopback():
		return peer.IsLoopback()
	case LocalAddr(addr):
		return LocalAddr(peer)
	}
	return true
}

// Permitted reports whether addr is in one of the networks; none means any.
func Permitted(networks []netip.Prefix, addr netip.Addr) bool {
	return len(networks) == 0 || slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(addr) })
}
