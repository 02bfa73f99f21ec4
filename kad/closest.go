package kad

import "github.com/kithnet/kith/enode"

// Closest appends to dst the up to k entries closest to target, closest first, of
// those that speak one of the protocols via, 0 for whatever they speak, and that
// keep, if set, agrees to.
func (t *Table) Closest(dst []*enode.Node, target enode.ID, k int, via Protocol, keep func(*enode.Node) bool) []*enode.Node {
	for _, i := range t.bucketsByDistance(target) {
		if k <= 0 {
			break
		}
		if b := &t.buckets[i]; len(b.entries) > 0 { // its nodes are farther than all before
			from := len(dst)
			dst = b.closest(dst, target, min(k, BucketSize), via, keep)
			k -= len(dst) - from
		}
	}
	return dst
}

// closest is Table.Closest of one bucket, k at most BucketSize. This is most of
// the work that a query makes, so it looks at the distances' first words before
// it looks at any node.
func (b *bucket) closest(dst []*enode.Node, target enode.ID, k int, via Protocol, keep func(*enode.Node) bool) []*enode.Node {
	var found [BucketSize]struct {
		dist uint64
		node *enode.Node
	}
	head, n := headOf(target), 0
	for at := range b.entries {
		e := &b.entries[at]
		dist := e.head ^ head
		if n == k && dist > found[n-1].dist {
			continue
		}
		if !e.speaksAny(via) || (keep != nil && !keep(e.node)) {
			continue
		}
		i := n
		if n < k {
			n++
		} else if i--; !farther(found[i].dist, dist, target, found[i].node, e.node) {
			continue
		}
		for ; i > 0 && farther(found[i-1].dist, dist, target, found[i-1].node, e.node); i-- {
			found[i] = found[i-1]
		}
		found[i].dist, found[i].node = dist, e.node
	}
	for _, f := range found[:n] {
		dst = append(dst, f.node)
	}
	return dst
}

// farther reports whether a is farther from target than b, given the first words
// of their distances.
func farther(distA, distB uint64, target enode.ID, a, b *enode.Node) bool {
	return distA > distB || (distA == distB && enode.DistCmp(target, a.ID(), b.ID()) > 0)
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
