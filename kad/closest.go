package kad

import "github.com/kithnet/kith/enode"

// Closest appends to dst the up to k entries closest to target that keep, if
// set, agrees to, closest first.
func (t *Table) Closest(dst []*enode.Node, target enode.ID, k int, keep func(*enode.Node) bool) []*enode.Node {
	base := len(dst)
	for _, i := range t.bucketsByDistance(target) {
		if len(dst)-base >= k {
			break
		}
		from := len(dst) // nodes of this bucket are farther than all before
		for _, e := range t.buckets[i].entries {
			if keep == nil || keep(e.node) {
				dst = insertClosest(dst, from, e.node, target, base+k-from)
			}
		}
	}
	return dst
}

// bucketsByDistance orders the buckets by their nodes' distance from target.
// The distance of a node is the target's from this node, x, with the bits
// flipped in which this node and the other differ. So the bucket that target is
// in comes first: its nodes share the highest bit of x. Of the nearer buckets,
// those whose highest bit is set in x bring target nearer by flipping it, the
// higher the more; all others take it farther away.
func (t *Table) bucketsByDistance(target enode.ID) (order [NumBuckets]uint8) {
	x := enode.Xor(t.cfg.Self, target)
	own := t.bucketIndex(target)
	n := 0
	put := func(i int) { order[n] = uint8(i); n++ }
	nearer := func(i int) bool { // the highest bit of bucket i's distances
		bit := 256 - NumBuckets + i
		return x[(255-bit)/8]>>(bit%8)&1 == 1
	}
	put(own)
	for i := own - 1; i > 0; i-- {
		if nearer(i) {
			put(i)
		}
	}
	if own > 0 {
		put(0) // distances below its highest bit: this node's own surroundings
	}
	for i := 1; i < own; i++ {
		if !nearer(i) {
			put(i)
		}
	}
	for i := own + 1; i < NumBuckets; i++ {
		put(i)
	}
	return order
}

// insertClosest inserts n into the sorted dst[base:], which keeps k nodes at most.
func insertClosest(dst []*enode.Node, base int, n *enode.Node, target enode.ID, k int) []*enode.Node {
	i := len(dst)
	if i-base >= k {
		if k <= 0 || enode.DistCmp(target, n.ID(), dst[i-1].ID()) >= 0 {
			return dst
		}
		i--
	} else {
		dst = append(dst, nil)
	}
	for ; i > base && enode.DistCmp(target, n.ID(), dst[i-1].ID()) < 0; i-- {
		dst[i] = dst[i-1]
	}
	dst[i] = n
	return dst
}
