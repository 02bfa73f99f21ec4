package kad

import (
	"net/netip"
	"slices"

	"github.com/kithnet/kith/enode"
)

const (
	// netsPerBucket and netsPerTable bound how many nodes of one network (an
	// IPv4 /24) a bucket and the table take, replacements included. They are
	// go-ethereum's values: an attacker then needs addresses in many networks,
	// which are dear, and not only many keys, which are free.
	netsPerBucket = 2
	netsPerTable  = 10
)

// netCount counts nodes by network. It is as large as the nodes it counts.
type netCount map[netip.Prefix]uint8

func (c *netCount) add(p netip.Prefix) {
	if *c == nil {
		*c = make(netCount)
	}
	(*c)[p]++
}

func (c netCount) remove(p netip.Prefix) {
	if c[p] <= 1 {
		delete(c, p)
	} else {
		c[p]--
	}
}

// addNet counts n's network in its bucket and the table, unless a limit is reached.
func (t *Table) addNet(b *bucket, n *enode.Node) bool {
	if !t.hasRoomForNet(b, n) {
		t.stats.DroppedDiversity++
		return false
	}
	t.countNet(b, n)
	return true
}

// countNet counts n's network whatever the limits say.
func (t *Table) countNet(b *bucket, n *enode.Node) {
	if p, counted := enode.Network(n.IP()); counted {
		b.nets.add(p)
		t.nets.add(p)
	}
}

// addNetLive is addNet for a node that answered. It may take the place of one
// of its network that waits among the replacements and never did, so that
// hearsay can't keep out who is there.
func (t *Table) addNetLive(b *bucket, n *enode.Node) bool {
	if p, counted := enode.Network(n.IP()); counted {
		if b.nets[p] >= netsPerBucket {
			t.dropHearsay(b, p)
		}
		for i := 0; i < NumBuckets && t.nets[p] >= netsPerTable && b.nets[p] < netsPerBucket; i++ {
			t.dropHearsay(&t.buckets[i], p)
		}
	}
	return t.addNet(b, n)
}

// dropHearsay drops a replacement of network p that never answered, if b has one.
func (t *Table) dropHearsay(b *bucket, p netip.Prefix) {
	i := slices.IndexFunc(b.replacements, func(e *entry) bool {
		q, counted := enode.Network(e.node.IP())
		return counted && q == p && !e.live()
	})
	if i >= 0 {
		t.dropReplacement(b, i)
	}
}

// hasRoomForNet reports whether addNet would succeed.
func (t *Table) hasRoomForNet(b *bucket, n *enode.Node) bool {
	p, counted := enode.Network(n.IP())
	return !counted || (b.nets[p] < netsPerBucket && t.nets[p] < netsPerTable)
}

func (t *Table) removeNet(b *bucket, n *enode.Node) {
	if p, counted := enode.Network(n.IP()); counted {
		b.nets.remove(p)
		t.nets.remove(p)
	}
}
