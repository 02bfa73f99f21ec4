package kad

import (
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
)

// quiet makes a table with entries in several buckets whose nodes know nobody,
// and lets the first refreshes pass.
func quiet(t *testing.T, seed uint64) (w *world, peers []*peer) {
	t.Helper()
	w = newWorld(t, seed)
	w.start()
	for bucket := 13; bucket <= 16; bucket++ {
		peers = append(peers, w.fill(bucket, 2*(bucket-12))...)
	}
	w.runFor(5 * time.Minute)
	return w, peers
}

func TestRevalidationTimer(t *testing.T) {
	w, _ := quiet(t, 1)
	w.record()
	var gaps []time.Duration
	buckets := make(map[int]int)
	last, asked := w.now, 0
	w.runUntil(time.Hour, func() bool {
		if len(w.pings) > asked {
			n := w.pings[asked]
			bucket := w.t.bucketIndex(n.ID())
			entries := w.t.buckets[bucket].entries
			if entries[len(entries)-1].node.ID() != n.ID() {
				t.Errorf("pinged one that is not the last of bucket %d", bucket)
			}
			buckets[bucket]++
			gaps = append(gaps, w.now.Sub(last))
			last, asked = w.now, len(w.pings)
		}
		return false
	})
	if slices.Max(gaps) > revalidateWithin {
		t.Errorf("%v between two revalidations", slices.Max(gaps))
	}
	if n := len(gaps); n < 600 || n > 840 { // 720 on average
		t.Errorf("%d revalidations in an hour", n)
	}
	short := 0
	for _, gap := range gaps {
		if gap < revalidateWithin/4 {
			short++
		}
	}
	if share := float64(short) / float64(len(gaps)); share < 0.2 || share > 0.3 {
		t.Errorf("%.2f of the gaps are in the first quarter: not drawn evenly", share)
	}
	for bucket := 13; bucket <= 16; bucket++ {
		if n := buckets[bucket]; n < len(gaps)/6 || n > len(gaps)/3 {
			t.Errorf("bucket %d was chosen %d times of %d", bucket, n, len(gaps))
		}
	}
}

func TestRevalidationMovesToFront(t *testing.T) {
	w, _ := quiet(t, 2)
	w.record()
	var last *enode.Node
	for range 50 {
		asked := len(w.pings)
		w.runUntil(time.Minute, func() bool { return len(w.pings) > asked })
		n := w.pings[asked]
		w.runFor(2 * w.rtt)
		front := w.t.Buckets()[w.t.bucketIndex(n.ID())].Entries[0]
		if front.Node.ID() != n.ID() || w.now.Sub(front.LastSeen) > 2*w.rtt+time.Second {
			t.Fatal("an entry that answered is not at the front")
		}
		if n == last {
			t.Fatal("the same node twice, though its bucket has others")
		}
		last = n
	}
	p := w.order[len(w.order)-1] // the last to be added to bucket 16
	w.live(p.node)
	if w.t.Buckets()[16].Entries[0].Node != p.node {
		t.Error("a node that answers by itself does not move to the front")
	}
	if s := w.t.Stats(); s.RevalidationsFailed != 0 || s.Removed != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestDeadEntryIsDroppedPromptly: in a table where little else happens, an
// entry that fails its check goes as soon as the next one answers.
func TestDeadEntryIsDroppedPromptly(t *testing.T) {
	for seed := range uint64(10) {
		w, peers := quiet(t, seed)
		dead := peers[len(peers)-1]
		dead.dead = true
		w.record()
		asked := func() bool { return slices.Contains(w.pings, dead.node) }
		if !w.runUntil(time.Hour, asked) {
			t.Fatal("a dead entry was never checked")
		}
		const limit = 2*revalidateWithin + 2*time.Second // the timer may choose it again
		if !w.runUntil(limit, func() bool { return !w.isLive(dead.node) }) {
			t.Errorf("seed %d: still there %v after its failed check", seed, limit)
		}
	}
}

// TestSoleEntryIsDropped: with nobody else to answer, the timer's third failure
// decides.
func TestSoleEntryIsDropped(t *testing.T) {
	w := newWorld(t, 3)
	w.start()
	p := w.fill(16, 1)[0]
	p.dead = true
	w.record()
	if !w.runUntil(5*time.Minute, func() bool { return w.t.Live() == 0 }) {
		t.Fatal("still there after five minutes")
	}
	if n := count(w.pings, p.node); n < maxFailsAlone {
		t.Errorf("dropped after %d checks", n)
	}
	p.dead = false
	if !w.runUntil(time.Minute, func() bool { return w.isLive(p.node) }) {
		t.Error("not found again within a minute after it came back")
	}
}

// TestAnswerEndsSuspicion: an entry that fails now and then, while there is
// nobody else to answer, and answers in between, stays what it was.
func TestAnswerEndsSuspicion(t *testing.T) {
	w := newWorld(t, 8)
	w.start()
	p := w.fill(16, 1)[0]
	for range 5 {
		failed := w.t.Stats().RevalidationsFailed
		p.dead = true
		if !w.runUntil(time.Minute, func() bool { return w.t.Stats().RevalidationsFailed == failed+maxFailsAlone-1 }) {
			t.Fatal("not checked")
		}
		p.dead = false
		w.runFor(time.Minute)
	}
	if s := w.t.Stats(); s.Removed != 0 || s.Added != 1 || w.t.Live() != 1 {
		t.Errorf("stats %+v", s)
	}
}

// TestOutcomeForOneThatLeft: a check that fails for an entry that was dropped
// meanwhile makes nobody suspect.
func TestOutcomeForOneThatLeft(t *testing.T) {
	w := newWorld(t, 9)
	w.start()
	p := w.fill(16, 1)[0]
	p.dead = true
	b := &w.t.buckets[16]
	w.t.revalidate(&b.entries[0], false)
	w.t.removeEntry(b, 0)
	w.runFor(2 * w.timeout)
	if len(w.t.reval.suspects) != 0 {
		t.Error("a node that left is suspect")
	}
}

// TestOutcomeForOneThatIsBack: a check that fails, or a record that does not come, of an
// entry that was dropped meanwhile says nothing of the one that has come in its place.
func TestOutcomeForOneThatIsBack(t *testing.T) {
	w := newWorld(t, 9)
	w.start()
	peers := w.fill(16, 2)
	p := peers[1]
	p.dead = true
	b := &w.t.buckets[16]
	at := find(b.entries, p.node.ID())
	w.t.revalidate(&b.entries[at], false)
	w.t.Announced(p.node.ID(), p.node.Seq()+1)
	w.t.removeEntry(b, at)
	w.now = w.now.Add(2 * time.Second)
	w.t.Advance(w.now)
	w.live(p.node)
	back := &b.entries[find(b.entries, p.node.ID())]
	back.state |= isBusy // as by a check that is still under way
	w.now = w.now.Add(time.Millisecond)
	w.t.Advance(w.now)
	w.t.answered(peers[0].node.ID())
	w.runFor(2 * w.timeout)
	switch i := find(b.entries, p.node.ID()); {
	case i < 0:
		t.Error("dropped for the sake of an entry that it isn't")
	case !b.entries[i].is(isBusy) || b.entries[i].fetchAfter != 0:
		t.Errorf("it has another's state: %+v", b.entries[i])
	}
	if len(w.t.reval.suspects) != 0 {
		t.Error("a node that is back is suspect")
	}
}

// TestAnswerWhileCheckFails: an entry that spoke up while its check was under
// way stays.
func TestAnswerWhileCheckFails(t *testing.T) {
	w, peers := quiet(t, 4)
	p := peers[0]
	p.dead = true
	w.record()
	w.runUntil(time.Hour, func() bool { return slices.Contains(w.pings, p.node) })
	w.runFor(w.timeout / 2)
	w.live(p.node.WithEndpoint(p.node.IP(), 40404)) // from another port
	w.runFor(w.timeout)
	if !w.isLive(p.node) || w.t.Stats().RevalidationsFailed != 1 {
		t.Errorf("dropped though it answered: %+v", w.t.Stats())
	}
}

// TestFailedQueryChecksEntry: who fails a lookup is checked at once.
func TestFailedQueryChecksEntry(t *testing.T) {
	w, peers := quiet(t, 5)
	dead := peers[0]
	dead.dead = true
	w.record()
	found, _ := w.lookup(Target{ID: dead.node.ID(), Key: dead.node.PublicKey()}, LookupOptions{})
	if count(found, dead.node) != 0 || len(found) != BucketSize-1 {
		t.Errorf("found %d, the dead one %d times", len(found), count(found, dead.node))
	}
	if count(w.pings, dead.node) != 1 {
		t.Errorf("pinged %d times by the end of the lookup", count(w.pings, dead.node))
	}
	w.runFor(2*revalidateWithin + 2*w.timeout)
	if w.isLive(dead.node) {
		t.Error("failed query and check, and stays")
	}
}

// TestAwayKeepsTable: while nobody answers, hardly anybody is dropped.
func TestAwayKeepsTable(t *testing.T) {
	for seed := range uint64(5) {
		w := newWorld(t, seed)
		w.start()
		for bucket := 11; bucket <= 16; bucket++ {
			w.fill(bucket, 10)
		}
		w.runFor(2 * time.Hour)
		before := w.t.Live()
		w.away = true
		w.runFor(5 * time.Minute)
		if w.t.Live() < before*2/3 {
			t.Errorf("seed %d: of %d entries, %d are left after five minutes", seed, before, w.t.Live())
		}
		if len(w.t.reval.suspects) > awayAfter || len(w.t.reval.lost) > maxLost {
			t.Error("lists are over their bounds")
		}
		w.away = false
		w.runFor(time.Minute)
		if w.t.Live() < before*9/10 {
			t.Errorf("seed %d: of %d entries, %d are there a minute after the network is back", seed, before, w.t.Live())
		}
	}
}

// TestRevalidationQuickens: when many of the entries found by the timer are dead, checks
// follow each other sooner, and the dead are soon gone; with nobody dead they are as rare
// as ever.
func TestRevalidationQuickens(t *testing.T) {
	for seed := range uint64(5) {
		w := newWorld(t, seed)
		w.start()
		var peers []*peer
		for bucket := 10; bucket <= 16; bucket++ {
			peers = append(peers, w.fill(bucket, 14)...)
		}
		w.runFor(10 * time.Minute)
		for i, p := range peers {
			p.dead = i%2 == 0
		}
		left := func() (n int) {
			for _, p := range peers {
				if p.dead && w.isLive(p.node) {
					n++
				}
			}
			return n
		}
		soonest := w.t.reval.pace
		w.runUntil(3*time.Minute, func() bool { // 36 checks at the usual pace, and 49 are dead
			soonest = min(soonest, w.t.reval.pace)
			return false
		})
		if n := left(); n > 5 {
			t.Errorf("seed %d: %d of %d dead are left after three minutes", seed, n, len(peers)/2)
		}
		if soonest != revalidateSoonest {
			t.Errorf("seed %d: a check within %v, want %v", seed, soonest, revalidateSoonest)
		}
		w.runFor(10 * time.Minute)
		if n := left(); n > 0 || w.t.reval.pace != revalidateWithin {
			t.Errorf("seed %d: %d dead are left, and a check every %v, when all that answer stay", seed, n, w.t.reval.pace)
		}
	}
}

// TestAwayQuickensNothing: a network that is away says nothing of who is gone.
func TestAwayQuickensNothing(t *testing.T) {
	w, _ := quiet(t, 11)
	w.away = true
	w.runFor(5 * time.Minute)
	if w.t.reval.pace != revalidateWithin {
		t.Errorf("a check every %v while nobody answers", w.t.reval.pace)
	}
}

// TestClockJumps: after a leap everything due happens once, not once for each
// period that was leapt over.
func TestClockJumps(t *testing.T) {
	w, _ := quiet(t, 6)
	w.record()
	refreshes := w.t.Stats().Refreshes
	w.now = w.now.Add(1000 * time.Hour)
	w.start()
	if len(w.pings) > 1 || w.t.Stats().Refreshes != refreshes+1 {
		t.Errorf("%d pings and %d refreshes at once", len(w.pings), w.t.Stats().Refreshes-refreshes)
	}
	live := w.t.Live()
	w.runFor(time.Minute)
	if w.t.Live() != live || w.t.Stats().Revalidations == 0 {
		t.Errorf("stats after the leap: %+v", w.t.Stats())
	}
}
