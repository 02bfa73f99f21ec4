package kad

import "github.com/kithnet/kith/enode"

// Lists is a set of a table's two lists of nodes.
type Lists uint8

// The lists. Entries are handed to others, replacements wait for their places.
const (
	Entries Lists = 1 << iota
	Replacements
)

// Visit calls f with each node of the lists, the nearest bucket first and its entries
// before its replacements, until f says no. It allocates nothing. f must not call the
// table.
func (t *Table) Visit(lists Lists, f func(distance int, entry bool, n NodeInfo) bool) {
	for i := range t.buckets {
		b := &t.buckets[i]
		for k, list := range [2][]entry{b.entries, b.replacements} {
			if lists&(1<<k) == 0 {
				continue
			}
			for at := range list {
				if !f(256-NumBuckets+1+i, k == 0, t.info(&list[at])) {
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
