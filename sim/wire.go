package sim

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

// Wire says how packets pass.
type Wire uint8

// The ways.
const (
	// Values passes packets as they are.
	Values Wire = iota
	// Bytes encodes, signs, parses and recovers each packet.
	Bytes
)

// packet is one on its way.
type packet struct {
	from   netip.AddrPort
	sender *Host         // of Values
	p      discv4.Packet // of Values
	data   []byte        // of Bytes
}

// pack makes a packet of what a host sends, and tells its hash.
func (h *Host) pack(o *discv4.Out) *packet {
	pk := &packet{from: h.addr, sender: h}
	if h.world.cfg.Wire == Bytes {
		pk.data = o.Packet.Encode(nil, h.key)
		return pk
	}
	if o.Packet.Kind == discv4.Neighbors {
		o.Packet.Nodes = h.world.bareNodes(o.Packet.Nodes)
	}
	o.Packet.Hash = h.hash(o)
	pk.p = o.Packet
	return pk
}

// hash stands for that of the encoded packet: equal packets have equal ones.
func (h *Host) hash(o *discv4.Out) (sum discv4.Hash) {
	p := &o.Packet
	id := h.node.ID()
	var b [96]byte
	n := copy(b[:], id[:])
	b[n] = byte(p.Kind)
	binary.BigEndian.PutUint64(b[n+1:], p.Expiration)
	binary.BigEndian.PutUint64(b[n+9:], p.Seq)
	to := o.To.Addr().As16()
	copy(b[n+17:], to[:])
	binary.BigEndian.PutUint16(b[n+33:], o.To.Port())
	copy(b[n+35:], p.Token[:16])
	for i := range 2 {
		b[95] = byte(i)
		binary.BigEndian.PutUint64(sum[8*i:], maphash.Bytes(hashSeed, b[:]))
	}
	return sum
}

// hashSeed makes hashes; they are never in a trace, and so may differ from run to run.
var hashSeed = maphash.MakeSeed()

// bareNodes returns nodes as NEIGHBORS says them: without their records.
func (w *World) bareNodes(nodes []*enode.Node) []*enode.Node {
	bare := make([]*enode.Node, len(nodes))
	for i, n := range nodes {
		bare[i] = n
		if n.Record() == nil {
			continue
		}
		if h := w.hostAt(n); h != nil {
			bare[i] = h.bare
		} else {
			bare[i] = enode.NewV4(n.PublicKey(), n.IP(), n.TCP(), n.UDP())
		}
	}
	return bare
}

// hostAt returns the host that a node stands for, if it is as it was made.
func (w *World) hostAt(n *enode.Node) *Host {
	at, ok := n.UDPEndpoint()
	if !ok {
		return nil
	}
	i, ok := w.byAddr[at]
	if !ok {
		return nil
	}
	if h := w.hosts[i]; h.node.ID() == n.ID() && h.node.TCP() == n.TCP() {
		return h
	}
	return nil
}

// take hands a packet that has arrived to the machine.
func (h *Host) take(pk *packet) discv4.Drop {
	m := h.machine
	if drop := m.AdmitSource(pk.from); drop != discv4.DropNone {
		return h.drop(drop)
	}
	p := pk.p
	if pk.data != nil {
		if drop := p.Parse(pk.data); drop != discv4.DropNone {
			return h.drop(drop)
		}
	}
	v := m.Admit(pk.from, &p, false)
	if v.Drop != discv4.DropNone {
		return v.Drop // counted
	}
	var key secp.PublicKey
	if pk.data == nil {
		key = pk.sender.node.PublicKey()
	} else {
		var drop discv4.Drop
		if key, drop = p.Open(v.Likely); drop != discv4.DropNone {
			return h.drop(drop)
		}
	}
	return m.HandlePacket(pk.from, &key, &p)
}

func (h *Host) drop(d discv4.Drop) discv4.Drop {
	h.machine.Drop(d, 1)
	return d
}
