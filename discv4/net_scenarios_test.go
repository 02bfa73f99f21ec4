package discv4

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// TestBondBothWays: after one conversation each of two nodes has the other's
// proof, is live in its table, and has its record.
func TestBondBothWays(t *testing.T) {
	w := newTestNet(t, 2, nil)
	w.run(2 * time.Second)
	a, b := w.labs[0], w.labs[1]
	for _, pair := range [][2]*lab{{a, b}, {b, a}} {
		me, other := pair[0], pair[1]
		p := me.m.peers.get(peerKey{other.node.ID(), other.at.Addr()}, other.at.Port())
		if p == nil || !p.proven(me.m.stamp()) || !p.knowsUs(me.m.stamp()) {
			t.Fatalf("%v on %v: %+v", me.at, other.at, p)
		}
		if n, live := me.m.Table().Node(other.node.ID()); !live || n.Seq() != 1 {
			t.Errorf("%v has %v, live %v", me.at, n, live)
		}
	}
	var got, back result[PingResult]
	a.m.Ping(b.node, got.done)
	b.m.Ping(a.node, back.done)
	w.run(time.Second)
	if got.is(t, nil); got.value.RTT != 2*w.delay || got.value.Endpoint != a.at || got.value.Seq != 1 {
		t.Errorf("%+v", got.value)
	}
	back.is(t, nil)
}

// TestNetworkForms: nodes that know only one find each other, whatever the
// network does to their packets, and a lookup then finds any of them.
func TestNetworkForms(t *testing.T) {
	const nodes, lookups = 18, 10
	for _, test := range []struct {
		name         string
		lose, double float64
		reorder      time.Duration
		within       time.Duration
		found        int
	}{
		{"good", 0, 0, 0, 5 * time.Second, lookups},
		{"reordering", 0, 0.3, 100 * time.Millisecond, 15 * time.Second, lookups},
		{"10 % lost", 0.1, 0.1, 50 * time.Millisecond, 30 * time.Second, lookups - 1},
		{"30 % lost", 0.3, 0.1, 50 * time.Millisecond, 90 * time.Second, lookups / 2}, // asks each node once
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newTestNet(t, nodes, nil)
			w.fault = faulty(7, test.lose, test.double, test.reorder)
			w.run(test.within)
			if f := w.filled(); f < 0.9 {
				t.Errorf("after %v the median table is filled to %.2f", test.within, f)
			}
			found := 0
			for i := range lookups {
				target := w.labs[(i*7+3)%nodes]
				var list []*enode.Node
				if _, err := w.labs[i].m.Table().Lookup(kad.TargetOf(target.node.PublicKey()), kad.LookupOptions{}, func(n []*enode.Node) { list = n }); err != nil {
					t.Fatal(err)
				}
				w.run(3 * time.Second)
				if target == w.labs[i] || slices.ContainsFunc(list, func(n *enode.Node) bool { return n.ID() == target.node.ID() }) {
					found++
				}
			}
			if found < test.found {
				t.Errorf("%d of %d lookups found their target, want %d", found, lookups, test.found)
			}
			for _, l := range w.labs {
				l.closed()
			}
		})
	}
}

// TestRequestsUnderLoss: each request ends once, and most with an answer.
func TestRequestsUnderLoss(t *testing.T) {
	for _, lose := range []float64{0.1, 0.3, 1} {
		w := newTestNet(t, 6, nil)
		w.run(3 * time.Second)
		w.fault = faulty(3, lose, 0.2, 60*time.Millisecond)
		var results []*result[struct{}]
		for i := range 300 {
			l, other := w.labs[i%6], w.labs[(i+1+i/6%5)%6]
			r := new(result[struct{}])
			results = append(results, r)
			switch i % 3 {
			case 0:
				l.m.Ping(other.node, func(_ PingResult, err error) { r.done(struct{}{}, err) })
			case 1:
				l.m.Findnode(other.node, kad.TargetOf(l.node.PublicKey()), func(_ []*enode.Node, err error) { r.done(struct{}{}, err) })
			case 2:
				l.m.RequestENR(other.node, func(_ *enode.Node, err error) { r.done(struct{}{}, err) })
			}
			w.run(100 * time.Millisecond)
		}
		w.run(10 * time.Second)
		good := 0
		for i, r := range results {
			if r.calls != 1 {
				t.Fatalf("request %d: %d calls", i, r.calls)
			}
			if r.err == nil {
				good++
			} else if r.err != ErrTimeout {
				t.Errorf("request %d: %v", i, r.err)
			}
		}
		if want := map[float64]int{0.1: 285, 0.3: 210, 1: 0}[lose]; good < want {
			t.Errorf("%.0f %% lost: %d of 300 answered, want %d", 100*lose, good, want)
		}
		for _, l := range w.labs {
			l.closed()
		}
	}
}

// TestRestartForgets: a node that was started again without its proofs is asked
// by one that still believes in them, and answers.
func TestRestartForgets(t *testing.T) {
	w := newTestNet(t, 2, nil)
	w.run(2 * time.Second)
	a := w.labs[1]
	w.restart(0)
	start := w.now
	var find result[[]*enode.Node]
	var took time.Duration
	a.m.Findnode(w.labs[0].node, kad.TargetOf(a.node.PublicKey()), func(n []*enode.Node, err error) {
		find.done(n, err)
		took = w.now.Sub(start)
	})
	w.run(2 * time.Second)
	find.is(t, nil)
	if limit := a.m.rtt.Resend() + 6*w.delay; took > limit {
		t.Errorf("took %v, want at most %v", took, limit)
	}
}

// TestRecordSpreads: when a node's record changes, those who know it fetch it
// within a few revalidations.
func TestRecordSpreads(t *testing.T) {
	w := newTestNet(t, 5, nil)
	w.run(3 * time.Second)
	l := w.labs[2]
	l.node = signRecord(l.key, l.at, 7)
	w.run(2 * time.Minute)
	for _, o := range w.labs {
		if n, live := o.m.Table().Node(l.node.ID()); o != l && (!live || n.Seq() != 7) {
			t.Errorf("%v has record %d, live %v", o.at, n.Seq(), live)
		}
	}
}

// TestNetworkComesBack: after the network was away for minutes, tables are
// filled again within a minute.
func TestNetworkComesBack(t *testing.T) {
	w := newTestNet(t, 12, nil)
	w.run(5 * time.Second)
	w.fault = func(_, _ netip.AddrPort, _ *Packet) []time.Duration { return nil }
	w.run(10 * time.Minute)
	w.fault = nil
	w.run(time.Minute)
	if f := w.filled(); f < 0.9 {
		t.Errorf("a minute after the network came back the median table is filled to %.2f", f)
	}
}

// TestReplay: the same seed gives the same packets.
func TestReplay(t *testing.T) {
	play := func() (lines []string) {
		w := newTestNet(t, 12, nil)
		w.fault = faulty(5, 0.1, 0.1, 30*time.Millisecond)
		w.log = func(from, to netip.AddrPort, p *Packet, drop Drop) {
			lines = append(lines, w.now.Sub(epoch).String()+from.String()+to.String()+p.Kind.String()+drop.String()+string(p.Hash[:]))
		}
		w.run(20 * time.Second)
		return lines
	}
	if first, second := play(), play(); !slices.Equal(first, second) || len(first) < 100 {
		t.Errorf("%d packets, then %d, or others", len(first), len(second))
	}
}
