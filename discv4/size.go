package discv4

import (
	"net/netip"

	"github.com/kithnet/kith/rlp"
)

// Size returns how many bytes Encode appends, which costs no cryptography.
func (p *Packet) Size() int {
	expiration := rlp.UintSize(p.Expiration)
	n := 0
	switch p.Kind {
	case Ping:
		n = 1 + endpointSize(p.From, p.SenderTCP) + endpointSize(p.To, p.ToTCP) + expiration + rlp.UintSize(p.Seq)
	case Pong:
		n = endpointSize(p.To, p.ToTCP) + 1 + hashSize + expiration + rlp.UintSize(p.Seq)
	case Findnode:
		n = 2 + len(p.Target) + expiration
	case Neighbors:
		for _, node := range p.Nodes {
			n += rlp.ListSize(addrSize(node.IP()) + rlp.UintSize(uint64(node.UDP())) + rlp.UintSize(uint64(node.TCP())) + 2 + len(p.Target))
		}
		n = rlp.ListSize(n) + expiration
	case ENRRequest:
		n = expiration
	case ENRResponse:
		n = 1 + hashSize + len(p.Record.Raw())
	}
	return headSize + rlp.ListSize(n)
}

func endpointSize(at netip.AddrPort, tcp uint16) int {
	return rlp.ListSize(addrSize(at.Addr()) + rlp.UintSize(uint64(at.Port())) + rlp.UintSize(uint64(tcp)))
}

func addrSize(a netip.Addr) int {
	if a.Is4() || !a.IsValid() {
		return 1 + 4
	}
	return 1 + 16
}
