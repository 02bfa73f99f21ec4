package discover

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
)

func manyNodes(t *testing.T) (nodes []*enode.Node) {
	for i := range 2 * maxAnswers {
		addr := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		nodes = append(nodes, enode.NewV4(newKey(t, uint32(i+1)).Public(), addr, 30303, 30303))
	}
	return nodes
}

// neighbors makes a packet with a list of nodes of its own.
func neighbors(nodes []*enode.Node, expiration uint64) discv4.Packet {
	return discv4.Packet{Kind: discv4.Neighbors, Nodes: slices.Clone(nodes), Expiration: expiration}
}

// TestAnswersAreTheSamePackets: kept or signed anew, a packet has the same bytes
// and reports the same hash; what differs in anything is another packet.
func TestAnswersAreTheSamePackets(t *testing.T) {
	key, nodes := newKey(t, 1), manyNodes(t)
	var a answers
	for range 2 {
		for _, p := range []discv4.Packet{
			neighbors(nodes[0:12], 100), neighbors(nodes[0:12], 100), neighbors(nodes[0:11], 100), neighbors(nodes[1:12], 100),
			neighbors(nodes[12:16], 100), neighbors(nodes[0:0], 100), neighbors(nodes[0:12], 101), neighbors(nodes[0:12], 101),
			{Kind: discv4.Pong, Expiration: 101}, {Kind: discv4.Findnode, Expiration: 101},
		} {
			plain := p
			want := plain.Encode(nil, key)
			got := a.encode([]byte("before"), &p, key)
			if !bytes.Equal(got, append([]byte("before"), want...)) || p.Hash != plain.Hash {
				t.Fatalf("%v of %d nodes differs", p.Kind, len(p.Nodes))
			}
			got[len(got)-1] ^= 1 // the buffer is the caller's
		}
	}
}

// TestAnswersSignOnce: within a second equal answers are signed once, and what
// is kept has a bound and goes with the second.
func TestAnswersSignOnce(t *testing.T) {
	key, nodes := newKey(t, 1), manyNodes(t)
	var a answers
	for i := range 2 * maxAnswers {
		p := neighbors(nodes[i:i+1], 100)
		a.encode(nil, &p, key)
		if kept := min(i+1, maxAnswers); len(a.kept) != kept {
			t.Fatalf("%d answers kept, want %d", len(a.kept), kept)
		}
		first, again := a.find(&p), neighbors(nodes[i:i+1], 100)
		if (first != nil) != (i < maxAnswers) {
			t.Fatalf("answer %d is kept: %v", i, first != nil)
		}
		a.encode(nil, &again, key)
		if second := a.find(&again); first != nil && &first[0] != &second[0] {
			t.Fatalf("answer %d was signed twice", i)
		}
	}
	p := neighbors(nodes[0:1], 101)
	if a.find(&p) != nil {
		t.Error("an answer outlived its second")
	}
	if a.encode(nil, &p, key); len(a.kept) != 1 {
		t.Errorf("%d answers kept in the next second", len(a.kept))
	}
	sent := time.Unix(101, 0).Add(-discv4.Expiration)
	if a.forget(sent); len(a.kept) != 1 {
		t.Error("forgotten within its second")
	}
	if a.forget(sent.Add(time.Second)); len(a.kept) != 0 {
		t.Error("kept when its second was over")
	}
}
