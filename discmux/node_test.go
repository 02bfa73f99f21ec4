package discmux

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// TestNode: a node of any protocols has their machines with one table, asks by them, is
// woken for what any part waits for, and ends all that it was asked.
func TestNode(t *testing.T) {
	for speaks := range both + 1 {
		l := newLab(t)
		self, other := l.recorded(), l.recorded()
		rng := rand.New(rand.NewPCG(4, 4))
		own := func() *enode.Node { return self }
		n := NewNode(NodeConfig{
			Protocols: speaks,
			Table:     kad.Config{Self: self.ID(), SelfKey: self.PublicKey(), Rand: rng},
			V4:        discv4.Config{ID: self.ID(), Self: own, Rand: rng},
			V5:        discv5.Config{ID: self.ID(), Self: own, Rand: rng},
		})
		if want := speaks; n.Speaks() != want && (want != 0 || n.Speaks() != both) {
			t.Fatalf("made for %d it speaks %d", speaks, n.Speaks())
		}
		n.Advance(labStart)
		n.Table.AddLive(enode.NewV4(randomKey(rng), netip.MustParseAddr("20.0.9.1"), 30303, 30303), n.Speaks())
		if at := n.NextWake(); at.Before(labStart) || at.After(labStart.Add(lookWithin)) && n.Speaks() == both {
			t.Errorf("it speaks %d: due %v from now", n.Speaks(), at.Sub(labStart))
		}
		var ended, failed int
		done := func(err error) {
			if ended++; err != nil {
				failed++
			}
		}
		n.Asks.Ping(other, func(_ uint64, err error) { done(err) })
		n.Asks.RequestENR(other, func(_ *enode.Node, err error) { done(err) })
		n.Asks.Findnode(other, n.Table.RandomTarget(), func(_ []*enode.Node, err error) { done(err) })
		var asked kad.Protocol
		for now := labStart; now.Before(labStart.Add(20 * time.Second)); now = now.Add(50 * time.Millisecond) {
			n.Advance(now)
			if n.V4 != nil && len(n.V4.Flush(nil)) > 0 {
				asked |= kad.V4
			}
			if n.V5 != nil && len(n.V5.Flush(nil)) > 0 {
				asked |= kad.V5
			}
		}
		if ended != 3 || failed != 3 || asked != n.Speaks() {
			t.Errorf("it speaks %d: asked by %d, %d of 3 ended, %d failed", n.Speaks(), asked, ended, failed)
		}
		if _, err := n.Table.Lookup(n.Table.RandomTarget(), kad.LookupOptions{}, func([]*enode.Node) { done(nil) }); err != nil {
			t.Fatal(err)
		}
		n.Trim()
		if n.Close(); ended != 4 {
			t.Errorf("it speaks %d: Close ended %d of 1", n.Speaks(), ended-3)
		}
		if s := n.Stats(); (s == Stats{}) != (n.Speaks() != both) {
			t.Errorf("it speaks %d: %+v", n.Speaks(), s)
		}
	}
}
