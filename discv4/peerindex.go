package discv4

import (
	"net/netip"

	"github.com/kithnet/kith/internal/keyed"
)

// The indices of a peerSet are hash tables whose elements are chained through the
// peers themselves: six bytes a peer for both, where a map takes fifty. Chains are two
// peers long at most, on average; tags tell most others apart without a look at their
// nodes, which lie elsewhere.

// minHeads is the least size of a table: strangers are to find nobody in it at once.
const minHeads = 64

// endOf returns the head of the chain that an endpoint is in.
func (s *peerSet) endOf(from netip.AddrPort) *ref {
	return &s.byEnd[keyed.Addr(s.seed, from.Addr(), uint64(from.Port()))&uint64(len(s.byEnd)-1)]
}

// noPort makes hashes of addresses that no endpoint has.
const noPort = 1 << 16

// netOf returns the head of the chain that an address's /24 or /48 is in.
func (s *peerSet) netOf(addr netip.Addr) *ref {
	if addr.Is4() {
		a := addr.As4()
		a[3] = 0
		addr = netip.AddrFrom4(a)
	} else {
		a := addr.As16()
		clear(a[6:])
		addr = netip.AddrFrom16(a)
	}
	return &s.byNet[keyed.Addr(s.seed, addr, noPort)&uint64(len(s.byNet)-1)]
}

// tag returns a tag by which most other addresses of a chain are passed over unseen.
func (s *peerSet) tag(addr netip.Addr) uint8 { return uint8(keyed.Addr(s.seed, addr, noPort) >> 56) }

// reindex makes the tables larger if n peers would be more than twice the heads.
func (s *peerSet) reindex(n int) {
	if n <= 2*len(s.byEnd) {
		return
	}
	s.byEnd, s.byNet = make([]ref, 2*len(s.byEnd)), make([]ref, 2*len(s.byNet))
	for p := range s.all {
		if p.is(latest) {
			head := s.endOf(p.from())
			p.nextEnd, *head = *head, p.self
		}
		head := s.netOf(p.addr())
		p.nextNet, *head = *head, p.self
	}
}
