package sim

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// mixed is a world in which some are down, and some behind NATs.
func mixed(t testing.TB, seed uint64, n int) *World {
	w := New(Config{Seed: seed, Link: Link{Latency: 20 * time.Millisecond}})
	grow(t, w, 1)
	for i := range n - 1 {
		spec := Node{Bootnodes: w.hosts[:1], Off: i%7 == 3}
		if i%5 == 4 {
			spec.NAT.Kind = []NATKind{FullCone, PortRestricted}[i%2]
		}
		if _, err := w.Add(spec); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// TestClosest: the index finds what comparing all finds.
func TestClosest(t *testing.T) {
	w := mixed(t, 1, 300)
	m := NewMeter(w)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var target enode.ID
		for i := range target {
			target[i] = byte(rng.Uint32())
		}
		keep := func(h *Host) bool { return h.index%3 != 0 }
		var want []*Host
		for _, h := range w.hosts {
			if h.findable() && keep(h) {
				want = append(want, h)
			}
		}
		slices.SortFunc(want, func(a, b *Host) int {
			return cmp.Or(enode.DistCmp(target, a.node.ID(), b.node.ID()), cmp.Compare(a.index, b.index))
		})
		k := 1 + rng.IntN(20)
		if got := m.Closest(target, k, 0, keep); !slices.Equal(got, want[:k]) {
			t.Fatalf("%d closest: %v, want %v", k, got, want[:k])
		}
	}
	if got := m.Closest(enode.ID{}, 1000, 0, nil); len(got) != len(m.found[bothProtocols]) || len(got) == 0 {
		t.Errorf("%d of %d", len(got), len(m.found))
	}
}

// TestPossible: so do the numbers of hosts at each distance.
func TestPossible(t *testing.T) {
	w := mixed(t, 2, 300)
	m := NewMeter(w)
	for _, h := range w.hosts {
		var want [kad.NumBuckets]int
		for _, o := range w.hosts {
			if i := max(0, enode.LogDist(h.node.ID(), o.node.ID())-257+kad.NumBuckets); o != h && o.findable() && want[i] < kad.BucketSize {
				want[i]++
			}
		}
		if got := m.possible(h); got != want {
			t.Fatalf("host %d: %v, want %v", h.index, got, want)
		}
	}
}

// TestMeasuresChangeNothing: a world is the same whether it is measured or not.
func TestMeasuresChangeNothing(t *testing.T) {
	hash := func(measured bool) uint64 {
		w := New(Config{Seed: 9, Link: rough})
		for i := range 40 {
			spec := Node{Server: &Server{MaxPeers: 8}, Sessions: Sessions{Up: Exponential(30 * time.Second), Down: Exponential(10 * time.Second)}}
			if i > 0 {
				spec.Bootnodes = w.hosts[:1]
			} else {
				spec.Sessions = Sessions{}
			}
			if _, err := w.Add(spec); err != nil {
				t.Fatal(err)
			}
		}
		m := NewMeter(w)
		s := m.Milestones(1, 3)
		for range 40 {
			run(t, w, time.Second)
			if measured {
				m.Update()
				s.Note()
				w.PeerGraph()
				w.TableGraph()
				w.Filled()
			}
		}
		if measured && (len(s.FirstNeighbour) < 30 || len(s.FullTable) < 10 || len(s.Peers) < 20) {
			t.Errorf("milestones: %d, %d, %d", len(s.FirstNeighbour), len(s.FullTable), len(s.Peers))
		}
		return w.Hash()
	}
	if hash(true) != hash(false) {
		t.Error("another world")
	}
}

// TestMilestones: times are since a host's own start.
func TestMilestones(t *testing.T) {
	w := New(Config{Seed: 3, Link: Link{Latency: 20 * time.Millisecond}})
	grow(t, w, 20)
	run(t, w, time.Minute)
	m := NewMeter(w)
	s := m.Milestones(1, 0)
	s.Note()
	if n := len(s.FirstNeighbour); n != 20 || s.FirstNeighbour[3] != time.Minute {
		t.Fatal(s.FirstNeighbour)
	}
	grow(t, w, 1)
	for range 600 {
		run(t, w, 100*time.Millisecond)
		m.Update()
		if s.Note() == 0 {
			break
		}
	}
	if n := len(s.FirstNeighbour); n != 21 || s.FirstNeighbour[20] > time.Second {
		t.Errorf("first neighbours %v", s.FirstNeighbour)
	}
	if len(s.FullTable) < 20 {
		t.Errorf("%d of 21 tables are full", len(s.FullTable))
	}
}

// TestLookupJudged: a lookup in a quiet network is right, takes a few hops and no
// time but that of packets; in two halves that are apart it is judged by the own one.
func TestLookupJudged(t *testing.T) {
	w := New(Config{Seed: 5, Link: Link{Latency: 20 * time.Millisecond}})
	grow(t, w, 120)
	run(t, w, time.Minute)
	m := NewMeter(w)
	check := func(b *Batch) {
		t.Helper()
		for m.Update(); b.Judge() > 0; m.Update() {
			run(t, w, 100*time.Millisecond)
		}
		for _, l := range b.List {
			if l.Void || l.Right < l.Possible-1 || l.Hops < 1 || l.Deepest < l.Hops || l.Hops > 6 || l.Queries < l.Found {
				t.Errorf("%+v", l)
			}
		}
	}
	b := m.Begin(rand.New(rand.NewPCG(1, 1)), 30, true)
	check(b)
	for _, l := range b.List {
		if l.Possible != 16 || len(l.Steps) != l.Queries || l.Steps[len(l.Steps)-1].At != l.Took || l.Took > 2*time.Second {
			t.Errorf("%+v", l)
		}
	}
	w.Part(func(h *Host) uint8 { return uint8(h.index & 1) })
	run(t, w, 10*time.Minute) // the other half is forgotten
	check(m.Begin(rand.New(rand.NewPCG(2, 2)), 30, false))

	b = m.Begin(rand.New(rand.NewPCG(3, 3)), 1, false)
	w.Stop(b.List[0].From)
	if b.Judge() != 0 || !b.List[0].Void {
		t.Errorf("its host is down: %+v", b.List[0])
	}
}

// TestGraph: two halves of a network that are apart are two components.
func TestGraph(t *testing.T) {
	w := New(Config{Seed: 6, Link: Link{Latency: 20 * time.Millisecond}})
	for range 40 {
		spec := Node{Server: &Server{MaxPeers: 6}}
		if len(w.hosts) > 0 {
			spec.Bootnodes = w.hosts[:1]
		}
		if _, err := w.Add(spec); err != nil {
			t.Fatal(err)
		}
	}
	run(t, w, time.Minute)
	for _, g := range []Graph{w.PeerGraph(), w.TableGraph()} {
		if g.Hosts != 40 || g.Components != 1 || g.Largest != 1 || len(g.Degrees) != 40 || g.Diameter < 1 || g.Diameter > 6 || g.Edges < 60 {
			t.Errorf("%+v", g)
		}
	}
	if d := slices.Max(w.PeerGraph().Degrees); d > 6 {
		t.Errorf("%d peers of 6", d)
	}
	w.Part(func(h *Host) uint8 { return uint8(h.index / 10) })
	run(t, w, 10*time.Minute)
	for _, g := range []Graph{w.PeerGraph(), w.TableGraph()} {
		if g.Components < 4 || g.Largest > 0.25 {
			t.Errorf("parted in four: %+v", g)
		}
	}
}

// TestGraphShapes: what is known of a line of hosts and a lone one.
func TestGraphShapes(t *testing.T) {
	w := New(Config{})
	for range 6 {
		if _, err := w.Add(Node{Off: true}); err != nil {
			t.Fatal(err)
		}
	}
	g := w.graph(func(*Host) bool { return true }, func(h *Host, f func(*Host)) {
		if h.index < 4 {
			f(w.hosts[h.index+1])
			f(w.hosts[h.index+1])
		}
	})
	if g.Hosts != 6 || g.Edges != 4 || g.Components != 2 || g.Diameter != 4 || !slices.Equal(g.Degrees, []int{1, 2, 2, 2, 1, 0}) {
		t.Errorf("%+v", g)
	}
}

// TestClusters: hosts share networks as they are told to, and no address.
func TestClusters(t *testing.T) {
	const n = 5000
	c := Clusters{Networks: 0.3, Skew: 1}
	four, ok4 := c.Addresses(7, n)
	six, ok6 := c.Addresses6(7, n)
	if !ok4 || !ok6 {
		t.Fatal("no addresses")
	}
	seen := make(map[netip.AddrPort]bool)
	nets := make(map[netip.Prefix]int)
	for i := range n {
		if seen[four[i]] || seen[six[i]] {
			t.Fatalf("%v or %v twice", four[i], six[i])
		}
		seen[four[i]], seen[six[i]] = true, true
		p4, _ := enode.Network(four[i].Addr())
		p6, limited := enode.Network(six[i].Addr())
		if !limited || enode.LocalAddr(four[i].Addr()) {
			t.Fatalf("%v, %v: special addresses", four[i], six[i])
		}
		nets[p4]++
		nets[p6]++
	}
	sizes := make([]int, 0, len(nets))
	for _, n := range nets {
		sizes = append(sizes, n)
	}
	slices.Sort(sizes)
	if most := sizes[len(sizes)-1]; most != inNetwork || sizes[len(sizes)/2] > 4 || len(sizes) < 1500 {
		t.Errorf("%d networks, the median of %d, the largest of %d", len(sizes), sizes[len(sizes)/2], most)
	}
	again, _ := c.Addresses(7, n)
	other, _ := c.Addresses(8, n)
	if !slices.Equal(four, again) || slices.Equal(four, other) {
		t.Error("a seed does not say it all")
	}
	own, ok := Clusters{}.Addresses(1, 300)
	if !ok || own[299] != OwnNetwork(299) {
		t.Errorf("%v, want %v", own, OwnNetwork(299))
	}
	for _, bad := range []Clusters{{Networks: 0.001}, {Networks: 2}, {Networks: 0.5, Skew: -1}} {
		if _, ok := bad.Addresses(1, n); ok {
			t.Errorf("%+v has room", bad)
		}
	}
}
