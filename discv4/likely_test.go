package discv4

import (
	"math/big"
	"testing"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

// highS returns the packet with its signature's other s, which recovery accepts
// and verification does not.
func highS(data []byte) []byte {
	data = append([]byte(nil), data...)
	n, _ := new(big.Int).SetString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
	s := data[hashSize+32 : hashSize+64]
	new(big.Int).Sub(n, new(big.Int).SetBytes(s)).FillBytes(s)
	data[hashSize+64] ^= 1
	hash := secp.Keccak256(data[hashSize:])
	copy(data, hash[:])
	return data
}

// TestOpenLikely: whom the packet is likely to be from makes no difference to
// whom it is from.
func TestOpenLikely(t *testing.T) {
	signer, other := newActor(7, "5.1.1.7:1"), newActor(8, "5.1.1.8:1")
	for _, p := range samplePackets() {
		data := p.Encode(nil, signer.key)
		for name, data := range map[string][]byte{"": data, "high s": highS(data)} {
			for _, likely := range []*enode.Node{nil, signer.node, other.node, {}} {
				var q Packet
				if drop := q.Parse(data); drop != DropNone {
					t.Fatal(drop)
				}
				if key, drop := q.Open(likely); drop != DropNone || key != signer.node.PublicKey() {
					t.Errorf("%v %s, likely from %v: %v, %v", p.Kind, name, likely, drop, key)
				}
			}
		}
	}
}

// TestLikely: the node that is known at an endpoint is likely to have signed what
// comes from there, but not after another one has: else whoever can send from
// there makes each packet cost two operations.
func TestLikely(t *testing.T) {
	l := newTestLab(t)
	a, b := newActor(1, "5.1.1.1:30303"), newActor(2, "5.1.1.1:30303")
	likely := func() *enode.Node {
		p := a.ping()
		p.Expiration = uint64(l.now.Unix()) + 20
		return l.m.Admit(a.at, &p, false).Likely
	}
	if n := likely(); n != nil {
		t.Errorf("nobody is known, but %v is likely", n)
	}
	l.bond(a)
	for range 2 {
		if n := likely(); n == nil || n.ID() != a.node.ID() {
			t.Fatalf("%v is likely, want %v", n, a.node)
		}
		l.packet(b, Packet{Kind: Findnode})
		if n := likely(); n != nil {
			t.Fatalf("after a query of another node %v is likely", n)
		}
		l.packet(a, a.ping())
	}
}
