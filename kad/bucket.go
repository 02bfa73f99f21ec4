package kad

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
)

// stamp is a point in time: nanoseconds since the table's first one, of which a
// time.Time would take three times as much. 0 is never.
type stamp int64

// stamp returns the table's time.
func (t *Table) stamp() stamp { return stamp(t.now.Sub(t.epoch)) + 1 }

// second is a stamp of whole seconds, for what is kept of many nodes. 0 is never.
type second int32

func (t *Table) second() second { return second(t.now.Sub(t.epoch)/time.Second) + 1 }

// timeOf is the opposite; never is the zero time.
func (t *Table) timeOf(s second) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return t.epoch.Add(time.Duration(s-1) * time.Second)
}

// entry is a node in a bucket, which holds it by value: to look through a list is done
// with every packet, and takes no step to any node but the right one. A full table has
// hundreds, and a simulation as many tables as nodes: it is kept at 32 bytes. A pointer
// to it is good until a list of its bucket changes.
type entry struct {
	head       uint64 // of its ID: headOf
	node       *enode.Node
	added      second
	lastSeen   second // 0: never answered
	fetchAfter second // its record is not fetched before
	state      entryState
	speaks     Protocol // those by which it has answered
	tried      minute   // when it was named by Untried
	fails      uint8    // revalidations failed in a row while nobody else answered
}

// entryState is a set of what is under way with an entry.
type entryState uint8

const (
	isFetched   entryState = 1 << iota // its record is being fetched
	isBusy                             // a revalidation of it is under way
	hasAnswered                        // since the last revalidation began
)

func (t *Table) newEntry(n *enode.Node, seen second, via Protocol) entry {
	return entry{head: headOf(n.ID()), node: n, lastSeen: seen, added: t.second(), speaks: via}
}

func (e *entry) live() bool { return e.lastSeen != 0 }

func (e *entry) is(s entryState) bool { return e.state&s != 0 }

// headOf returns the first 64 bits of an ID.
func headOf(id enode.ID) uint64 { return binary.BigEndian.Uint64(id[:]) }

// bucket holds the nodes of one distance. Both lists are ordered from the most
// to the least recently seen (entries) or heard of (replacements).
type bucket struct {
	entries      []entry
	replacements []entry
	nets         netCount
	checking     uint16 // its nodes that are checked, or wait for that
}

// hasRoom reports whether there are places that those who are being checked will not take.
func (b *bucket) hasRoom() bool { return len(b.entries)+int(b.checking) < BucketSize }

func find(list []entry, id enode.ID) int {
	head := headOf(id)
	for i := range list {
		if list[i].head == head && list[i].node.ID() == id {
			return i
		}
	}
	return -1
}

// bucketIndex returns the bucket of a node: 16 for the farthest half of the ID
// space, 15 for the next quarter, and 0 for all at log2 distance 240 and below.
func (t *Table) bucketIndex(id enode.ID) int {
	return max(0, enode.LogDist(t.cfg.Self, id)-(256-NumBuckets)-1)
}

// lookupEntry finds a node among the entries or replacements. What it returns is good
// until a list of the bucket changes.
func (t *Table) lookupEntry(id enode.ID) (b *bucket, e *entry, isEntry bool) {
	b = &t.buckets[t.bucketIndex(id)]
	if i := find(b.entries, id); i >= 0 {
		return b, &b.entries[i], true
	}
	if i := find(b.replacements, id); i >= 0 {
		return b, &b.replacements[i], false
	}
	return b, nil, false
}

// addEntry puts a node that answered at the front of the entries, if there is
// room. The caller has made sure that it is in neither list.
func (t *Table) addEntry(b *bucket, e entry) {
	b.entries = pushFront(b.entries, e, BucketSize)
	t.grown()
	t.stats.Added++
	t.trace(EventAdded, e.node)
}

// addReplacement puts a node at the front of the replacements; seen is when it
// answered, 0 for never, and via by what. When they are full, the oldest that never
// answered makes room; one that answered is displaced only by another that did, so that
// hearsay can't wash out what is proven.
func (t *Table) addReplacement(b *bucket, n *enode.Node, seen second, via Protocol) bool {
	if len(b.replacements) < MaxReplacements {
		b.replacements = pushFront(b.replacements, t.newEntry(n, seen, via), MaxReplacements)
		return true
	}
	victim := len(b.replacements) - 1
	for victim >= 0 && b.replacements[victim].live() {
		victim--
	}
	if victim < 0 && seen != 0 {
		victim = len(b.replacements) - 1
	}
	if victim < 0 {
		t.stats.DroppedFull++
		return false
	}
	t.removeNet(b, networkOf(b.replacements[victim].node.IP()))
	copy(b.replacements[1:victim+1], b.replacements[:victim])
	b.replacements[0] = t.newEntry(n, seen, via)
	return true
}

func (t *Table) dropReplacement(b *bucket, i int) {
	t.removeNet(b, networkOf(b.replacements[i].node.IP()))
	b.replacements = slices.Delete(b.replacements, i, i+1)
}

// removeEntry takes a failed entry out, by its place, and gives that to a random live
// replacement. With none live, one that never answered is checked at once, and
// joins when it answers.
func (t *Table) removeEntry(b *bucket, i int) {
	n := b.entries[i].node
	b.entries = slices.Delete(b.entries, i, i+1)
	t.removeNet(b, networkOf(n.IP()))
	t.live--
	t.stats.Removed++
	t.trace(EventRemoved, n)
	t.fillFromReplacements(b)
	t.drained()
}

// fillFromReplacements promotes a random live replacement into a free place, or has one
// checked that never answered.
func (t *Table) fillFromReplacements(b *bucket) {
	if len(b.replacements) == 0 || len(b.entries) >= BucketSize {
		return
	}
	var live [MaxReplacements]int
	alive := 0
	for i := range b.replacements {
		if b.replacements[i].live() {
			live[alive] = i
			alive++
		}
	}
	if alive == 0 {
		if !b.hasRoom() {
			return
		}
		i := t.cfg.Rand.IntN(len(b.replacements))
		n := b.replacements[i].node
		t.dropReplacement(b, i)
		t.enqueueCheck(b, n)
		return
	}
	i := live[t.cfg.Rand.IntN(alive)]
	e := b.replacements[i]
	b.replacements = slices.Delete(b.replacements, i, i+1)
	b.entries = append(b.entries, e) // at the end: its last answer is the oldest
	t.grown()
	t.stats.Promoted++
	t.trace(EventPromoted, e.node)
}

// touch records an answer of a node and moves it to the front of its list.
func (b *bucket) touch(e *entry, now second, via Protocol) {
	e.lastSeen = now
	e.state |= hasAnswered
	e.speaks |= via
	e.fails = 0
	if !moveToFront(b.entries, e) {
		moveToFront(b.replacements, e)
	}
}

// pushFront puts e at the front of a list of at most so many, which takes no more room
// than these do.
func pushFront(list []entry, e entry, most int) []entry {
	n := len(list)
	if n == cap(list) {
		list = append(make([]entry, 0, max(n+1, min(2*n, most))), list...)
	}
	list = append(list, entry{})
	copy(list[1:], list[:n])
	list[0] = e
	return list
}

// moveToFront moves the entry that lies at e to the front of a list, if it is in that.
func moveToFront(list []entry, e *entry) bool {
	for i := range list {
		if &list[i] == e {
			moved := *e
			copy(list[1:i+1], list[:i])
			list[0] = moved
			return true
		}
	}
	return false
}
