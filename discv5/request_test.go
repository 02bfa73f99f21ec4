package discv5

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// TestRefused: requests that can't be made end with a reason, later.
func TestRefused(t *testing.T) {
	w := newWorld(t, 2, func(_ int, c *Config) { c.NetRestrict = []netip.Prefix{netip.MustParsePrefix("5.0.0.0/8")} })
	a := w.labs[0]
	at := func(ep string) *enode.Node { return signRecord(testKey(9), netip.MustParseAddrPort(ep), 1) }
	for _, c := range []struct {
		node *enode.Node
		want error
	}{
		{at("5.1.1.1:0"), ErrNoEndpoint},
		{at("0.0.0.0:1"), ErrNoEndpoint},
		{at("224.0.0.1:1"), ErrNoEndpoint},
		{a.node, ErrNoEndpoint},
		{at("6.1.1.1:1"), ErrRestricted},
	} {
		r := new(result[PingResult])
		a.m.Ping(c.node, r.done)
		r.pending(t)
		if !a.m.NextWake().Equal(w.now) {
			t.Error("nothing is due")
		}
		a.flush()
		r.is(t, c.want)
	}
	w.lose = func(*flight) bool { return true }
	results := make([]*result[PingResult], maxPerNode+1)
	for i := range results {
		results[i] = a.ping(w.labs[1])
	}
	results[maxPerNode].is(t, ErrBusy)
	// Closed, every one of them ends.
	a.m.Close()
	for _, r := range results[:maxPerNode] {
		r.is(t, ErrClosed)
	}
	r := a.ping(w.labs[1])
	r.is(t, ErrClosed)
	if len(a.m.links.byEnd)+a.m.links.pending+a.m.tasks.Len()+len(a.m.out) != 0 {
		t.Error("something is left after Close")
	}
}

// TestPendingIsBounded: with too many requests under way the next ends at once.
func TestPendingIsBounded(t *testing.T) {
	w := newWorld(t, 1, nil)
	a := w.labs[0]
	w.lose = func(*flight) bool { return true }
	w.queue = nil
	n := testNodes(40)
	for i := range maxPending {
		r := new(result[PingResult])
		a.m.Ping(n[i%len(n)], r.done)
		r.pending(t)
	}
	r := new(result[PingResult])
	a.m.Ping(n[0], r.done)
	a.flush()
	r.is(t, ErrBusy)
	// For the table it is a node that was not asked.
	var err error
	a.m.Transport().Ping(n[0], func(_ uint64, e error) { err = e })
	a.flush()
	if err != kad.ErrNotAsked {
		t.Errorf("the table was told %v", err)
	}
	w.run(lateFor + 3*time.Second)
	if got := a.m.Stats().Pending + a.m.links.late + len(a.m.links.byEnd); got != 0 {
		t.Errorf("%d are left", got)
	}
}

func testNodes(n int) (list []*enode.Node) {
	for i := range n {
		list = append(list, signRecord(testKey(500+i), netip.AddrPortFrom(netip.AddrFrom4([4]byte{8, byte(i), 1, 1}), 30303), 1))
	}
	return list
}

// TestDistances: those of lookups are a target's, those near the node, and those outwards, as far
// as there are such distances.
func TestDistances(t *testing.T) {
	var n, target enode.ID
	for _, c := range []struct {
		bit  int // the highest in which they differ; -1: none
		want []uint16
	}{
		{-1, []uint16{0, 1}},
		{0, []uint16{1, 2}},
		{1, []uint16{2, 3}},
		{2, []uint16{3, 4, 1}},
		{3, []uint16{4, 1, 5, 2}},
		{100, []uint16{101, 98, 102, 99}},
		{254, []uint16{255, 252, 256, 253}},
		{255, []uint16{256, 253, 254}},
	} {
		target = n
		if c.bit >= 0 {
			target[31-c.bit/8] ^= 1 << (c.bit % 8)
		}
		if got := Distances(n, target); !slices.Equal(got, c.want) {
			t.Errorf("bit %d: %v, want %v", c.bit, got, c.want)
		}
	}
}

// TestTransport is the machine as a table uses it.
func TestTransport(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	b.node = signRecord(b.key, b.at, 6)
	tr := a.m.Transport()
	var seq uint64
	var rec *enode.Node
	var nodes []*enode.Node
	n := signRecord(testKey(77), netip.MustParseAddrPort("7.7.7.7:1"), 1)
	b.table.AddLive(n, kad.V5)
	calls := 0
	tr.Ping(b.node, func(s uint64, err error) {
		seq = s
		calls++
	})
	tr.RequestENR(b.node, func(n *enode.Node, err error) {
		rec = n
		calls++
	})
	tr.Findnode(b.node, kad.Target{ID: n.ID()}, func(l []*enode.Node, err error) {
		nodes = l
		calls++
	})
	a.flush()
	w.run(time.Second)
	if calls != 3 || seq != 6 || rec.Seq() != 6 || len(nodes) != 1 || nodes[0].ID() != n.ID() {
		t.Errorf("%d calls: %d, %v, %v", calls, seq, rec, nodes)
	}
}

// TestClockSetBack: waits end as if it had gone on.
func TestClockSetBack(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	w.lose = func(*flight) bool { return true }
	r := a.ping(b)
	w.now = w.now.Add(-time.Hour)
	w.run(2 * a.m.patience())
	r.is(t, ErrTimeout)
	w.lose = nil
	w.meet(a, b)
}

// TestDoneMayAsk: a done function may make requests, to the same node too.
func TestDoneMayAsk(t *testing.T) {
	w := newWorld(t, 2, nil)
	a, b := w.labs[0], w.labs[1]
	again := new(result[PingResult])
	var first error
	ask := func() {
		a.m.Advance(w.now)
		a.m.Ping(b.node, func(_ PingResult, err error) {
			first = err
			a.m.Ping(b.node, again.done)
		})
		a.flush()
	}
	ask()
	w.run(time.Second)
	again.is(t, nil)
	w.lose = func(*flight) bool { return true }
	again = new(result[PingResult])
	ask()
	w.run(3 * time.Second)
	again.is(t, ErrTimeout)
	if first != ErrTimeout {
		t.Error(first)
	}
	again = new(result[PingResult])
	ask()
	a.m.Close()
	again.is(t, ErrClosed)
}

// TestCloseEnds: Close ends even if a fault has left a request that nothing wakes. That
// it is there still, Stats say.
func TestCloseEnds(t *testing.T) {
	w := newWorld(t, 3, nil)
	a := w.labs[0]
	stuck, other := a.ping(w.labs[1]), a.ping(w.labs[2])
	for _, r := range a.m.links.get(w.labs[1].node.ID(), w.labs[1].at).requests {
		a.m.tasks.Cancel(&r.task)
	}
	a.m.Close()
	stuck.pending(t)
	other.is(t, ErrClosed)
	if n := a.m.Stats().Pending; n != 1 {
		t.Errorf("%d requests under way, want the one", n)
	}
}
