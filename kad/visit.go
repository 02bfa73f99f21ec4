package kad

import "github.com/kithnet/kith/enode"

// Visit calls f with each node of the table, the nearest bucket first and its entries
// before its replacements, until f says no. It allocates nothing. f must not call the
// table.
func (t *Table) Visit(f func(distance int, entry bool, n NodeInfo) bool) {
	for i := range t.buckets {
		b := &t.buckets[i]
		for k, list := range [2][]slot{b.entries, b.replacements} {
			for _, e := range list {
				if !f(256-NumBuckets+1+i, k == 0, t.info(e.entry)) {
					return
				}
			}
		}
	}
}

// Entry describes a node that the table hands to others.
func (t *Table) Entry(id enode.ID) (info NodeInfo, ok bool) {
	_, e, isEntry := t.lookupEntry(id)
	if !isEntry {
		return info, false
	}
	return t.info(e), true
}

func (t *Table) info(e *entry) NodeInfo {
	return NodeInfo{Node: e.node, Added: t.timeOf(e.added), LastSeen: t.timeOf(e.lastSeen), Speaks: e.speaks}
}
