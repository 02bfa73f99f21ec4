package kad

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
)

// inNetwork adds live nodes to a world that are all of one network, and returns them.
func inNetwork(w *world, base string, bucket, n int) (nodes []*enode.Node) {
	for i := range n {
		nodes = append(nodes, w.add(w.newNodeIn(bucket, hostIn(netip.MustParseAddr(base), 20*bucket+i))).node)
	}
	return nodes
}

// TestNetworksShare: a table that knows many networks takes two nodes of each, and one
// in forty places when it is large.
func TestNetworksShare(t *testing.T) {
	w := newWorld(t, 1)
	w.start()
	for bucket := 16; bucket > 11; bucket-- {
		w.fill(bucket, BucketSize-2)
	}
	for bucket := 16; bucket > 11; bucket-- {
		for _, n := range inNetwork(w, "198.51.100.0", bucket, 2) {
			w.live(n)
		}
	}
	if n := w.t.inNet(networkOf(netip.MustParseAddr("198.51.100.1"))); n != 2 {
		t.Errorf("%d of one network among %d", n, w.t.Live())
	}
	w.t.live += 160 // as if it were larger
	for bucket := 16; bucket > 11; bucket-- {
		w.t.AddLive(inNetwork(w, "198.51.101.0", bucket, 1)[0], V4)
	}
	if n := w.t.inNet(networkOf(netip.MustParseAddr("198.51.101.1"))); n != 5 {
		t.Errorf("%d of one network among %d", n, w.t.Live())
	}
}

// TestSurplusLeaves: nodes that came when the table was small leave when it is not, and
// hearsay can't make that happen to others.
func TestSurplusLeaves(t *testing.T) {
	w := newWorld(t, 2)
	w.start()
	w.runFor(time.Second) // its refresh has found nobody: it is in a small network
	p := networkOf(netip.MustParseAddr("198.51.100.1"))
	for bucket := 16; bucket > 11; bucket-- {
		for _, n := range inNetwork(w, "198.51.100.0", bucket, 2) {
			w.live(n)
		}
	}
	if n := w.t.inNet(p); n != netsPerTable {
		t.Fatalf("%d of a small network", n)
	}
	for bucket := 16; bucket > 11; bucket-- {
		w.fill(bucket, BucketSize-2)
	}
	w.runFor(time.Hour)
	if n := w.t.inNet(p); n != 2 {
		t.Errorf("%d are there an hour after", n)
	}
	w.check = false
	w.t.live += 200 // as if there were room for more of them
	for bucket := 16; bucket > 14; bucket-- {
		for len(w.t.buckets[bucket].entries) < BucketSize {
			w.fill(bucket, 1)
		}
		w.found(w.newNodeIn(bucket, hostIn(netip.MustParseAddr("198.51.100.0"), 200+bucket)))
	}
	w.t.live -= 200
	if n := w.t.inNet(p); n != 4 {
		t.Fatalf("%d with hearsay", n)
	}
	if w.t.surplus(w.newNode(netip.MustParseAddr("198.51.100.1"))) {
		t.Error("hearsay makes an entry leave")
	}
}

// swarm is a world of 80 honest nodes in networks of their own, all of which the table
// knows, and one network with many more who know only each other.
func swarm(t *testing.T, seed uint64) (w *world, in network) {
	w = newWorld(t, seed)
	w.start()
	for bucket := 16; bucket > 11; bucket-- {
		w.fill(bucket, BucketSize)
	}
	w.t.refresh.settled = true
	base := netip.MustParseAddr("198.51.100.0")
	var crew []*enode.Node
	for i := range 200 {
		p := w.add(w.newNode(hostIn(base, i)))
		crew = append(crew, p.node)
		p.answer = func(target enode.ID) (some []*enode.Node) { // others each time, to fill the list
			near := byDistance(w.order[80:280], Target{ID: target})
			for range BucketSize {
				some = append(some, near[w.rng.IntN(maxCandidates)].node)
			}
			return some
		}
	}
	for _, p := range w.order[:80] { // each honest node knows one of them
		p.table = append(p.table, crew[w.rng.IntN(len(crew))])
	}
	return w, networkOf(base)
}

// TestSwarmIsHeld: somebody with many nodes in one network is as close to what lookups
// look for as the few that stand for it.
func TestSwarmIsHeld(t *testing.T) {
	const lookups = 50
	shareOf := func(without Defence) float64 {
		w, in := swarm(t, 3)
		w.t.cfg.Without = without
		w.check = without == 0
		hits, all := 0, 0
		met := make(map[enode.ID]bool)
		for range lookups {
			found, _ := w.lookup(TargetOf(randomKey(w.rng)), LookupOptions{})
			if without == 0 && len(found) != BucketSize {
				t.Errorf("%d found", len(found))
			}
			for _, n := range found {
				if all++; networkOf(n.IP()) == in {
					hits++
					met[n.ID()] = true
				}
			}
		}
		if without == 0 && len(met) > 2+netGuests {
			t.Errorf("%d of the network were met", len(met))
		}
		return float64(hits) / float64(all)
	}
	if w, in := swarm(t, 3); w.t.welcome(in, 1) {
		w.t.refresh.settled = false
		if w.t.welcome(in, 1) {
			t.Error("a guest in a table that grows")
		}
	}
	if share := shareOf(0); share > 0.15 { // six in 86 stand for it
		t.Errorf("%.2f of what is found is of one network", share)
	}
	if share := shareOf(Diversity); share < 0.5 {
		t.Errorf("%.2f without a limit: the test shows nothing", share)
	}
}

// TestAskedTogether: of many of one network that lookups ask at once, before any has answered,
// no more are found than stand for it.
func TestAskedTogether(t *testing.T) {
	for _, settled := range []bool{false, true} {
		w := newWorld(t, 7)
		w.start()
		var crew []*enode.Node
		for i := range 60 {
			p := w.add(w.newNode(hostIn(netip.MustParseAddr("198.51.100.0"), i)))
			p.latency = 500 * time.Millisecond // later than their slots are given to others
			crew = append(crew, p.node)
		}
		for bucket := 16; bucket > 14; bucket-- {
			for _, p := range w.fill(bucket, BucketSize) {
				p.table = crew
			}
		}
		w.t.refresh.settled = settled
		found := make(map[enode.ID]bool)
		open := 6
		for range open {
			opts := LookupOptions{Found: func(n *enode.Node) {
				if n.IP().As4()[0] == 198 {
					found[n.ID()] = true
				}
			}}
			if _, err := w.t.Lookup(TargetOf(randomKey(w.rng)), opts, func(nodes []*enode.Node) {
				if open--; len(nodes) != BucketSize {
					t.Errorf("settled %v: %d found in all", settled, len(nodes))
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		if !w.runUntil(time.Minute, func() bool { return open == 0 }) {
			t.Fatal("lookups did not end")
		}
		most := netsPerBucket
		if settled {
			most += netGuests
		}
		if len(found) == 0 || len(found) > most {
			t.Errorf("settled %v: %d of a network were found, want up to %d", settled, len(found), most)
		}
	}
}

// TestSwarmIsHeldAtOnce: a lookup is told of many near what it looks for, and the first ones
// find no more of these than the table takes and one each.
func TestSwarmIsHeldAtOnce(t *testing.T) {
	for seed := range uint64(20) {
		w, in := swarm(t, seed)
		met := make(map[enode.ID]bool)
		for i := range netGuests {
			found, _ := w.lookup(TargetOf(randomKey(w.rng)), LookupOptions{})
			for _, n := range found {
				if networkOf(n.IP()) == in {
					met[n.ID()] = true
				}
			}
			if most := netsPerBucket + i + 1; len(met) > most {
				t.Errorf("seed %d: %d are found by %d lookups, want up to %d", seed, len(met), i+1, most)
			}
		}
		if len(met) == 0 {
			t.Errorf("seed %d: none of the network is found", seed)
		}
	}
}

// TestSwarmTargetIsFound: who is looked for is found, whatever his network has.
func TestSwarmTargetIsFound(t *testing.T) {
	w, in := swarm(t, 4)
	for range 20 {
		w.lookup(TargetOf(randomKey(w.rng)), LookupOptions{})
	}
	for _, p := range w.order[80:100] {
		target := Target{ID: p.node.ID(), Key: p.node.PublicKey()}
		near := byDistance(slices.Clone(w.order[:80]), target)[0]
		near.table = append(near.table, p.node)
		found, _ := w.lookup(target, LookupOptions{})
		if len(found) == 0 || found[0].ID() != target.ID {
			t.Fatalf("one of %v is not found", in)
		}
	}
}

// TestDeadGuestsLeave: a guest that does not answer makes room for another.
func TestDeadGuestsLeave(t *testing.T) {
	w, in := swarm(t, 6)
	free := func() (n int) {
		for range 50 {
			w.lookup(TargetOf(randomKey(w.rng)), LookupOptions{})
		}
		for _, head := range w.t.guests.of(in).heads {
			if head == 0 {
				n++
			}
		}
		return n
	}
	if n := free(); n != 0 {
		t.Fatalf("%d places are free", n)
	}
	for _, p := range w.order[80:] {
		p.dead = true
		if w.t.guests.of(in).place(headOf(p.node.ID())) != nil {
			for _, honest := range w.order[:80] {
				honest.table = append(honest.table, p.node)
			}
		}
	}
	if n := free(); n == 0 {
		t.Error("the dead keep their places")
	}
}

// TestGuests: their places are bounded, the same for the same, and free again.
func TestGuests(t *testing.T) {
	var g guests
	for head := uint64(1); head <= netGuests; head++ {
		for range 2 { // the second time it has its place
			if !g.take(7, head, 0) {
				t.Fatalf("no place for %d", head)
			}
		}
	}
	if g.take(7, 99, 0) {
		t.Error("a place too many")
	}
	for lookup := uint32(1); lookup <= 2; lookup++ {
		for p := network(8); p < 10; p++ {
			own := uint64(lookup)
			for range 2 {
				if !g.take(p, own, lookup) {
					t.Errorf("lookup %d gives no place of network %d", lookup, p)
				}
			}
			if g.take(p, own+10, lookup) {
				t.Errorf("lookup %d gives two places of network %d", lookup, p)
			}
		}
	}
	for p := network(100); p < 100+maxGuestNets; p++ {
		g.take(p, 1, 0)
	}
	if len(g) != maxGuestNets || g.of(7) != nil {
		t.Errorf("%d networks", len(g))
	}
	w := newWorld(t, 5)
	n := w.newNode(netip.MustParseAddr("198.51.100.1"))
	p, head := networkOf(n.IP()), headOf(n.ID())
	g.take(p, head, 0)
	g.leave(n)
	if *g.of(p).place(head) != 0 {
		t.Error("it has not left")
	}
}

// TestHearsayMakesNoRoomForItself: one that only others spoke of answers from another
// address of its network, of which the table has more than it takes by now. It stays what
// it was, and is counted once.
func TestHearsayMakesNoRoomForItself(t *testing.T) {
	w := newWorld(t, 7)
	w.start()
	w.runFor(time.Second) // its refresh has found nobody: it is in a small network
	for range BucketSize {
		w.live(w.newNodeIn(16, netip.MustParseAddr("127.0.0.1"))) // counted nowhere
	}
	const base = "198.51.100.0"
	hearsay := inNetwork(w, base, 16, 1)[0]
	w.found(hearsay)
	for bucket := 13; bucket < 16; bucket++ {
		for _, n := range inNetwork(w, base, bucket, 1) {
			w.live(n)
		}
	}
	for bucket := 13; bucket < 16; bucket++ {
		w.fill(bucket, 8)
	}
	p := networkOf(hearsay.IP())
	if had, takes := w.t.inNet(p), w.t.netLimit(); had != 4 || takes != netsPerBucket {
		t.Fatalf("%d are there where %d are taken", had, takes)
	}
	w.live(hearsay.WithEndpoint(hostIn(netip.MustParseAddr(base), 250), 1))
	if n := w.t.inNet(p); n != 4 || w.t.Known(hearsay.ID()) != hearsay {
		t.Errorf("%d are there, and it is %v", n, w.t.Known(hearsay.ID()))
	}
}
