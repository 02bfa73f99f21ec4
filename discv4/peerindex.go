package discv4

import (
	"net/netip"

	"github.com/kithnet/kith/enode"
)

// The indices of a peerSet are hash tables whose elements are chained through the
// peers themselves: six bytes a peer for both, where a map takes fifty.

// endOf returns the head of the chain that an endpoint is in.
func (s *peerSet) endOf(from netip.AddrPort) *ref {
	return &s.byEnd[addrHash(s.seed, from.Addr(), uint64(from.Port()))&uint64(len(s.byEnd)-1)]
}

// netOf returns the head of the chain that an address's network is in, and a tag
// by which most other addresses of that chain are passed over unseen. A local
// address, of which there is no network, is one by itself.
func (s *peerSet) netOf(addr netip.Addr) (head *ref, tag uint8) {
	net := addr
	if p, limited := enode.Network(addr); limited {
		net = p.Addr()
	}
	const noPort = 1 << 16 // no endpoint has this hash
	h := addrHash(s.seed, net, noPort)
	if net != addr {
		tag = uint8(addrHash(s.seed, addr, noPort) >> 56)
	}
	return &s.byNet[h&uint64(len(s.byNet)-1)], tag
}

// reindex makes the tables larger when there are more peers than heads.
func (s *peerSet) reindex() {
	if s.size <= len(s.byEnd) {
		return
	}
	s.byEnd, s.byNet = make([]ref, 2*len(s.byEnd)), make([]ref, 2*len(s.byNet))
	for p := s.peer(s.oldest); p != nil; p = s.peer(p.newer) {
		if p.latest {
			head := s.endOf(p.from())
			p.nextEnd, *head = *head, p.self
		}
		head, _ := s.netOf(p.addr())
		p.nextNet, *head = *head, p.self
	}
}
