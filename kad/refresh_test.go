package kad

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
)

// refreshTimes notes when refreshes begin.
func (w *world) refreshTimes() *[]time.Duration {
	var times []time.Duration
	w.trace = func(e Event) {
		if e.Kind == EventRefresh {
			times = append(times, e.Time.Sub(worldStart))
		}
	}
	return &times
}

// gaps returns the times between the times.
func gaps(times []time.Duration) (gaps []time.Duration) {
	for i := 1; i < len(times); i++ {
		gaps = append(gaps, times[i]-times[i-1])
	}
	return gaps
}

// aliveEntries returns how many entries are nodes that answer.
func (w *world) aliveEntries() (alive int) {
	for _, p := range w.order {
		if !p.dead && w.isLive(p.node) {
			alive++
		}
	}
	return alive
}

func TestRefreshAtStart(t *testing.T) {
	w := newWorld(t, 1)
	bootnode := w.addIn(16)
	w.t.cfg.Bootnodes = []*enode.Node{bootnode.node}
	w.record()
	w.start()
	if count(w.pings, bootnode.node) != 1 {
		t.Error("the bootnode was not pinged at once")
	}
	if len(w.targets) != 1 {
		t.Fatalf("%d queries at once, want one", len(w.targets))
	}
	for w.t.refresh.running > 0 {
		w.runFor(10 * time.Millisecond)
	}
	w.targets = slices.Compact(w.targets)
	if len(w.targets) != 4 {
		t.Fatalf("%d lookups, one after the other, want four", len(w.targets))
	}
	if w.targets[0] != (Target{ID: w.t.cfg.Self, Key: w.t.cfg.SelfKey}) {
		t.Error("the first lookup is not for the own ID")
	}
	for i, target := range w.targets {
		if target.ID != enode.PubkeyID(&target.Key) || slices.Index(w.targets, target) != i {
			t.Errorf("target %d is %v", i, target)
		}
	}
}

func TestRandomTargetIsDrawnEvenly(t *testing.T) {
	w := newWorld(t, 2)
	ones := 0
	for range 1000 {
		ones += int(w.t.RandomTarget().ID[0] >> 7)
	}
	if ones < 440 || ones > 560 {
		t.Errorf("%d of 1000 are in the upper half", ones)
	}
}

func TestRefreshWhenAsked(t *testing.T) {
	w := newWorld(t, 3)
	w.join(100, time.Hour)
	times := w.refreshTimes()
	done := 0
	w.t.Refresh(func() { done++ })
	w.t.Refresh(func() { done++ }) // joins
	w.t.Refresh(nil)
	if done != 0 || len(*times) != 1 || w.t.Stats().Lookups != 1 {
		t.Fatalf("done %d times, %d refreshes, %d lookups", done, len(*times), w.t.Stats().Lookups)
	}
	w.runFor(5 * time.Second)
	if done != 2 {
		t.Errorf("done was called %d times, want 2", done)
	}
	w.t.Refresh(func() { done++ })
	w.runFor(time.Hour)
	if done != 3 || len(*times) < 2 {
		t.Errorf("done was called %d times by the end, want 3", done)
	}

	empty := newWorld(t, 4) // nobody to ask: ends at once
	empty.start()
	empty.t.Refresh(func() { done++ })
	if done != 4 {
		t.Error("the refresh of an empty table did not end")
	}
}

func TestRefreshWhileThin(t *testing.T) {
	w := newWorld(t, 5)
	w.join(thinBelow-1, time.Minute)
	if w.t.Live() != thinBelow-1 {
		t.Fatalf("%d entries", w.t.Live())
	}
	times := w.refreshTimes()
	w.runFor(time.Hour)
	for _, gap := range gaps(*times) {
		if gap < refreshThin*9/10 || gap > refreshThin*11/10+2*time.Second {
			t.Errorf("%v between two refreshes", gap)
		}
	}
	if len(*times) < 105 {
		t.Errorf("%d refreshes in an hour", len(*times))
	}
}

func TestRefreshBacksOff(t *testing.T) {
	w := newWorld(t, 6)
	w.check = false
	w.populate(200, 0)
	w.t.cfg.Bootnodes = []*enode.Node{w.order[0].node}
	times := w.refreshTimes()
	w.start()
	w.runFor(6 * time.Hour)
	gaps := gaps(*times)
	grown, last := 0, 0
	for i, gap := range gaps {
		if gap < 10*time.Second {
			grown, last = grown+1, i
			if gap < refreshGrowing*9/10 {
				t.Errorf("%v between two refreshes", gap)
			}
		}
	}
	if grown == 0 || last > 2*maxGrowing {
		t.Errorf("%d refreshes in quick succession while the table grew, the last is number %d", grown, last)
	}
	calm := gaps[last+1:]
	want := refreshThin
	for i, gap := range calm {
		if gap < want*9/10 || gap > want*11/10+2*time.Second {
			t.Errorf("pause %d is %v, want about %v", i, gap, want)
		}
		want = min(2*want, refreshFull)
	}
	if want != refreshFull || len(calm) < 12 {
		t.Errorf("pauses: %v", calm)
	}
}

// TestRefreshWhenDrained: when half the table is gone, the next refresh comes at
// once, however far off it was.
func TestRefreshWhenDrained(t *testing.T) {
	w := newWorld(t, 7)
	w.check = false
	w.join(300, 5*time.Hour)
	before := w.t.Live()
	for i, p := range w.order {
		p.dead = i%4 > 0
	}
	times := w.refreshTimes()
	refreshed := func() bool { return len(*times) > 0 }
	start := w.now
	drained := func() bool { return w.t.Live()*2 < before }
	if !w.runUntil(time.Hour, func() bool { return drained() || refreshed() }) {
		t.Fatal("the dead are not dropped")
	}
	if !refreshed() && !w.runUntil(refreshGap+time.Second, refreshed) {
		t.Errorf("%v after three quarters died, %d entries of %d left and no refresh", w.now.Sub(start), w.t.Live(), before)
	}
	w.runFor(15 * time.Minute)
	if alive := w.aliveEntries(); alive < 40 || w.t.Live()-alive > 10 {
		t.Errorf("%d entries, %d of them alive", w.t.Live(), alive)
	}
}

// TestDrainIsMeasuredFromTheTop: nodes that came by themselves, after the last
// refresh, count as well when they leave. A refresh that began just now is
// followed by the next after a pause.
func TestDrainIsMeasuredFromTheTop(t *testing.T) {
	w := newWorld(t, 8)
	w.start()
	w.fill(16, BucketSize)
	w.runFor(5 * time.Hour)
	w.fill(15, BucketSize)
	w.fill(14, BucketSize)
	times := w.refreshTimes()
	drain := func(bucket int) {
		b := &w.t.buckets[bucket]
		for len(b.entries) > 0 {
			w.t.removeEntry(b, 0)
		}
	}
	drain(14)
	w.start()
	if len(*times) != 0 {
		t.Fatal("a refresh though two thirds are left")
	}
	drain(15)
	w.start()
	if len(*times) != 1 {
		t.Fatalf("%d refreshes when one third was left, want one", len(*times))
	}
	w.runFor(time.Second) // it is over
	drain(16)
	w.runFor(time.Minute)
	if gap := gaps(*times)[0]; gap < refreshGap || gap > refreshGap+time.Second {
		t.Errorf("%v between the starts of two refreshes", gap)
	}
}

// TestGrowthIsNotFollowedForever: a table that grows with each refresh is
// refreshed in quick succession a few times, then every 30 seconds.
func TestGrowthIsNotFollowedForever(t *testing.T) {
	w := newWorld(t, 12)
	refreshes, next := 0, 0
	w.trace = func(e Event) {
		if e.Kind != EventRefresh {
			return
		}
		refreshes++
		w.after(time.Millisecond, func() { // an eighth more each time
			for range w.t.Live()/8 + 1 {
				w.fill(16-next%7, 1)
				next++
			}
		})
	}
	w.start()
	w.live(w.addIn(16).node)
	w.runFor(20 * time.Second)
	if refreshes < 3 || refreshes > maxGrowing+2 {
		t.Errorf("%d refreshes in 20 seconds", refreshes)
	}
}

type seeds []*enode.Node

func (s seeds) Seeds(rng *rand.Rand, max int, _ time.Time) []*enode.Node {
	n := min(max, len(s))
	out := slices.Clone(s)
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:n]
}

// TestSeeds: a node that ran before needs no bootnode, if some of those it knew
// are there.
func TestSeeds(t *testing.T) {
	w := newWorld(t, 9)
	w.populate(200, 0)
	var known seeds
	for i := range 40 {
		known = append(known, w.newNode(publicIP(1000+i))) // gone
	}
	known = append(known, w.order[0].node, w.order[1].node)
	w.t.cfg.Seeder = known
	w.start()
	w.runFor(time.Minute)
	if w.t.Live() < 40 {
		t.Errorf("%d entries", w.t.Live())
	}
}

// TestBootnodeComesUpLate: a bootnode that is down is tried again, not too
// often, and the table fills within a minute of its coming up.
func TestBootnodeComesUpLate(t *testing.T) {
	for seed := range uint64(10) {
		w := newWorld(t, seed)
		w.populate(200, 0)
		bootnode := w.order[0]
		w.t.cfg.Bootnodes = []*enode.Node{bootnode.node}
		bootnode.dead = true
		w.record()
		w.runFor(10 * time.Minute)
		if n := count(w.pings, bootnode.node); n < 20 || n > 30 {
			t.Errorf("pinged %d times in ten minutes", n)
		}
		if n := len(w.queries); n > 4*30 {
			t.Errorf("queried %d times in ten minutes", n)
		}
		bootnode.dead = false
		w.runFor(time.Minute)
		if w.t.Live() < 40 {
			t.Errorf("seed %d: %d entries a minute after the bootnode came up", seed, w.t.Live())
		}
	}
}

// TestBootnodeMoves: a bootnode that comes up elsewhere is found there, though
// the table, the seeds and what was lost know it at its old endpoint.
func TestBootnodeMoves(t *testing.T) {
	for seed := range uint64(5) {
		w := newWorld(t, seed)
		bootnode := w.addIn(16)
		w.t.cfg.Bootnodes = []*enode.Node{bootnode.node}
		w.t.cfg.Seeder = seeds{bootnode.node}
		w.runFor(time.Minute)
		bootnode.node = bootnode.node.WithEndpoint(publicIP(700), 4)
		w.runFor(10*time.Minute + time.Duration(seed)*time.Second)
		w.t.AddBootnode(bootnode.node)
		w.runFor(time.Minute)
		if n, live := w.t.Node(bootnode.node.ID()); !live || n.IP() != publicIP(700) {
			t.Errorf("seed %d: not found at its new endpoint", seed)
		}
	}
}

// TestAddBootnode: a bootnode whose name is resolved late, or anew, is used at
// once while the table is empty, also while a refresh waits for another.
func TestAddBootnode(t *testing.T) {
	w := newWorld(t, 10)
	w.populate(100, 0)
	ghost := w.newNode(publicIP(5000))
	w.start()
	w.runFor(10 * time.Second)
	w.t.AddBootnode(ghost)
	if w.t.refresh.running == 0 {
		t.Error("no refresh at once")
	}
	w.runFor(w.timeout / 2)
	late := w.order[0].node
	w.t.AddBootnode(late)
	w.runFor(2 * w.rtt)
	if !w.isLive(late) {
		t.Error("one that was added during a refresh was not checked at once")
	}
	w.runFor(10 * time.Second)
	if w.t.Live() < 30 {
		t.Errorf("%d entries after ten seconds", w.t.Live())
	}
	w.t.AddBootnode(late.WithEndpoint(publicIP(6000), 1))
	if len(w.t.cfg.Bootnodes) != 2 || w.t.cfg.Bootnodes[1].IP() != publicIP(6000) {
		t.Errorf("bootnodes are %v", w.t.cfg.Bootnodes)
	}
}

// TestRefreshStops: a refresh that finds nobody new asks few, and a lookup asks all of
// the closest nevertheless.
func TestRefreshStops(t *testing.T) {
	w := newWorld(t, 9)
	w.join(150, 10*time.Minute)
	before := w.t.Stats()
	w.t.Refresh(nil)
	w.runFor(10 * time.Second)
	after := w.t.Stats()
	if n := after.LookupsDone - before.LookupsDone; n != 2 {
		t.Errorf("%d lookups", n)
	}
	if n := after.Queries - before.Queries; n < 2*enoughDry || n >= 2*BucketSize {
		t.Errorf("%d were asked", n)
	}
	if _, hops := w.lookup(w.t.RandomTarget(), LookupOptions{}); len(hops) < BucketSize {
		t.Errorf("a lookup asked %d", len(hops))
	}
}

// TestRefreshFillsBuckets: a lookup of a refresh ends when the bucket that it is for has no
// more room, which takes few queries, and tables fill by that.
func TestRefreshFillsBuckets(t *testing.T) {
	w := newWorld(t, 12)
	w.join(1000, 10*time.Second)
	for i := 12; i < NumBuckets; i++ { // 31 nodes and more are in each
		if n := len(w.t.buckets[i].entries); n != BucketSize {
			t.Errorf("bucket %d has %d entries", i, n)
		}
	}
	s := w.t.Stats()
	if perLookup := float64(s.Queries) / float64(s.LookupsDone); s.Refreshes < 2 || perLookup > 10 {
		t.Errorf("%.1f queries a lookup, %d refreshes", perLookup, s.Refreshes)
	}
}

// TestTargetsWithRoom: refreshes look into each bucket that has room by turns, the farthest
// first, and not into the surroundings that the lookup for the own ID finds.
func TestTargetsWithRoom(t *testing.T) {
	w := newWorld(t, 10)
	w.start()
	for i, count := range []int{6, 10, 0, 3, BucketSize, 2, 0, 5} {
		w.fill(9+i, count)
	}
	drawn := func() int {
		target, into := w.t.targetWithRoom()
		b := &w.t.buckets[w.t.bucketIndex(target.ID)]
		if into != nil && (into != b || !b.hasRoom()) {
			t.Fatal("the target is not in the bucket that is to be filled")
		}
		if into == nil && w.t.nextWithRoom(NumBuckets) >= 0 {
			t.Error("no bucket is to be filled, though some have room")
		}
		return w.t.bucketIndex(target.ID)
	}
	for _, want := range []int{16, 15, 14, 12, 11, 10, 16, 15} {
		if got := drawn(); got != want {
			t.Errorf("bucket %d, want %d", got, want)
		}
	}
	for bucket := 10; bucket <= 16; bucket++ {
		w.fill(bucket, BucketSize-len(w.t.buckets[bucket].entries))
	}
	seen := make(map[int]bool)
	for range 50 {
		seen[drawn()] = true
	}
	if !seen[16] || !seen[15] || !seen[14] {
		t.Errorf("where all are full, the buckets drawn are %v", seen)
	}
}
