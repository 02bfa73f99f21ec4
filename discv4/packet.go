package discv4

import (
	"math"
	"net/netip"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

// Kind is the type byte of a packet.
type Kind uint8

// The kinds of packets (discv4.md, "Wire Protocol").
const (
	Ping Kind = 1 + iota
	Pong
	Findnode
	Neighbors
	ENRRequest
	ENRResponse

	numKinds = 1 + iota
)

func (k Kind) String() string {
	names := [numKinds]string{"unknown", "PING", "PONG", "FINDNODE", "NEIGHBORS", "ENRREQUEST", "ENRRESPONSE"}
	if k >= numKinds {
		k = 0
	}
	return names[k]
}

const (
	// MaxPacketSize is the largest packet sent or taken (discv4.md, "Wire Protocol").
	MaxPacketSize = 1280

	// Expiration is how far ahead a packet's expiration is set: go-ethereum's
	// value, which leaves room for clocks that are a few seconds off.
	Expiration = 20 * time.Second

	hashSize = 32
	sigSize  = 65
	headSize = hashSize + sigSize + 1 // then the data
	minSize  = headSize + 1           // an empty list

	protocolVersion = 4

	// maxNodes bounds the nodes read from one NEIGHBORS packet: as many as can
	// fit at 75 bytes each.
	maxNodes = 16
)

// Hash identifies a packet: Keccak-256 over signature, type and data. Replies
// quote the hash of their request.
type Hash = [32]byte

// Packet is one decoded packet. Which fields are set depends on Kind.
type Packet struct {
	Kind       Kind
	Hash       Hash   // set by Parse and Encode; when read, right only after Open
	Expiration uint64 // seconds since 1970; ENRRESPONSE has none

	Seq       uint64         // PING, PONG: the sender's record number; 0 when it gives none
	SenderTCP uint16         // PING: the TCP port the sender listens on
	From      netip.AddrPort // PING: the sender's own idea of its UDP endpoint; ignored when read
	To        netip.AddrPort // PING, PONG: the recipient as the sender sees it; PING's is ignored when read
	ToTCP     uint16         // PING, PONG: the recipient's TCP port
	Token     Hash           // PONG, ENRRESPONSE: hash of the request
	Target    secp.PublicKey // FINDNODE: any 64 bytes
	Nodes     []*enode.Node  // NEIGHBORS; set by Open when read
	Record    *enr.Record    // ENRRESPONSE; set by Open when read
	// Node is the one that Record describes, set by Open. In a PING it may be the
	// sender, for a driver that knows it: then the machine need not make it.
	Node *enode.Node

	// targetID is the hash of Target, set by Open and by the machine that asks:
	// it takes half as long as the answer.
	targetID enode.ID

	raw  []byte // the whole packet, aliasing what Parse was given
	body []byte // NEIGHBORS: content of the node list. ENRRESPONSE: the record
}

// Parse reads all of a packet that needs no cryptography: size, type and
// structure. It keeps a reference to data. What EIP-8 and EIP-868 let senders
// add is ignored: list elements of any kind and bytes after the list. The hash
// is checked, and the sender, NEIGHBORS' nodes and ENRRESPONSE's record found,
// by [Packet.Open]. Parse does not allocate.
func (p *Packet) Parse(data []byte) Drop {
	switch {
	case len(data) > MaxPacketSize:
		return DropOversized
	case len(data) < minSize:
		return DropTruncated
	case data[headSize-1] == 0 || data[headSize-1] >= numKinds:
		return DropKind
	case data[headSize] < 0xc0:
		return DropMalformed // random bytes mostly end here
	}
	*p = Packet{Kind: Kind(data[headSize-1]), Hash: Hash(data[:hashSize]), raw: data}
	c := rlp.NewCursor(data[headSize:])
	list := c.List()
	switch p.Kind {
	case Ping:
		list.Skip() // version: any
		_, p.SenderTCP = readEndpoint(list.Raw())
		list.Skip() // to: whatever the sender believes
		p.Expiration = list.Uint64()
		p.Seq = readSeq(&list)
	case Pong:
		p.To, p.ToTCP = readEndpoint(list.Raw())
		list.Fixed(p.Token[:])
		p.Expiration = list.Uint64()
		p.Seq = readSeq(&list)
	case Findnode:
		list.Fixed(p.Target[:])
		p.Expiration = list.Uint64()
	case Neighbors:
		nodes := list.List()
		p.body = nodes.Rest()
		p.Expiration = list.Uint64()
	case ENRRequest:
		p.Expiration = list.Uint64()
	case ENRResponse:
		list.Fixed(p.Token[:])
		p.body = list.Raw()
	}
	if c.Err() != nil || list.Err() != nil {
		return DropMalformed
	}
	return DropNone
}

// Expired reports whether the packet's time is over. Values of 2^63 and up are
// past: they are negative where time is signed, and no sender means them.
func (p *Packet) Expired(now time.Time) bool {
	return p.Kind != ENRResponse && (p.Expiration > math.MaxInt64 || int64(p.Expiration) < now.Unix())
}

// staleAfter is the age from which on the answer to a query is of no use to
// anybody: all implementations give up within a second or two.
const staleAfter = 2 * time.Second

// stale reports whether a query, by the expiration that most implementations
// give it, was sent longer than staleAfter ago. Clocks differ by seconds, so it
// is held against a packet only where something has to be refused.
func (p *Packet) stale(now time.Time) bool {
	return int64(p.Expiration) < now.Add(Expiration-staleAfter).Unix()
}

// Open checks the hash of a parsed packet, recovers its sender and decodes what
// Parse left. It costs a signature recovery, or, when it was signed by the node
// that is likely to have, nil for none, a verification: a sixth less. The hash is left to it because
// anybody can make a right one: it tells damaged packets, not forged ones, and
// takes longer than all that [Machine.Admit] looks at.
func (p *Packet) Open(likely *enode.Node) (secp.PublicKey, Drop) {
	if secp.Keccak256(p.raw[hashSize:]) != p.Hash {
		return secp.PublicKey{}, DropHash
	}
	hash := secp.Keccak256(p.raw[headSize-1:])
	key, err := signer(&hash, (*secp.Signature)(p.raw[hashSize:headSize-1]), likely)
	if err != nil {
		return key, DropSignature
	}
	switch p.Kind {
	case Findnode:
		p.targetID = enode.PubkeyID(&p.Target)
	case Neighbors:
		if p.Nodes, err = readNodes(p.body); err != nil {
			return key, DropMalformed
		}
	case ENRResponse:
		if p.Record, err = enr.Decode(p.body); err != nil {
			return key, DropRecord
		}
		if p.Node, err = enode.FromRecord(p.Record); err != nil {
			return key, DropRecord
		}
	}
	return key, DropNone
}

// signer is secp.Recover for a signature that is likely to be a certain node's.
// If it is, the recovery number is not looked at: it is not part of the proof.
func signer(hash *Hash, sig *secp.Signature, likely *enode.Node) (secp.PublicKey, error) {
	if likely != nil {
		if key := likely.PublicKey(); key.Verify(hash, sig[:64]) {
			return key, nil
		}
	}
	return secp.Recover(hash, sig)
}

// target returns the ID that a FINDNODE asks for.
func (p *Packet) target() enode.ID {
	if p.targetID == (enode.ID{}) { // made by hand
		return enode.PubkeyID(&p.Target)
	}
	return p.targetID
}

// readEndpoint reads [ip, udp, tcp] and gives zero for what it can't use.
func readEndpoint(raw []byte) (netip.AddrPort, uint16) {
	c := rlp.NewCursor(raw)
	l := c.List()
	addr, _ := netip.AddrFromSlice(l.Bytes())
	udp := l.Uint16()
	tcp := l.Uint16()
	if l.Err() != nil {
		return netip.AddrPort{}, 0
	}
	return netip.AddrPortFrom(addr.Unmap(), udp), tcp
}

// readSeq reads EIP-868's record number, which may be missing, or be another
// extension's element.
func readSeq(list *rlp.Cursor) uint64 {
	c := *list // a copy: what is no number is not the packet's error
	return c.Uint64()
}

// readNodes reads the nodes of a NEIGHBORS packet, leaving out those whose
// address or port nobody can send to. Keys are not checked to be points of the
// curve: a node with another key can't answer anything.
func readNodes(body []byte) ([]*enode.Node, error) {
	nodes := make([]*enode.Node, 0, maxNodes)
	c := rlp.NewCursor(body)
	for c.More() && len(nodes) < maxNodes {
		l := c.List()
		addr, ok := netip.AddrFromSlice(l.Bytes())
		udp, tcp := l.Uint16(), l.Uint16()
		var key secp.PublicKey
		l.Fixed(key[:])
		if c.Err() == nil && l.Err() == nil && ok && udp != 0 {
			nodes = append(nodes, enode.NewV4(key, addr.Unmap(), tcp, udp))
		}
	}
	return nodes, c.Err()
}
