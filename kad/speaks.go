package kad

import (
	"time"

	"github.com/kithnet/kith/enode"
)

// triedAgain is how many minutes an entry is left alone after Untried has named it. Who
// speaks one protocol hardly ever learns the other, and a network has many who never do.
const triedAgain minute = 60

// minute is a point in time of which the last four hours count: whole minutes
// since the table's first, plus 1, that begin anew after 255. 0 is never.
type minute uint8

const minutes = 255

func (t *Table) minute() minute { return minute((t.second()-1)/60%minutes) + 1 }

// since returns the minutes from another point in time to m, neither being never.
func (m minute) since(o minute) minute {
	if m >= o {
		return m - o
	}
	return m + (minutes - o)
}

// speaksAny reports whether an entry speaks one of the protocols; of none, always.
func (e *entry) speaksAny(via Protocol) bool { return via == 0 || e.speaks&via != 0 }

// Speaks returns the protocols by which an entry or replacement has answered this
// node, 0 for nodes that the table does not have.
func (t *Table) Speaks(id enode.ID) Protocol {
	if _, e, _ := t.lookupEntry(id); e != nil {
		return e.speaks
	}
	return 0
}

// Stopped tells the table that a node answers no longer by the protocol via, as it
// does by another, which it has been told by AddLive. A node's last protocol stays:
// whether it answers at all is for the checks of the entries to find out.
func (t *Table) Stopped(id enode.ID, via Protocol) {
	if _, e, _ := t.lookupEntry(id); e != nil && e.speaks&^via != 0 {
		e.speaks &^= via
	}
}

// Untried returns an entry that is worth a question by the protocol that it is not
// asked by, and the protocols that it speaks: one of a single protocol, which may
// have a second one, if it joined this long ago, in whole seconds, and one of two, which
// may have lost one of them, after an hour. It is not named again for an hour. nil: there
// is none.
func (t *Table) Untried(joined time.Duration) (n *enode.Node, speaks Protocol) {
	after := second(joined / time.Second)
	for i := range t.buckets {
		list := t.buckets[i].entries
		for at := range list {
			if e := &list[at]; t.untried(e, after) {
				e.tried = t.minute()
				return e.node, e.speaks
			}
		}
	}
	return nil, 0
}

func (t *Table) untried(e *entry, after second) bool {
	if e.tried != 0 {
		return t.minute().since(e.tried) > triedAgain
	}
	switch age := t.second() - e.added; e.speaks {
	case 0:
		return false
	case V4, V5:
		return age >= after
	default:
		return age > second(triedAgain)*60
	}
}

// OneSided returns how many entries speak a single protocol, and not the other by which
// they were tried.
func (t *Table) OneSided() (n int) {
	for i := range t.buckets {
		list := t.buckets[i].entries
		for at := range list {
			if e := &list[at]; e.tried != 0 && (e.speaks == V4 || e.speaks == V5) {
				n++
			}
		}
	}
	return n
}

// Bootnode reports whether a node is one of the bootnodes.
func (t *Table) Bootnode(id enode.ID) bool {
	for _, n := range t.cfg.Bootnodes {
		if n.ID() == id {
			return true
		}
	}
	return false
}

// AtDistance appends to dst up to most entries at exactly this log2 distance from
// the own ID, 1 to 256, that speak one of the protocols via, 0 for whatever they
// speak: those that were seen last first.
func (t *Table) AtDistance(dst []*enode.Node, distance, most int, via Protocol) []*enode.Node {
	if distance < 1 || distance > 256 {
		return dst
	}
	i := max(0, distance-(256-NumBuckets)-1)
	b := &t.buckets[i]
	var found [BucketSize]*entry
	n := 0
	for k := range b.entries {
		e := &b.entries[k]
		if !e.speaksAny(via) || (i == 0 && enode.LogDist(t.cfg.Self, e.node.ID()) != distance) {
			continue
		}
		at := n
		for ; at > 0 && found[at-1].lastSeen < e.lastSeen; at-- {
			found[at] = found[at-1]
		}
		found[at] = e
		n++
	}
	for _, e := range found[:min(n, max(most, 0))] {
		dst = append(dst, e.node)
	}
	return dst
}
