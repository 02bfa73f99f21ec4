package discv4

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/rlp"
	"github.com/kithnet/kith/secp"
)

// FuzzParse: no bytes make Parse or Open panic, and what parses means the same
// when it is encoded again.
func FuzzParse(f *testing.F) {
	for _, v := range readVectors(f).Valid {
		f.Add(unhex(f, v.Packet), false)
	}
	for _, p := range samplePackets() {
		f.Add(p.Encode(nil, testKey(7)), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, fixHash bool) {
		if fixHash && len(data) > hashSize && len(data) <= MaxPacketSize {
			data = slices.Clone(data)
			hash := secp.Keccak256(data[hashSize:])
			copy(data, hash[:])
		}
		before := slices.Clone(data)
		var p Packet
		drop := p.Parse(data)
		if !bytes.Equal(data, before) {
			t.Fatal("Parse wrote to its input")
		}
		if drop != DropNone {
			if len(data) <= MaxPacketSize && drop == DropOversized || drop > DropMalformed {
				t.Fatalf("%d bytes: %v", len(data), drop)
			}
			return
		}
		if p.Hash != Hash(data[:hashSize]) {
			t.Fatal("another hash is reported")
		}
		_, drop = p.Open(nil)
		if right := secp.Keccak256(data[hashSize:]) == p.Hash; right == (drop == DropHash) {
			t.Fatalf("the hash is right: %v; opened: %v", right, drop)
		}
		if drop != DropNone {
			return
		}
		encodeAgain(t, &p)
	})
}

// encodeAgain checks that a packet that was read means the same when it is
// written and read once more. What has grown too large is not: a packet may be
// larger than what it means, never the other way round, but for an empty
// address, which is written as 0.0.0.0.
func encodeAgain(t *testing.T, p *Packet) {
	again := p.Encode(nil, testKey(7))
	if len(again) > MaxPacketSize+4*maxNodes {
		t.Fatalf("%v of %d bytes", p.Kind, len(again))
	}
	var q Packet
	if drop := q.Parse(again); drop == DropOversized {
		return
	} else if drop != DropNone {
		t.Fatalf("%v encoded again: %v", p.Kind, drop)
	}
	signer, drop := q.Open(nil)
	if drop != DropNone || signer != testKey(7).Public() {
		t.Fatalf("%v encoded again: %v, signed by %v", p.Kind, drop, signer)
	}
	if !p.To.Addr().IsValid() && p.Kind == Pong {
		p.To = netip.AddrPortFrom(netip.IPv4Unspecified(), p.To.Port())
	}
	if meaning(p) != meaning(&q) {
		t.Fatalf("%v was\n%s\nand is\n%s", p.Kind, meaning(p), meaning(&q))
	}
}

// FuzzNeighbors is readNodes: whatever it is given, it gives at most 16 nodes
// that can be sent to, and reads back what is written.
func FuzzNeighbors(f *testing.F) {
	for _, p := range samplePackets() {
		if p.Kind == Neighbors {
			body := []byte(nil)
			for _, n := range p.Nodes {
				body = appendNode(body, n)
			}
			f.Add(body)
		}
	}
	f.Add([]byte{0xc0, 0xc1, 0x80, 0x01})
	f.Add(bytes.Repeat(appendNode(nil, newActor(1, someV4.String()).bare()), 2*maxNodes))
	f.Fuzz(func(t *testing.T, body []byte) {
		nodes, err := readNodes(body)
		if err != nil && rlp.Valid(rlp.WrapList(slices.Clone(body), 0)) == nil {
			c := rlp.NewCursor(body)
			for kind, ok := c.Kind(); ok && kind == rlp.List; kind, ok = c.Kind() {
				c.Skip()
			}
			if !c.More() {
				t.Fatalf("a list of lists: %v", err)
			}
		}
		if len(nodes) > maxNodes {
			t.Fatalf("%d nodes", len(nodes))
		}
		var again []byte
		for _, n := range nodes {
			if n.UDP() == 0 || !n.IP().IsValid() || n.IP().Is4In6() || n.IP().Zone() != "" {
				t.Fatalf("node %v", n)
			}
			key := n.PublicKey()
			if n.ID() != enode.PubkeyID(&key) {
				t.Fatalf("node %v has another ID", n)
			}
			again = appendNode(again, n)
		}
		second, err := readNodes(again)
		if err != nil || !slices.EqualFunc(nodes, second, func(a, b *enode.Node) bool { return a.URL() == b.URL() }) {
			t.Fatalf("read back as %v, was %v: %v", second, nodes, err)
		}
	})
}
