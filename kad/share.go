package kad

import "github.com/kithnet/kith/enode"

const (
	// A network gets one of netShare places of the table, and two in any case: with
	// netsPerTable of a table's hundred, somebody with an address in each of two had
	// a fifth of it (docs/sim-findings.md). As many it takes only when it has
	// stopped growing and knows fewer than manyNets networks: then it is in a small
	// one, perhaps of one owner.
	netShare = 40
	manyNets = 16

	// netGuests is how many more of a network that has its share of the table lookups
	// ask, always the same. Somebody with a thousand IDs at one address has the
	// sixteen closest to any target, and with them the lookup; held to a few IDs he is
	// as close to it as others who have as many.
	netGuests = 4

	// maxGuestNets bounds the networks whose guests are remembered; the one that was
	// there first is forgotten. Few networks have more nodes than the table takes.
	maxGuestNets = 32
)

// netLimit is how many nodes of one network the table takes now.
func (t *Table) netLimit() int {
	if t.refresh.settled && t.crowded.fewer(manyNets) {
		return netsPerTable
	}
	return min(max(t.live/netShare, netsPerBucket), netsPerTable)
}

// fewer reports whether fewer than n networks are counted, as far as their hashes tell.
func (c *crowded) fewer(n int) bool {
	for _, count := range c {
		if count > 0 {
			if n--; n == 0 {
				return false
			}
		}
	}
	return true
}

// netWithin reports whether the table has fewer than limit nodes of a network.
func (t *Table) netWithin(p network, limit int) bool {
	return int(*t.crowded.at(p)) < limit || t.inNet(p) < limit
}

// answeredIn reports whether at least n nodes of a network are in the table that have
// answered. Hearsay does not count: or else whoever speaks of nodes that are not there
// could have others of their network dropped, and keep them out of lookups.
func (t *Table) answeredIn(p network, n int) bool {
	if t.netWithin(p, n) {
		return false
	}
	for i := range t.buckets {
		b := &t.buckets[i]
		if b.nets.count(p) == 0 {
			continue
		}
		for _, list := range [2][]entry{b.entries, b.replacements} {
			for at := range list {
				if e := &list[at]; e.live() && networkOf(e.node.IP()) == p {
					n--
				}
			}
		}
	}
	return n <= 0
}

// surplus reports whether the table has more of a node's network than it takes now.
func (t *Table) surplus(n *enode.Node) bool {
	p := networkOf(n.IP())
	return p != 0 && !t.without(Diversity) && t.answeredIn(p, t.netLimit()+1)
}

// guest returns the network of a node that lookups ask only as one of that network's
// guests: one that is not in the table, which has others of it.
func (l *Lookup) guest(n *enode.Node) (p network, yes bool) {
	p = networkOf(n.IP())
	if p == 0 || n.ID() == l.target.ID || l.t.without(Diversity) || !l.t.answeredIn(p, l.t.netLimit()) {
		return 0, false
	}
	_, e, _ := l.t.lookupEntry(n.ID())
	return p, e == nil
}

// turnsAway reports whether a lookup has no place for a node: one that could only be a guest,
// and is none. If there is a place it is the node's from now on.
func (l *Lookup) turnsAway(n *enode.Node) bool {
	p, yes := l.guest(n)
	return yes && (!l.t.refresh.settled || !l.t.guests.take(p, headOf(n.ID()), l.number))
}

// guests are the nodes that lookups ask besides the table's, of networks that have
// their share of it.
type guests []guestNet

// guestNet are those of a network, by the first 64 bits of their IDs; 0 is a free place.
type guestNet struct {
	net   network
	heads [netGuests]uint64
	by    uint32 // the last lookup that gave a place, by its number
}

func (g guests) of(p network) *guestNet {
	for i := range g {
		if g[i].net == p {
			return &g[i]
		}
	}
	return nil
}

// place returns a node's place among its network's, or else a free one, or else nil.
func (n *guestNet) place(head uint64) (at *uint64) {
	for i := range n.heads {
		switch n.heads[i] {
		case head:
			return &n.heads[i]
		case 0:
			at = &n.heads[i]
		}
	}
	return at
}

// welcome reports whether lookups may ask a guest. While the table grows there are no
// places: everybody whom one meets then may be a guest's.
func (t *Table) welcome(p network, head uint64) bool {
	n := t.guests.of(p)
	return t.refresh.settled && (n == nil || n.place(head) != nil)
}

// take gives a node its place, if there is one and the last of its network's was not given by
// the same lookup. Those of refreshes, whose number is 0, give all.
func (g *guests) take(p network, head uint64, by uint32) bool {
	n := g.of(p)
	if n == nil {
		if len(*g) >= maxGuestNets {
			*g = append((*g)[:0], (*g)[1:]...)
		}
		*g = append(*g, guestNet{net: p})
		n = &(*g)[len(*g)-1]
	}
	switch at := n.place(head); {
	case at == nil:
		return false
	case *at == head:
		return true
	case by != 0 && by == n.by:
		return false
	default:
		*at, n.by = head, by
		return true
	}
}

// leave frees the place of a node that does not answer.
func (g guests) leave(n *enode.Node) {
	if len(g) == 0 {
		return
	}
	if of, head := g.of(networkOf(n.IP())), headOf(n.ID()); of != nil {
		if at := of.place(head); at != nil && *at == head {
			*at = 0
		}
	}
}
