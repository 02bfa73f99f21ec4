package kad

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
)

// star makes a table that knows all the nodes of its world, which know nobody.
func star(t *testing.T, seed uint64) (w *world, near []*peer) {
	w = newWorld(t, seed)
	w.start()
	near = append(w.fill(16, BucketSize), w.fill(15, BucketSize)...)
	w.runFor(time.Hour)
	return w, near
}

// byDistance sorts peers, the one closest to target first.
func byDistance(peers []*peer, target Target) []*peer {
	peers = slices.Clone(peers)
	slices.SortFunc(peers, func(a, b *peer) int {
		return enode.DistCmp(target.ID, a.node.ID(), b.node.ID())
	})
	return peers
}

func nodesOf(peers []*peer) (nodes []*enode.Node) {
	for _, p := range peers {
		nodes = append(nodes, p.node)
	}
	return nodes
}

func TestLookupAsksClosestThreeAtATime(t *testing.T) {
	w, near := star(t, 1)
	target := w.t.RandomTarget()
	want := nodesOf(byDistance(near, target)[:BucketSize])
	w.record()
	if _, err := w.t.Lookup(target, LookupOptions{}, func([]*enode.Node) {}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.queries, want[:Alpha]) {
		t.Fatalf("%d queries at once, want the closest three", len(w.queries))
	}
	w.runFor(time.Second)
	if !slices.Equal(w.queries, want) {
		t.Errorf("%d queries, want the 16 closest in order", len(w.queries))
	}
	found, hops := w.lookup(target, LookupOptions{})
	if !slices.Equal(found, want) || len(hops) != BucketSize {
		t.Errorf("found %d in %d hops", len(found), len(hops))
	}
	if n := w.t.Stats().Lookups; n != 0 {
		t.Errorf("%d lookups are still under way", n)
	}
}

func TestLookupWithNobodyToAsk(t *testing.T) {
	w := newWorld(t, 2)
	w.start()
	calls := 0
	l, err := w.t.Lookup(w.t.RandomTarget(), LookupOptions{}, func(nodes []*enode.Node) {
		calls++
		if len(nodes) != 0 {
			t.Errorf("found %d", len(nodes))
		}
	})
	if err != nil || calls != 1 {
		t.Fatalf("done was called %d times, err %v", calls, err)
	}
	l.Cancel()
	if calls != 1 {
		t.Error("done again by Cancel")
	}
}

// TestLookupFallsBack: when the table is empty, or none of its entries answers,
// a lookup begins from the bootnodes.
func TestLookupFallsBack(t *testing.T) {
	w := newWorld(t, 3)
	w.populate(50, 0)
	bootnode := w.order[0].node
	w.t.cfg.Bootnodes = []*enode.Node{bootnode}
	w.start()
	if found, _ := w.lookup(w.t.RandomTarget(), LookupOptions{}); len(found) != BucketSize {
		t.Errorf("from an empty table, found %d", len(found))
	}

	w = newWorld(t, 4)
	w.start()
	for _, p := range w.fill(16, 5) {
		p.dead = true
	}
	w.populate(50, 0)
	w.t.cfg.Bootnodes = []*enode.Node{w.order[5].node}
	if found, _ := w.lookup(w.t.RandomTarget(), LookupOptions{}); len(found) != BucketSize {
		t.Errorf("from a table of dead nodes, found %d", len(found))
	}
}

// TestDeadBootnodeDelaysNoLookup: while the table's own nodes answer, a bootnode
// that is gone is not waited for.
func TestDeadBootnodeDelaysNoLookup(t *testing.T) {
	w := newWorld(t, 5)
	w.populate(8, 0)
	w.t.cfg.Bootnodes = []*enode.Node{w.order[0].node, w.newNode(publicIP(9999))}
	w.start()
	w.runFor(time.Minute)
	start := w.now
	found, _ := w.lookup(w.t.RandomTarget(), LookupOptions{})
	if took := w.now.Sub(start); len(found) != 8 || took >= w.timeout {
		t.Errorf("found %d in %v", len(found), took)
	}
}

func TestLookupBusy(t *testing.T) {
	w, _ := star(t, 6)
	w.t.Refresh(nil) // its lookups don't count
	calls := 0
	for range maxLookups {
		if _, err := w.t.Lookup(w.t.RandomTarget(), LookupOptions{}, func([]*enode.Node) { calls++ }); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.t.Lookup(w.t.RandomTarget(), LookupOptions{}, func([]*enode.Node) { t.Error("refused, and done") })
	if !errors.Is(err, ErrBusy) {
		t.Errorf("lookup %d: %v", maxLookups+1, err)
	}
	w.runFor(time.Minute)
	if calls != maxLookups {
		t.Errorf("done %d times", calls)
	}
	if _, err := w.t.Lookup(w.t.RandomTarget(), LookupOptions{}, func([]*enode.Node) {}); err != nil {
		t.Errorf("after all have ended: %v", err)
	}
}

// TestDeadNodesHoldNoSlots: the closest nodes are dead, and yet all others are
// asked long before the dead time out.
func TestDeadNodesHoldNoSlots(t *testing.T) {
	w, near := star(t, 7)
	w.timeout = 10 * time.Second
	target := w.t.RandomTarget()
	sorted := byDistance(near, target)
	for _, p := range sorted[:2*Alpha] {
		p.dead = true
	}
	start := w.now
	answers := 0
	done := false
	opts := LookupOptions{Found: func(*enode.Node) { answers++ }}
	if _, err := w.t.Lookup(target, opts, func([]*enode.Node) { done = true }); err != nil {
		t.Fatal(err)
	}
	w.runUntil(w.timeout, func() bool { return answers == BucketSize-2*Alpha })
	if took := w.now.Sub(start); took > 3*stallMax {
		t.Errorf("all who live had answered after %v", took)
	}
	if done {
		t.Error("ended before the closest had a chance to answer")
	}
	w.runFor(w.timeout)
	if !done {
		t.Error("did not end when the dead timed out")
	}
}

// TestSlowNodeIsFound: a node that lost its slot for being slow still counts
// when it answers.
func TestSlowNodeIsFound(t *testing.T) {
	w, near := star(t, 8)
	target := w.t.RandomTarget()
	slow := byDistance(near, target)[0]
	slow.latency = 600 * time.Millisecond
	found, hops := w.lookup(target, LookupOptions{})
	if found[0] != slow.node || len(found) != BucketSize {
		t.Errorf("found %d, the first is %s", len(found), found[0].ID().Short())
	}
	if last := hops[len(hops)-1]; last.Node != slow.node || last.Took != slow.latency {
		t.Errorf("the last hop took %v", last.Took)
	}
}

// TestLookupAmongLiars: a liar that names ever closer nodes, which all lie in the
// same way or don't exist, is asked no more than the bound allows.
func TestLookupAmongLiars(t *testing.T) {
	for _, exist := range []bool{true, false} {
		w := newWorld(t, 9)
		w.check = false
		w.start()
		target := w.t.RandomTarget()
		var liars []*peer
		for i := range maxQueries * (BucketSize + 2) {
			liars = append(liars, &peer{node: w.newNode(publicIP(i))})
		}
		liars = byDistance(liars, target)
		slices.Reverse(liars)
		next := 1
		lie := func(enode.ID) []*enode.Node {
			end := min(next+BucketSize, len(liars))
			nodes := nodesOf(liars[next:end])
			next = end
			return nodes
		}
		for i, p := range liars {
			p.answer = lie
			if exist || i < 4 {
				w.peers[p.node.ID()] = p
			}
		}
		w.live(liars[0].node)
		done := false
		l, err := w.t.Lookup(target, LookupOptions{}, func([]*enode.Node) { done = true })
		if err != nil {
			t.Fatal(err)
		}
		if !w.runUntil(time.Minute, func() bool { return done }) {
			t.Error("does not end")
		}
		if n := l.queries; n > maxQueries || n < BucketSize || (exist && n != maxQueries) {
			t.Errorf("liars exist: %v: %d queries", exist, n)
		}
	}
}

func TestCancel(t *testing.T) {
	w, _ := star(t, 10)
	calls, streamed := 0, 0
	var found []*enode.Node
	opts := LookupOptions{Found: func(*enode.Node) { streamed++ }}
	l, err := w.t.Lookup(w.t.RandomTarget(), opts, func(nodes []*enode.Node) { calls++; found = nodes })
	if err != nil {
		t.Fatal(err)
	}
	w.runUntil(time.Second, func() bool { return streamed == 4 })
	l.Cancel()
	l.Cancel()
	if calls != 1 || len(found) != 4 {
		t.Fatalf("done %d times with %d found", calls, len(found))
	}
	w.record()
	w.runFor(time.Second)
	if calls != 1 || streamed != 4 || len(w.queries) != 0 || w.t.Stats().Lookups != 0 {
		t.Errorf("after the end: done %d, found %d, asked %d", calls, streamed, len(w.queries))
	}
}

func TestHops(t *testing.T) {
	w := newWorld(t, 11)
	w.start()
	target := w.t.RandomTarget()
	first, second := w.addIn(16), w.addIn(16)
	dead := w.newNodeIn(16, publicIP(50))
	first.table = []*enode.Node{second.node, dead}
	second.table = []*enode.Node{first.node}
	w.live(first.node)
	_, hops := w.lookup(target, LookupOptions{})
	if len(hops) != 3 {
		t.Fatalf("%d hops", len(hops))
	}
	for i, want := range []Hop{
		{Node: first.node, Depth: 0, Returned: 2, Heard: first.table},
		{Node: second.node, Depth: 1, Returned: 1},
		{Node: dead, Depth: 1, Err: errNoAnswer},
	} {
		got := hops[i]
		want.Took = got.Took
		want.Distance = enode.LogDist(target.ID, want.Node.ID())
		if got.Node.ID() != want.Node.ID() {
			t.Fatalf("hop %d is another node", i)
		}
		want.Node = got.Node
		slices.SortFunc(want.Heard, func(a, b *enode.Node) int { return enode.DistCmp(target.ID, a.ID(), b.ID()) })
		if !reflect.DeepEqual(got, want) {
			t.Errorf("hop %d: %+v, want %+v", i, got, want)
		}
		if low, high := w.rtt/2, w.timeout; got.Took < low || got.Took > high {
			t.Errorf("hop %d took %v", i, got.Took)
		}
	}
}

// TestFarNodesLoseTheirSlots: a slow node that is far, compared with all that
// were found since, holds no slot.
func TestFarNodesLoseTheirSlots(t *testing.T) {
	w := newWorld(t, 12)
	w.rtt, w.timeout = time.Millisecond, time.Minute
	w.start()
	target := w.t.RandomTarget()
	var peers []*peer
	for i := range 2 * maxCandidates {
		peers = append(peers, w.add(w.newNode(publicIP(i))))
	}
	sorted := byDistance(peers, target)
	far := sorted[len(sorted)-1]
	far.dead = true
	next := maxCandidates
	for _, p := range sorted {
		p.answer = func(enode.ID) []*enode.Node { // from afar, nearer and nearer
			start := max(0, next-BucketSize)
			nodes := nodesOf(sorted[start:next])
			next = start
			return nodes
		}
	}
	w.live(far.node)
	w.live(sorted[len(sorted)-2].node)
	l, err := w.t.Lookup(target, LookupOptions{}, func([]*enode.Node) {})
	if err != nil {
		t.Fatal(err)
	}
	dropped := func() bool {
		return !slices.ContainsFunc(l.list, func(c candidate) bool { return c.node == far.node })
	}
	if !w.runUntil(stallMin-time.Millisecond, dropped) {
		t.Fatal("still a candidate")
	}
	if l.stalled != 1 {
		t.Error("it is no candidate, and holds a slot")
	}
}
