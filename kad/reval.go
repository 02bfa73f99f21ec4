package kad

import (
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
)

const (
	// revalidateWithin bounds the time between two revalidations, which is
	// drawn at random below it so that an observer can't tell when an entry
	// will be checked next.
	revalidateWithin = 10 * time.Second

	// revalidateSoonest is what that bound falls to where many nodes go: it is halved by
	// each entry found dead, and grows by a sixteenth with each found alive, so that it
	// settles where one in a dozen of those checked is dead.
	revalidateSoonest = time.Second
	paceGrowth        = 16

	// awayAfter is how many entries fail their checks, while no node at all
	// answers, until it counts as this node's own network that is away. Fewer
	// may well be gone by chance.
	awayAfter = 3

	// maxFailsAlone is how many checks by the timer an entry may fail while no
	// node at all answers. A table that threw everybody out as soon as the
	// network is away would have to begin anew.
	maxFailsAlone = 3

	// maxLost bounds the nodes remembered after they were dropped while no node
	// answered: one lookup's worth to begin from when the network is back.
	maxLost = BucketSize
)

// revalidator checks that entries are alive: at random times the last of a
// random bucket, and at once one that failed a lookup.
//
// An entry that fails while others answer is dropped. While nobody answers, who
// is gone can't be told: the entries that failed are suspects until some node
// answers. If they are few, they are gone; if they are many, the network was.
type revalidator struct {
	next       time.Time
	pace       time.Duration // bound of the time between two
	lastAnswer stamp
	suspects   []enode.ID    // entries, at most awayAfter
	lost       []*enode.Node // dropped while nobody answered, newest last
}

// away reports whether the own network seems to be away.
func (r *revalidator) away() bool { return len(r.suspects) >= awayAfter }

func (t *Table) advanceRevalidation() {
	if t.now.Before(t.reval.next) {
		return
	}
	first := t.reval.next.IsZero()
	if first {
		t.reval.pace = revalidateWithin
	}
	t.reval.next = t.now.Add(time.Duration(t.cfg.Rand.Int64N(int64(t.reval.pace))))
	if !first {
		t.revalidateRandom()
	}
}

// revalidateRandom pings the last entry of a random bucket.
func (t *Table) revalidateRandom() {
	var filled [NumBuckets]int
	n := 0
	for i := range t.buckets {
		if len(t.buckets[i].entries) > 0 {
			filled[n] = i
			n++
		}
	}
	if n == 0 {
		return
	}
	b := &t.buckets[filled[t.cfg.Rand.IntN(n)]]
	last := len(b.entries) - 1
	if t.surplus(b.entries[last].node) { // it came when the table was smaller, or knew fewer networks
		t.stats.DroppedDiversity++
		t.removeEntry(b, last)
		return
	}
	t.revalidate(&b.entries[last], true)
}

// revalidate pings e, unless that is under way, and keeps or replaces it by the outcome.
func (t *Table) revalidate(e *entry, timer bool) {
	if e.is(isBusy) {
		return
	}
	e.state = e.state&^hasAnswered | isBusy
	t.stats.Revalidations++
	n, added, asked := e.node, e.added, t.stamp()
	t.cfg.Transport.Ping(n, func(seq uint64, err error) {
		_, e, isEntry := t.lookupEntry(n.ID())
		still := isEntry && e.added == added && e.is(isBusy) // else it left, and may be back as another entry
		if still {
			e.state &^= isBusy
		}
		if err == ErrNotAsked {
			return
		}
		if err != nil {
			t.revalidationFailed(n.ID(), still && !e.is(hasAnswered), asked, timer)
			return
		}
		if timer {
			t.reval.pace = min(t.reval.pace+t.reval.pace/paceGrowth, revalidateWithin)
		}
		t.AddLive(n, t.cfg.Via)
		t.Announced(n.ID(), seq)
	})
}

// quicken has the next checks follow sooner, as one has found an entry dead.
func (r *revalidator) quicken() { r.pace = max(r.pace/2, revalidateSoonest) }

// revalidationFailed is that a check failed of an entry, which has its place to lose unless
// it answered something else meanwhile, or is gone.
func (t *Table) revalidationFailed(id enode.ID, counts bool, asked stamp, timer bool) {
	t.stats.RevalidationsFailed++
	if !counts {
		return
	}
	r := &t.reval
	b := &t.buckets[t.bucketIndex(id)]
	if r.lastAnswer > asked {
		if timer {
			r.quicken()
		}
		t.removeEntry(b, find(b.entries, id))
		return
	}
	t.suspect(id)
	e := &b.entries[find(b.entries, id)]
	if timer {
		e.fails++
	}
	if e.fails >= maxFailsAlone {
		r.lost = append(r.lost, e.node)
		r.lost = r.lost[max(0, len(r.lost)-maxLost):]
		t.removeEntry(b, find(b.entries, id))
	}
}

// suspect notes that an entry failed while nobody answers. When that looks as if the
// network were away, a refresh tries to reach anybody at all.
func (t *Table) suspect(id enode.ID) {
	r := &t.reval
	if r.away() || slices.Contains(r.suspects, id) {
		return
	}
	if r.suspects = append(r.suspects, id); r.away() {
		t.refreshSoon()
	}
}

// answered notes that a node answered, and so that the network is there.
func (t *Table) answered(id enode.ID) {
	r := &t.reval
	r.lastAnswer = t.stamp()
	if len(r.suspects) == 0 {
		return
	}
	suspects, wasAway := r.suspects, r.away()
	r.suspects = nil
	if wasAway {
		t.refreshSoon()
		return
	}
	for _, failed := range suspects {
		if failed == id {
			continue
		}
		b := &t.buckets[t.bucketIndex(failed)]
		i := find(b.entries, failed)
		if i < 0 || b.entries[i].fails > 0 { // those that are gone were dropped by the timer
			r.quicken()
		}
		if i >= 0 {
			t.removeEntry(b, i)
		}
	}
}
