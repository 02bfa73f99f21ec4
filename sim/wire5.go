package sim

import (
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/secp"
)

// packet5 is what a packet of v5 says. One that passes as a value holds the keys that
// its message is sealed under: it can be read by who has the same. In the place of a
// handshake's signature stands the challenge that it answers, and in the place of its
// ephemeral key the keys that were agreed on.
type packet5 struct {
	dest   enode.ID // whose packet it is
	header discv5.Header
	msg    discv5.Message
	keys   discv5.Keys
}

// Open implements discv5.Sealed.
func (p *packet5) Open(s *discv5.Session) (*discv5.Message, discv5.Drop) {
	if p.keys == (discv5.Keys{}) || s.Keys() != p.keys {
		return nil, discv5.DropDecrypt
	}
	return &p.msg, discv5.DropNone
}

// real5 is a worker's space to read and write the bytes of packets of v5.
type real5 struct {
	in  discv5.Received
	out discv5.Packet
}

func (k *worker) real5() *real5 {
	if k.real == nil {
		k.real = new(real5)
	}
	return k.real
}

// agree makes the keys of a handshake that the host initiates.
func (h *Host) agree(o *discv5.Out) {
	if h.world.cfg.Wire == Bytes {
		if eph, err := secp.ReadOneTimeKey(keyReader{&h.five.secrets}); err == nil {
			o.Initiate(h.key, eph) // if it fails, so does Sent
		}
		return
	}
	k, challenge := h.nextKeys(), o.Challenge()
	copy(o.Header.Ephemeral[:], k.Initiator[:])
	copy(o.Header.Signature[:], challenge[:])
	o.Agree(k)
}

// accept checks a handshake that answers a challenge of the host's.
func (h *Host) accept(pk *packet, a *discv5.Accept, in *discv5.Header) discv5.Drop {
	if pk.data != nil {
		return a.Run(h.key, in)
	}
	var n *enode.Node
	if a.NeedsRecord() {
		if n = h.world.nodeOf(in.Record); n == nil || n.ID() != in.Src {
			return discv5.DropRecord
		}
	}
	if challenge := a.Challenge(); string(challenge[:]) != string(in.Signature[:len(challenge)]) {
		return discv5.DropSignature
	}
	var k discv5.Keys
	copy(k.Initiator[:], in.Ephemeral[:])
	a.Agree(k, n)
	return discv5.DropNone
}

// pack5 makes a packet of what a host sends by v5.
func (h *Host) pack5(o *discv5.Out) *packet {
	pk := h.worker.newPacket5()
	pk.to, pk.sender = o.To, h
	p := pk.five
	p.dest, p.header, p.msg = o.Dest, o.Header, o.Message
	if o.Session != nil {
		p.keys = o.Session.Keys()
	}
	if pk.size = o.Size(); h.world.cfg.Wire == Bytes {
		pk.data, _ = o.Seal(pk.data[:0], &h.worker.real5().out) // an error can't be: discv5.Out.Seal
		pk.size = len(pk.data)
	}
	return pk
}

// read5 reads a packet as one of v5 to this host, and reports whether it is one.
func (h *Host) read5(pk *packet) (in *discv5.Header, sealed discv5.Sealed, ok bool) {
	if pk.data == nil {
		if pk.five == nil || pk.five.dest != h.node.ID() {
			return nil, nil, false
		}
		return &pk.five.header, pk.five, true
	}
	r := &h.worker.real5().in
	if r.Parse(pk.data, h.five.mask) != discv5.DropNone {
		return nil, nil, false
	}
	return &r.Header, r, true
}

// take5 hands a packet of v5 to the machine.
func (h *Host) take5(pk *packet, in *discv5.Header, sealed discv5.Sealed) discv5.Drop {
	m := h.m.V5
	v := m.Admit(pk.from, in, false)
	if v.Drop != discv5.DropNone {
		return v.Drop // counted
	}
	if v.Accept != nil {
		if drop := h.accept(pk, v.Accept, in); drop != discv5.DropNone {
			m.Drop(drop, 1)
			return drop
		}
	}
	check, drop := m.HandlePacket(pk.from, in, sealed, v.Accept)
	if check != nil {
		if pk.data != nil {
			check.Run()
		} else {
			check.Resolve(h.worker.nodeOf)
		}
		m.Checked(check)
	}
	return drop
}

// decodeNode verifies a record.
func decodeNode(record []byte) *enode.Node {
	r, err := enr.Decode(record)
	if err != nil {
		return nil
	}
	n, _ := enode.FromRecord(r) // nil when it describes none
	return n
}
