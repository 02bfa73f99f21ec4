package kad

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/kithnet/kith/enode"
)

const (
	// netsPerBucket and netsPerTable bound how many nodes of one network (an
	// IPv4 /24) a bucket and the table take, replacements included. They are
	// go-ethereum's values: an attacker then needs addresses in many networks,
	// which are dear, and not only many keys, which are free. The table takes fewer
	// when it can (share.go).
	netsPerBucket = 2
	netsPerTable  = 10
)

// network is a number for what enode.Network returns: the bits of the prefix, and
// one that tells the two kinds of addresses apart. 0 is none.
type network uint64

const networkV4 network = 1 << 48

// networkOf returns the network that ip is counted under, 0 if it isn't.
func networkOf(ip netip.Addr) network {
	p, counted := enode.Network(ip)
	if !counted {
		return 0
	}
	if a := p.Addr(); a.Is4() {
		b := a.As4()
		return networkV4 | network(binary.BigEndian.Uint32(b[:])>>8)
	}
	b := p.Addr().As16()
	return networkV4<<1 | network(binary.BigEndian.Uint64(b[:])>>16)
}

// netCount counts nodes by network: each network with its count in the lowest
// eight bits, sorted. A map would take more memory than the nodes it counts.
type netCount []uint64

func (c netCount) find(p network) (i int, ok bool) {
	i, _ = slices.BinarySearch(c, uint64(p)<<8)
	return i, i < len(c) && c[i]>>8 == uint64(p)
}

func (c netCount) count(p network) int {
	if i, ok := c.find(p); ok {
		return int(c[i] & 0xff)
	}
	return 0
}

func (c *netCount) add(p network) {
	i, ok := c.find(p)
	if !ok {
		*c = slices.Insert(*c, i, uint64(p)<<8)
	}
	(*c)[i]++
}

func (c *netCount) remove(p network) {
	i, ok := c.find(p)
	if !ok {
		return
	}
	if (*c)[i]--; (*c)[i]&0xff == 0 {
		*c = slices.Delete(*c, i, i+1)
	}
}

// crowded counts the table's nodes by a hash of their network: what few nodes share
// is below any limit, and nearly all networks are found to be so at once.
type crowded [512]uint8

func (c *crowded) at(p network) *uint8 { return &c[uint64(p)*0x9e3779b97f4a7c15>>55] }

// countNet counts a network whatever the limits say.
func (t *Table) countNet(b *bucket, p network) {
	if p != 0 {
		b.nets.add(p)
		*t.crowded.at(p)++
	}
}

func (t *Table) removeNet(b *bucket, p network) {
	if p != 0 {
		b.nets.remove(p)
		*t.crowded.at(p)--
	}
}

// addNetLive counts the network of a node that answered in its bucket and the table,
// unless a limit is reached. It may take the place of one of its network that waits
// among the replacements and never did, so that hearsay can't keep out who is there.
func (t *Table) addNetLive(b *bucket, p network) bool {
	if p != 0 {
		if b.nets.count(p) >= netsPerBucket {
			t.dropHearsay(b, p)
		}
		for i := 0; i < NumBuckets && !t.tableHasRoomForNet(p) && b.nets.count(p) < netsPerBucket; i++ {
			t.dropHearsay(&t.buckets[i], p)
		}
	}
	if !t.hasRoomForNet(b, p, 0) {
		t.stats.DroppedDiversity++
		return false
	}
	t.countNet(b, p)
	return true
}

// dropHearsay drops a replacement of network p that never answered, if b has one.
func (t *Table) dropHearsay(b *bucket, p network) {
	i := slices.IndexFunc(b.replacements, func(e entry) bool {
		return !e.live() && networkOf(e.node.IP()) == p
	})
	if i >= 0 {
		t.dropReplacement(b, i)
	}
}

// hasRoomForNet reports whether the limits let one more of network p into b, where it has so
// many besides those counted.
func (t *Table) hasRoomForNet(b *bucket, p network, besides int) bool {
	return p == 0 || t.without(Diversity) || (b.nets.count(p)+besides < netsPerBucket && t.tableHasRoomForNet(p))
}

func (t *Table) tableHasRoomForNet(p network) bool {
	return t.netWithin(p, netsPerBucket) || t.netWithin(p, t.netLimit())
}

// inNet returns how many nodes of network p the table has.
func (t *Table) inNet(p network) (n int) {
	for i := range t.buckets {
		n += t.buckets[i].nets.count(p)
	}
	return n
}
