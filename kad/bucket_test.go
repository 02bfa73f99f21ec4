package kad

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
)

// flip returns an ID at log distance d from id, the bits below drawn at random.
func flip(w *world, id enode.ID, d int) enode.ID {
	if d == 0 {
		return id
	}
	bit := d - 1
	for i := range bit {
		id[31-i/8] ^= byte(w.rng.IntN(2)) << (i % 8)
	}
	id[31-bit/8] ^= 1 << (bit % 8)
	return id
}

func TestBucketIndex(t *testing.T) {
	w := newWorld(t, 1)
	info := w.t.Buckets()
	if len(info) != 17 {
		t.Fatalf("%d buckets", len(info))
	}
	for d := range 257 {
		id := flip(w, w.t.cfg.Self, d)
		if got := enode.LogDist(w.t.cfg.Self, id); got != d {
			t.Fatalf("the test made an ID at distance %d, wants %d", got, d)
		}
		want := 0
		if d > 240 {
			want = d - 240
		}
		got := w.t.bucketIndex(id)
		if got != want {
			t.Errorf("distance %d is in bucket %d, want %d", d, got, want)
		}
		if d >= 240 && info[got].Distance != d {
			t.Errorf("bucket %d describes itself as distance %d, want %d", got, info[got].Distance, d)
		}
	}
}

func TestFoundJoinsOnlyAfterAnswering(t *testing.T) {
	w := newWorld(t, 2)
	w.start()
	alive, dead := w.addIn(16).node, w.addIn(16)
	dead.dead = true
	w.record()
	w.found(alive)
	w.found(dead.node)
	w.found(alive) // again: no second check
	if len(w.pings) != 2 || w.pings[0] != alive || w.pings[1] != dead.node {
		t.Fatalf("not checked at once: %d pings", len(w.pings))
	}
	if n, _ := w.t.Node(alive.ID()); n != nil || w.t.Live() != 0 {
		t.Fatal("is in the table before it answered")
	}
	w.runFor(2 * w.timeout)
	if !w.isLive(alive) {
		t.Error("answered, and is no entry")
	}
	if n, _ := w.t.Node(dead.node.ID()); n != nil {
		t.Error("never answered, and is in the table")
	}
	info := w.t.Buckets()[16].Entries[0]
	if info.LastSeen.IsZero() || info.Node != alive {
		t.Errorf("entry is described as %+v", info)
	}
	w.runFor(time.Hour)
	if n := count(w.pings, dead.node); n != 1 {
		t.Errorf("a dead node was pinged %d times", n)
	}
}

func count(nodes []*enode.Node, n *enode.Node) (c int) {
	for _, o := range nodes {
		if o.ID() == n.ID() {
			c++
		}
	}
	return c
}

func TestOwnNodeStaysOut(t *testing.T) {
	key := randomKey(newRand(3))
	w := newWorld(t, 3, func(c *Config) { c.Self = enode.PubkeyID(&key) })
	w.start()
	own := enode.NewV4(key, publicIP(1), 1, 1)
	w.record()
	w.found(own)
	w.live(own)
	if len(w.pings) != 0 || w.t.Live() != 0 {
		t.Error("took the own node in")
	}
}

func TestChecksAreBounded(t *testing.T) {
	w := newWorld(t, 4)
	w.start()
	w.fill(16, BucketSize-3)
	w.record()
	for i := range 600 {
		w.found(w.newNode(publicIP(100 + i))) // none exists
	}
	s := w.t.Stats()
	if b := w.t.buckets; b[16].checking != 3 || b[15].checking != BucketSize || len(b[15].replacements) != MaxReplacements {
		t.Errorf("%d and %d checks, %d replacements", b[16].checking, b[15].checking, len(b[15].replacements))
	}
	all := s.Checks + s.Replacements
	if len(w.pings) != maxChecksRunning || s.Checks < 4*BucketSize {
		t.Fatalf("%d pings, stats %+v", len(w.pings), s)
	}
	w.runFor(time.Duration(all/maxChecksRunning+MaxReplacements+1) * w.timeout)
	asked := make(map[enode.ID]bool)
	for _, n := range w.pings {
		asked[n.ID()] = true
	}
	if s := w.t.Stats(); s.Checks != 0 || s.Replacements != 0 || len(asked) < all {
		t.Errorf("of %d nodes %d were asked in the end, stats %+v", all, len(asked), s)
	}
}

// TestChecksOfOneNetwork: of a network whose nodes somebody names no more are checked at once
// than there may be, and others find room beside them.
func TestChecksOfOneNetwork(t *testing.T) {
	w := newWorld(t, 6)
	w.start()
	w.record()
	for range BucketSize {
		w.found(w.newNodeIn(16, netip.MustParseAddr("93.184.216.34")))
	}
	if n := w.t.buckets[16].checking; n != netsPerBucket {
		t.Errorf("%d of one network are checked for a bucket, %d may be in it", n, netsPerBucket)
	}
	w.found(w.newNodeIn(15, netip.MustParseAddr("93.184.216.35")))
	w.found(w.addIn(16).node)
	if len(w.pings) != netsPerBucket+2 {
		t.Errorf("%d are checked", len(w.pings))
	}
}

func TestFullBucketFillsReplacements(t *testing.T) {
	w := newWorld(t, 5)
	w.start()
	entries := w.fill(16, BucketSize)
	w.record()
	live := w.fill(16, 1)[0].node
	hearsay := w.addIn(16).node
	w.found(hearsay)
	b := w.t.Buckets()[16]
	if len(b.Entries) != BucketSize || len(b.Replacements) != 2 || w.t.Live() != BucketSize {
		t.Fatalf("%d entries, %d replacements", len(b.Entries), len(b.Replacements))
	}
	for _, p := range entries {
		if !w.isLive(p.node) {
			t.Error("an entry was displaced")
		}
	}
	if len(w.pings) != 0 {
		t.Error("a node for a full bucket was pinged")
	}
	if b.Replacements[1].Node != live || b.Replacements[1].LastSeen.IsZero() {
		t.Error("the one that answered is not known as live")
	}
	if b.Replacements[0].Node != hearsay || !b.Replacements[0].LastSeen.IsZero() {
		t.Error("the one that never answered is taken for live")
	}
}

func TestHearsayDisplacesNoLiveReplacement(t *testing.T) {
	w := newWorld(t, 6)
	w.start()
	w.fill(16, BucketSize)
	live := w.fill(16, 4)
	check := func(when string) {
		t.Helper()
		for _, p := range live {
			if n, _ := w.t.Node(p.node.ID()); n == nil {
				t.Fatalf("%s, a live replacement is gone", when)
			}
		}
	}
	var hearsay []*enode.Node
	for range 50 {
		n := w.addIn(16).node
		hearsay = append(hearsay, n)
		w.found(n)
	}
	check("after hearsay")
	for i, n := range hearsay { // the newest have displaced the oldest
		known, _ := w.t.Node(n.ID())
		if kept := i >= 50-(MaxReplacements-4); kept != (known != nil) {
			t.Errorf("hearsay %d: kept %v, want %v", i, known != nil, kept)
		}
	}
	live = append(live, w.fill(16, MaxReplacements-4)...)
	check("after live ones took all places")
	w.found(w.addIn(16).node)
	check("after more hearsay")
	if s := w.t.Stats(); s.DroppedFull != 1 || s.Replacements != MaxReplacements {
		t.Errorf("stats %+v", s)
	}
	w.fill(16, 1) // only a live one displaces a live one: the oldest
	oldest := live[0].node
	live = live[1:]
	check("after another live one")
	if n, _ := w.t.Node(oldest.ID()); n != nil {
		t.Error("the oldest live replacement is still there")
	}
}

// failing fills a bucket, adds replacements, kills an entry and lets time pass
// until it is removed. Nodes in another bucket answer, so that the network is there.
func failing(t *testing.T, seed uint64, replacements func(w *world)) (w *world, dead *peer) {
	w = newWorld(t, seed)
	w.start()
	w.fill(15, 4)
	dead = w.fill(16, BucketSize)[0]
	replacements(w)
	dead.dead = true
	removed := false
	w.trace = func(e Event) { removed = removed || (e.Kind == EventRemoved && e.Node == dead.node) }
	if !w.runUntil(10*time.Minute, func() bool { return removed }) {
		t.Fatal("a dead entry was not removed")
	}
	return w, dead
}

func TestFailedEntryIsReplacedByRandomLive(t *testing.T) {
	chosen := make(map[int]int)
	for seed := range uint64(40) {
		var live []*peer
		w, dead := failing(t, seed, func(w *world) {
			w.found(w.addIn(16).node) // hearsay on both sides
			live = w.fill(16, 3)
			w.found(w.addIn(16).node)
		})
		if n, _ := w.t.Node(dead.node.ID()); n != nil {
			t.Fatal("the failed one is still known")
		}
		i := slices.IndexFunc(live, func(p *peer) bool { return w.isLive(p.node) })
		if i < 0 {
			t.Fatal("no live replacement took the place")
		}
		chosen[i]++
		entries := w.t.Buckets()[16].Entries
		if len(entries) != BucketSize || entries[BucketSize-1].Node != live[i].node {
			t.Fatal("the replacement is not the last entry")
		}
		if s := w.t.Stats(); s.Promoted != 1 || s.Removed != 1 || s.Replacements != 4 {
			t.Fatalf("stats %+v", s)
		}
	}
	if len(chosen) != 3 {
		t.Errorf("chosen at random among three: %v", chosen)
	}
}

func TestFailedEntryWithoutLiveReplacement(t *testing.T) {
	for seed := range uint64(10) {
		var real *enode.Node
		w, _ := failing(t, seed, func(w *world) {
			for i := range 5 {
				w.found(w.newNodeIn(16, publicIP(1000+i)))
			}
			real = w.addIn(16).node
			w.found(real)
		})
		if w.t.Live() != 4+BucketSize-1 || w.t.Stats().Checks != 1 {
			t.Fatalf("%d live, stats %+v", w.t.Live(), w.t.Stats())
		}
		w.runFor(10 * w.timeout) // one after the other is checked until one answers
		if !w.isLive(real) || w.t.Live() != 4+BucketSize {
			t.Errorf("the one that answers did not get the place: %d live", w.t.Live())
		}
	}

	w, dead := failing(t, 8, func(*world) {})
	if n, _ := w.t.Node(dead.node.ID()); n != nil || w.t.Live() != 4+BucketSize-1 {
		t.Error("without replacements, the failed one was not dropped")
	}
}

func TestReplacementThatAnswersGetsFreePlace(t *testing.T) {
	w, _ := failing(t, 9, func(*world) {})
	w.fill(16, 1) // full again
	late := w.addIn(16)
	w.found(late.node)
	w.t.dropEntryForTest(16)
	w.verify()
	w.live(late.node)
	if !w.isLive(late.node) {
		t.Error("it answered, a place is free, and yet it waits")
	}
}

// dropEntryForTest removes the last entry of a bucket without a replacement.
func (t *Table) dropEntryForTest(bucket int) {
	b := &t.buckets[bucket]
	e := b.entries[len(b.entries)-1]
	b.entries = b.entries[:len(b.entries)-1]
	t.removeNet(b, networkOf(e.node.IP()))
	t.live--
}
