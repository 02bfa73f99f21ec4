package sim

import (
	"encoding/binary"
	"net/netip"

	"github.com/kithnet/kith/enode"
)

// netCounts counts the nodes of a table by network, of a bucket and of all. It is used
// again for the next table, and allocates nothing: maps took most of the time of a
// check.
type netCounts struct {
	slots  [netSlots]netSlot
	table  uint32 // which one it is
	bucket uint32
}

// netSlots is a power of two, and more than twice the nodes of a table.
const netSlots = 1024

type netSlot struct {
	net           uint64
	table, bucket uint32 // which ones the counts are of
	all, here     int
}

func (c *netCounts) reset() {
	c.table++
	c.bucket++
}

func (c *netCounts) nextBucket() { c.bucket++ }

// add counts a node, and returns how many of its network there are; zero if its
// address is of none.
func (c *netCounts) add(ip netip.Addr) (table, bucket int) {
	p, limited := enode.Network(ip)
	if !limited {
		return 0, 0
	}
	net := netKey(p.Addr())
	at := mix(net) % netSlots
	for c.slots[at].table == c.table && c.slots[at].net != net {
		at = (at + 1) % netSlots
	}
	s := &c.slots[at]
	if s.table != c.table {
		*s = netSlot{net: net, table: c.table}
	}
	if s.bucket != c.bucket {
		s.bucket, s.here = c.bucket, 0
	}
	s.all++
	s.here++
	return s.all, s.here
}

// netKey is a number of a network's own: a /48 of IPv6 has 48 bits, a /24 of IPv4 24.
func netKey(a netip.Addr) uint64 {
	if a.Is4() {
		b := a.As4()
		return 1<<63 | uint64(binary.BigEndian.Uint32(b[:]))
	}
	b := a.As16()
	return binary.BigEndian.Uint64(b[:]) >> 16
}

func first8(id enode.ID) uint64 { return binary.BigEndian.Uint64(id[:]) }
