package discv4

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/kithnet/kith/enode"
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
	case enode.LocalAddr(addr):
		return enode.LocalAddr(peer)
	}
	return true
}

// permitted reports whether addr is in one of the networks; none means any.
func permitted(networks []netip.Prefix, addr netip.Addr) bool {
	return len(networks) == 0 || slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// addrHash hashes an address and a number. Without the seed nobody can tell
// which collide.
func addrHash(seed uint64, addr netip.Addr, more uint64) uint64 {
	hi, lo := words(addr)
	return wordsHash(seed, hi, lo, more)
}

// words returns an address as two numbers.
func words(addr netip.Addr) (hi, lo uint64) {
	if addr.Is4() { // the same, faster
		a := addr.As4()
		return 0, 0xffff<<32 | uint64(binary.BigEndian.Uint32(a[:]))
	}
	a := addr.As16()
	return binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(a[8:])
}

func wordsHash(seed, hi, lo, more uint64) uint64 {
	other := seed*0x9e3779b97f4a7c15 + 1
	return fold(fold(hi^seed, lo^other)^seed, more^other)
}

// fold multiplies into 128 bits and folds them.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
