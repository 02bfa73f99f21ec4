package enode

import "net/netip"

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
