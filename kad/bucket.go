package kad

import (
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
)

// entry is a node in a bucket.
type entry struct {
	node       *enode.Node
	added      time.Time
	lastSeen   time.Time // zero: never answered
	fetching   bool      // its record is being fetched
	fetchAfter time.Time // not before
	busy       bool      // a revalidation of it is under way
	wanted     uint64    // number of the record that is fetched
	fails      uint8     // revalidations failed in a row while nobody else answered
}

func (e *entry) live() bool { return !e.lastSeen.IsZero() }

// bucket holds the nodes of one distance. Both lists are ordered from the most
// to the least recently seen (entries) or heard of (replacements).
type bucket struct {
	entries      []*entry
	replacements []*entry
	nets         netCount
}

func find(list []*entry, id enode.ID) int {
	return slices.IndexFunc(list, func(e *entry) bool { return e.node.ID() == id })
}

// bucketIndex returns the bucket of a node: 16 for the farthest half of the ID
// space, 15 for the next quarter, and 0 for all at log2 distance 240 and below.
func (t *Table) bucketIndex(id enode.ID) int {
	return max(0, enode.LogDist(t.cfg.Self, id)-(256-NumBuckets)-1)
}

// lookupEntry finds a node among the entries or replacements.
func (t *Table) lookupEntry(id enode.ID) (b *bucket, e *entry, isEntry bool) {
	b = &t.buckets[t.bucketIndex(id)]
	if i := find(b.entries, id); i >= 0 {
		return b, b.entries[i], true
	}
	if i := find(b.replacements, id); i >= 0 {
		return b, b.replacements[i], false
	}
	return b, nil, false
}

// addEntry puts a node that answered at the front of the entries, if there is
// room. The caller has made sure that it is in neither list.
func (t *Table) addEntry(b *bucket, e *entry) {
	b.entries = slices.Insert(b.entries, 0, e)
	t.grown()
	t.stats.Added++
	t.trace(EventAdded, e.node)
}

// addReplacement puts e at the front of the replacements. When they are full,
// the oldest that never answered makes room; one that answered is displaced
// only by another that did, so that hearsay can't wash out what is proven.
func (t *Table) addReplacement(b *bucket, e *entry) bool {
	if len(b.replacements) >= MaxReplacements {
		victim := -1
		for i := len(b.replacements) - 1; i >= 0; i-- {
			if !b.replacements[i].live() {
				victim = i
				break
			}
		}
		if victim < 0 && e.live() {
			victim = len(b.replacements) - 1
		}
		if victim < 0 {
			t.stats.DroppedFull++
			return false
		}
		t.dropReplacement(b, victim)
	}
	b.replacements = slices.Insert(b.replacements, 0, e)
	return true
}

func (t *Table) dropReplacement(b *bucket, i int) {
	t.removeNet(b, b.replacements[i].node)
	b.replacements = slices.Delete(b.replacements, i, i+1)
}

// removeEntry takes a failed entry out and gives its place to a random live
// replacement. With none live, one that never answered is checked at once, and
// joins when it answers.
func (t *Table) removeEntry(b *bucket, e *entry) {
	i := slices.Index(b.entries, e)
	if i < 0 {
		return
	}
	b.entries = slices.Delete(b.entries, i, i+1)
	t.removeNet(b, e.node)
	t.live--
	t.stats.Removed++
	t.trace(EventRemoved, e.node)
	t.fillFromReplacements(b)
	t.drained()
}

// fillFromReplacements promotes a random live replacement into a free place.
func (t *Table) fillFromReplacements(b *bucket) {
	if len(b.replacements) == 0 || len(b.entries) >= BucketSize {
		return
	}
	var live []int
	for i, r := range b.replacements {
		if r.live() {
			live = append(live, i)
		}
	}
	if len(live) == 0 {
		i := t.cfg.Rand.IntN(len(b.replacements))
		n := b.replacements[i].node
		t.dropReplacement(b, i)
		t.enqueueCheck(n)
		return
	}
	i := live[t.cfg.Rand.IntN(len(live))]
	e := b.replacements[i]
	b.replacements = slices.Delete(b.replacements, i, i+1)
	b.entries = append(b.entries, e) // at the end: its last answer is the oldest
	t.grown()
	t.stats.Promoted++
	t.trace(EventPromoted, e.node)
}

// touch records an answer of a node and moves it to the front of its list.
func (b *bucket) touch(e *entry, now time.Time) {
	e.lastSeen = now
	e.fails = 0
	moveToFront(b.entries, e)
	moveToFront(b.replacements, e)
}

func moveToFront(list []*entry, e *entry) {
	if i := slices.Index(list, e); i > 0 {
		copy(list[1:i+1], list[:i])
		list[0] = e
	}
}
