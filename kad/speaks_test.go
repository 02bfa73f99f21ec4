package kad

import (
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/kithnet/kith/enode"
)

func TestEntrySize(t *testing.T) {
	if n := unsafe.Sizeof(entry{}); n != 32 {
		t.Errorf("an entry takes %d bytes, want 32", n)
	}
}

// TestSpeaks: entries and replacements remember by what they have answered, however
// they come and go between the two.
func TestSpeaks(t *testing.T) {
	w := newWorld(t, 1)
	w.start()
	peers := w.fill(16, BucketSize) // by v4
	one, two := w.addIn(16).node, w.addIn(16).node
	w.t.AddLive(one, V5) // replacements
	w.t.AddLive(two, 0)
	heard := w.addIn(16).node
	w.found(heard)
	for _, c := range []struct {
		n    *enode.Node
		want Protocol
	}{{peers[0].node, V4}, {one, V5}, {two, 0}, {heard, 0}, {w.newNode(publicIP(9999)), 0}} {
		if got := w.t.Speaks(c.n.ID()); got != c.want {
			t.Errorf("speaks %d, want %d", got, c.want)
		}
	}
	w.t.AddLive(peers[0].node, 0)
	w.t.AddLive(two, V4)
	w.t.AddLive(one, V4)
	if got := []Protocol{w.t.Speaks(peers[0].node.ID()), w.t.Speaks(two.ID()), w.t.Speaks(one.ID())}; !slices.Equal(got, []Protocol{V4, V4, V4 | V5}) {
		t.Errorf("after further answers: %d", got)
	}
	if w.t.Known(one.ID()) != one || w.t.Known(peers[0].node.ID()) != peers[0].node || w.t.Known(w.newNode(publicIP(9999)).ID()) != nil {
		t.Error("what is known of nodes is wrong")
	}
	for range 3 { // the replacements move up
		b := &w.t.buckets[16]
		w.t.removeEntry(b, 2)
	}
	if !w.isLive(one) || w.t.Speaks(one.ID()) != V4|V5 {
		t.Errorf("as an entry it speaks %d", w.t.Speaks(one.ID()))
	}
	moved := one.WithEndpoint(publicIP(5000), 1)
	w.t.AddLive(moved, V5)
	for _, info := range w.t.Buckets()[16].Entries {
		if info.Node.ID() == one.ID() && (info.Speaks != V4|V5 || info.Node != moved) {
			t.Errorf("described as %+v", info)
		}
	}
	w.verify()
}

// TestStopped: a protocol can be taken from a node that speaks another, and only then.
func TestStopped(t *testing.T) {
	w := newWorld(t, 2)
	w.start()
	w.fill(16, BucketSize-1)
	entry := w.addIn(16).node
	replacement := w.addIn(16).node
	for _, n := range []*enode.Node{entry, replacement} {
		w.t.AddLive(n, V4)
		for i, c := range []struct{ add, stop, want Protocol }{
			{0, V4, V4}, {0, V5, V4}, {V5, V4, V5}, {0, V5, V5}, {V4, V5, V4}, {V5, V4 | V5, V4 | V5}, {0, 0, V4 | V5},
		} {
			w.t.AddLive(n, c.add)
			if w.t.Stopped(n.ID(), c.stop); w.t.Speaks(n.ID()) != c.want {
				t.Errorf("step %d: speaks %d, want %d", i, w.t.Speaks(n.ID()), c.want)
			}
		}
	}
	w.t.Stopped(w.newNode(publicIP(9999)).ID(), V4)
	w.verify()
}

// TestVia: an answer to the table's own questions says what its Config says.
func TestVia(t *testing.T) {
	for _, via := range []Protocol{0, V4, V5} {
		w := newWorld(t, 3, func(c *Config) { c.Via = via })
		w.start()
		answered := func(what string, p *peer) {
			w.runFor(100 * time.Millisecond) // no refresh begins meanwhile
			if got := w.t.Speaks(p.node.ID()); !w.isLive(p.node) || got != via {
				t.Errorf("%s by %d: speaks %d", what, via, got)
			}
		}
		p := w.addIn(16)
		w.found(p.node)
		answered("checked", p)
		p = w.addIn(15)
		w.t.startLookup(&Lookup{target: w.t.RandomTarget(), done: func([]*enode.Node) {}}, []*enode.Node{p.node})
		answered("queried", p)
		p = w.addIn(14)
		w.t.AddLive(p.node, 0)
		w.t.revalidate(&w.t.buckets[14].entries[0], false)
		answered("revalidated", p)
	}
}

// mixed is a table whose entries speak v4, v5, both, or nothing known, in turn. Each
// was seen a second after the one before.
func mixed(t *testing.T, seed uint64) (w *world, live []*enode.Node) {
	w = newWorld(t, seed)
	w.start()
	add := func(n *enode.Node) {
		w.now = w.now.Add(time.Second)
		w.t.Advance(w.now)
		if w.t.AddLive(n, Protocol(len(live)%4)); w.isLive(n) {
			live = append(live, n)
		}
	}
	for i := range 300 {
		add(w.newNode(publicIP(i)))
	}
	for i := range 8 { // that share the lowest bucket
		add(w.newNodeIn(0, publicIP(400+i)))
	}
	w.verify()
	return w, live
}

func TestClosestVia(t *testing.T) {
	w, live := mixed(t, 4)
	for i := range 100 {
		target := w.t.RandomTarget().ID
		for via := range V4 | V5 + 1 {
			speakers := slices.DeleteFunc(slices.Clone(live), func(n *enode.Node) bool {
				return via != 0 && w.t.Speaks(n.ID())&via == 0
			})
			want := trueClosest(speakers, target)
			if got := w.t.Closest(nil, target, BucketSize, via, nil); !slices.Equal(got, want) {
				t.Fatalf("target %d: the closest that speak %d are wrong", i, via)
			}
		}
	}
}

func TestAtDistance(t *testing.T) {
	w, live := mixed(t, 5)
	for i := range live { // some are seen again, in another order
		if i%3 == 0 {
			w.now = w.now.Add(time.Second)
			w.t.Advance(w.now)
			w.t.AddLive(live[len(live)-1-i], 0)
		}
	}
	seen := func(n *enode.Node) time.Time { info, _ := w.t.Entry(n.ID()); return info.LastSeen }
	low := 0
	for distance := -1; distance <= 258; distance++ {
		for via := range V4 | V5 + 1 {
			want := slices.DeleteFunc(slices.Clone(live), func(n *enode.Node) bool {
				return enode.LogDist(w.t.cfg.Self, n.ID()) != distance || (via != 0 && w.t.Speaks(n.ID())&via == 0)
			})
			slices.SortFunc(want, func(a, b *enode.Node) int { return seen(b).Compare(seen(a)) })
			if distance > 0 && distance <= 256-NumBuckets+1 {
				low += len(want)
			}
			for _, most := range []int{-1, 0, 1, 3, BucketSize, 1000} {
				first := []*enode.Node{live[0]}
				got := w.t.AtDistance(first, distance, most, via)
				if got[0] != live[0] || !slices.Equal(got[1:], want[:min(len(want), max(most, 0))]) {
					t.Fatalf("distance %d, up to %d that speak %d: got %d, want %d", distance, most, via, len(got)-1, len(want))
				}
			}
		}
	}
	if low < 8 {
		t.Errorf("the lowest bucket was hardly tried: %d", low)
	}
}

// TestAtDistancePromoted: one that answers as a replacement and moves up is the freshest,
// though it is the last of its bucket.
func TestAtDistancePromoted(t *testing.T) {
	w := newWorld(t, 6)
	w.start()
	w.fill(16, BucketSize)
	late := w.addIn(16).node
	w.now = w.now.Add(time.Minute)
	w.t.Advance(w.now)
	w.live(late)
	b := &w.t.buckets[16]
	w.t.removeEntry(b, 3)
	if b.entries[BucketSize-1].node != late {
		t.Fatal("it did not move up")
	}
	if got := w.t.AtDistance(nil, 256, 1, V4); len(got) != 1 || got[0] != late {
		t.Error("the freshest is not the first")
	}
}

// TestUntried: who speaks one protocol is named some seconds after it joined and then
// once an hour, who speaks both once an hour, others never.
func TestUntried(t *testing.T) {
	w := newWorld(t, 7)
	w.start()
	nodes := map[Protocol]*enode.Node{}
	for via := range V4 | V5 + 1 {
		nodes[via] = w.addIn(16).node
		w.t.AddLive(nodes[via], via)
	}
	start := w.now
	if n := w.t.OneSided(); n != 0 {
		t.Errorf("%d speak one protocol, and nobody was tried by another", n)
	}
	named := make(map[enode.ID][]time.Duration)
	for range 6 * 3600 {
		w.now = w.now.Add(time.Second)
		w.t.Advance(w.now)
		for range 3 {
			n, speaks := w.t.Untried(5 * time.Second)
			if n == nil {
				break
			}
			if speaks != w.t.Speaks(n.ID()) {
				t.Fatalf("said to speak %d", speaks)
			}
			named[n.ID()] = append(named[n.ID()], w.now.Sub(start))
		}
	}
	if n := w.t.OneSided(); n != 2 {
		t.Errorf("%d speak one protocol, want two", n)
	}
	if len(named[nodes[0].ID()]) != 0 {
		t.Error("one of which nothing is known was named")
	}
	for via := V4; via <= V4|V5; via++ {
		at := named[nodes[via].ID()]
		if len(at) < 4 || len(at) > 6 {
			t.Errorf("one that speaks %d was named %d times in six hours", via, len(at))
			continue
		}
		if soon := at[0] < 10*time.Second; soon != (via != V4|V5) {
			t.Errorf("one that speaks %d was named first after %v", via, at[0])
		}
		for i := range at {
			if i > 0 && (at[i]-at[i-1] < time.Hour || at[i]-at[i-1] > time.Hour+2*time.Minute) {
				t.Errorf("one that speaks %d was named after %v and %v", via, at[i-1], at[i])
			}
		}
	}
}

// TestMinutes: what wraps around is told apart for four hours.
func TestMinutes(t *testing.T) {
	w := newWorld(t, 8)
	w.start()
	for start := range 600 {
		w.t.now = w.t.epoch.Add(time.Duration(start) * time.Minute)
		from := w.t.minute()
		for d := 0; d < minutes; d += 7 {
			w.t.now = w.t.epoch.Add(time.Duration(start+d) * time.Minute)
			if m := w.t.minute(); m == 0 || m.since(from) != minute(d) {
				t.Fatalf("from minute %d on, %d minutes are %d", start, d, m.since(from))
			}
		}
	}
}

// TestTwoMachines: that two machines advance a table, and one of them with a clock that
// lags, is as if one did.
func TestTwoMachines(t *testing.T) {
	var states [2]uint64
	for i := range states {
		w := newWorld(t, 9)
		w.populate(150, 20)
		w.t.cfg.Bootnodes = []*enode.Node{w.order[0].node}
		w.t.Advance(w.now)
		w.runUntil(20*time.Minute, func() bool {
			if i == 1 {
				w.t.NextWake()
				w.t.Advance(w.now)
				w.t.Advance(w.now.Add(-time.Hour))
				w.t.Advance(w.now)
			}
			return false
		})
		if w.t.Live() < 50 {
			t.Fatalf("%d entries", w.t.Live())
		}
		states[i] = w.describe()
	}
	if states[0] != states[1] {
		t.Error("advanced twice, a table does something else")
	}
	w := newWorld(t, 9)
	w.start()
	w.t.Advance(w.now.Add(time.Hour))
	w.t.Advance(w.now)
	n := w.addIn(16).node
	if w.live(n); !w.t.Buckets()[16].Entries[0].LastSeen.Equal(w.now.Add(time.Hour)) {
		t.Error("the table's time went back")
	}
}

func TestBootnode(t *testing.T) {
	w := newWorld(t, 10)
	w.start()
	n := w.newNode(publicIP(1))
	if w.t.Bootnode(n.ID()) {
		t.Error("a bootnode, as nobody has said")
	}
	if w.t.AddBootnode(n); !w.t.Bootnode(n.ID()) {
		t.Error("not a bootnode")
	}
}

// TestViaWithoutLiveness: a table that does without the defence hands out whom it has
// only heard of, whatever is asked for.
func TestViaWithoutLiveness(t *testing.T) {
	w := newWorld(t, 11, func(c *Config) { c.Without = Liveness })
	w.check = false
	w.start()
	n := w.newNode(publicIP(1))
	w.found(n)
	for _, via := range []Protocol{0, V4, V5} {
		if len(w.t.Closest(nil, n.ID(), 1, via, nil)) != 1 {
			t.Errorf("not among those that speak %d", via)
		}
	}
}
