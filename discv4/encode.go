package discv4

import (
	"net/netip"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

// Encode appends the signed packet to b and sets p.Hash.
func (p *Packet) Encode(b []byte, key *secp.PrivateKey) []byte {
	var head [headSize]byte
	head[headSize-1] = byte(p.Kind)
	start := len(b)
	b = append(b, head[:]...)
	b = p.appendData(b)
	packet := b[start:]
	hash := secp.Keccak256(packet[headSize-1:])
	sig := key.Sign(&hash)
	copy(packet[hashSize:], sig[:])
	p.Hash = secp.Keccak256(packet[hashSize:])
	copy(packet, p.Hash[:])
	return b
}

func (p *Packet) appendData(b []byte) []byte {
	off := len(b)
	switch p.Kind {
	case Ping:
		b = rlp.AppendUint(b, protocolVersion)
		b = appendEndpoint(b, p.From, p.SenderTCP)
		b = appendEndpoint(b, p.To, p.ToTCP)
		b = rlp.AppendUint(b, p.Expiration)
		b = rlp.AppendUint(b, p.Seq)
	case Pong:
		b = appendEndpoint(b, p.To, p.ToTCP)
		b = rlp.AppendString(b, p.Token[:])
		b = rlp.AppendUint(b, p.Expiration)
		b = rlp.AppendUint(b, p.Seq)
	case Findnode:
		b = rlp.AppendString(b, p.Target[:])
		b = rlp.AppendUint(b, p.Expiration)
	case Neighbors:
		nodes := len(b)
		for _, n := range p.Nodes {
			b = appendNode(b, n)
		}
		b = rlp.WrapList(b, nodes)
		b = rlp.AppendUint(b, p.Expiration)
	case ENRRequest:
		b = rlp.AppendUint(b, p.Expiration)
	case ENRResponse:
		b = rlp.AppendString(b, p.Token[:])
		b = append(b, p.Record.Raw()...)
	}
	return rlp.WrapList(b, off)
}

func appendAddr(b []byte, addr netip.Addr) []byte {
	if addr.Is4() {
		a := addr.As4()
		return rlp.AppendString(b, a[:])
	}
	if !addr.IsValid() {
		return append(b, 0x84, 0, 0, 0, 0)
	}
	a := addr.As16()
	return rlp.AppendString(b, a[:])
}

func appendEndpoint(b []byte, ep netip.AddrPort, tcp uint16) []byte {
	off := len(b)
	b = appendAddr(b, ep.Addr())
	b = rlp.AppendUint(b, uint64(ep.Port()))
	b = rlp.AppendUint(b, uint64(tcp))
	return rlp.WrapList(b, off)
}

func appendNode(b []byte, n *enode.Node) []byte {
	off := len(b)
	b = appendAddr(b, n.IP())
	b = rlp.AppendUint(b, uint64(n.UDP()))
	b = rlp.AppendUint(b, uint64(n.TCP()))
	key := n.PublicKey()
	b = rlp.AppendString(b, key[:])
	return rlp.WrapList(b, off)
}

const (
	// nodeSizeV4 and nodeSizeV6 are the largest encodings of a node: list
	// header 2, address 5 or 17, ports 3 and 3, key 66.
	nodeSizeV4 = 2 + 5 + 3 + 3 + 66
	nodeSizeV6 = 2 + 17 + 3 + 3 + 66

	// neighborsRoom is what a NEIGHBORS packet leaves for nodes: two list
	// headers of 3 bytes and the expiration of 9 are taken off.
	neighborsRoom = MaxPacketSize - headSize - 3 - 3 - 9
)

// fitNeighbors returns how many of the nodes fit into one packet.
func fitNeighbors(nodes []*enode.Node) int {
	room := neighborsRoom
	for i, n := range nodes {
		if n.IP().Is4() {
			room -= nodeSizeV4
		} else {
			room -= nodeSizeV6
		}
		if room < 0 {
			return i
		}
	}
	return len(nodes)
}
