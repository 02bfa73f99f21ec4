package kad

import (
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
)

// recorded makes a table with 20 nodes of which each third has no record, and
// each third hides it.
func recorded(t *testing.T) (w *world, with, without []*enode.Node) {
	w = newWorld(t, 1)
	w.start()
	for i := range 15 {
		p := w.addWithRecord(16, 1)
		if p.noENR = i%3 == 2; p.noENR {
			without = append(without, p.node)
		} else {
			with = append(with, p.node)
		}
		w.live(bare(p.node))
	}
	return w, with, without
}

// TestFilterSeesRecords: a filter is asked once for each node that answered, with
// the node's record where it sends one.
func TestFilterSeesRecords(t *testing.T) {
	w, with, without := recorded(t)
	asked := make(map[enode.ID]*enode.Node)
	var streamed []*enode.Node
	opts := LookupOptions{
		Filter: func(n *enode.Node) bool {
			if asked[n.ID()] != nil {
				t.Errorf("asked twice for %s", n.ID().Short())
			}
			asked[n.ID()] = n
			return n.Record() != nil
		},
		Found: func(n *enode.Node) { streamed = append(streamed, n) },
	}
	found, _ := w.lookup(w.t.RandomTarget(), opts)
	if len(asked) != len(with)+len(without) || len(found) != len(with) || len(streamed) != len(with) {
		t.Fatalf("asked for %d, found %d, streamed %d", len(asked), len(found), len(streamed))
	}
	for _, n := range with {
		if got := asked[n.ID()]; got.Seq() != 1 || got.IP() != n.IP() {
			t.Errorf("%s was shown with record %d", n.ID().Short(), got.Seq())
		}
		if known, _ := w.t.Node(n.ID()); known.Seq() != 1 {
			t.Error("the table did not get the record")
		}
	}
	for _, n := range without {
		if asked[n.ID()].Record() != nil {
			t.Error("a record from nowhere")
		}
	}
}

// TestFilterDoesNotAskAgain: who does not send its record is asked for it, and
// waited for, in the first lookup only.
func TestFilterDoesNotAskAgain(t *testing.T) {
	w, _, _ := recorded(t)
	opts := LookupOptions{Filter: func(*enode.Node) bool { return true }}
	w.lookup(w.t.RandomTarget(), opts)
	w.record()
	start := w.now
	found, _ := w.lookup(w.t.RandomTarget(), opts)
	if len(w.fetches) != 0 || len(found) != 15 || w.now.Sub(start) >= w.timeout {
		t.Errorf("the second lookup fetched %d records, found %d, took %v", len(w.fetches), len(found), w.now.Sub(start))
	}
	w.runFor(recordRetry)
	w.record()
	w.lookup(w.t.RandomTarget(), opts)
	if len(w.fetches) != 5 {
		t.Errorf("ten minutes later, %d were asked again", len(w.fetches))
	}
}

// TestFilterAcceptsNobody: all serve as steps on the way, none as a result.
func TestFilterAcceptsNobody(t *testing.T) {
	w := newWorld(t, 2)
	w.join(200, time.Minute)
	found, hops := w.lookup(w.t.RandomTarget(), LookupOptions{Filter: func(*enode.Node) bool { return false }})
	if len(found) != 0 || len(hops) < BucketSize {
		t.Errorf("found %d in %d hops", len(found), len(hops))
	}
}

// TestCancelWhileFetching: the record that comes after the end changes nothing.
func TestCancelWhileFetching(t *testing.T) {
	w := newWorld(t, 3)
	w.start()
	p := w.addWithRecord(16, 1)
	w.live(bare(p.node))
	calls := 0
	w.record()
	opts := LookupOptions{Filter: func(*enode.Node) bool { t.Error("asked after the end"); return true }}
	l, err := w.t.Lookup(w.t.RandomTarget(), opts, func([]*enode.Node) { calls++ })
	if err != nil {
		t.Fatal(err)
	}
	w.runUntil(time.Second, func() bool { return len(w.fetches) > 0 })
	l.Cancel()
	w.runFor(time.Second)
	if calls != 1 {
		t.Errorf("done %d times", calls)
	}
	if n, _ := w.t.Node(p.node.ID()); n.Seq() != 1 {
		t.Error("the record was thrown away")
	}
}

// TestFoundStreams: results come one by one, as each node answers.
func TestFoundStreams(t *testing.T) {
	w, _ := star(t, 4)
	var at []time.Time
	var streamed []*enode.Node
	opts := LookupOptions{Found: func(n *enode.Node) {
		streamed = append(streamed, n)
		at = append(at, w.now)
	}}
	found, _ := w.lookup(w.t.RandomTarget(), opts)
	if len(streamed) != BucketSize || w.now.Sub(at[0]) < 2*w.rtt {
		t.Errorf("%d streamed, the first %v before the end", len(streamed), w.now.Sub(at[0]))
	}
	for _, n := range found {
		if !slices.Contains(streamed, n) {
			t.Error("a result was not streamed")
		}
	}
}

func TestAddLate(t *testing.T) {
	w := newWorld(t, 5)
	w.start()
	first, slow, late := w.addIn(16), w.addIn(16), w.addIn(16)
	slow.latency = 500 * time.Millisecond
	w.live(first.node)
	w.live(slow.node)
	var found []*enode.Node
	answers := 0
	opts := LookupOptions{Trace: func(Hop) { answers++ }}
	if _, err := w.t.Lookup(w.t.RandomTarget(), opts, func(nodes []*enode.Node) { found = nodes }); err != nil {
		t.Fatal(err)
	}
	w.record()
	w.t.AddLate(slow.node, []*enode.Node{late.node}) // has not answered yet: not this lookup's
	w.runUntil(time.Second, func() bool { return answers == 1 })
	if count(w.queries, late.node) != 0 {
		t.Fatal("asked one that came from a node that has not answered")
	}
	if count(w.pings, late.node) != 1 {
		t.Error("what came late was not checked for the table")
	}
	w.t.AddLate(first.node, []*enode.Node{late.node, first.node})
	w.t.AddLate(w.newNode(publicIP(99)), []*enode.Node{late.node}) // a stranger
	if count(w.queries, late.node) != 1 {
		t.Errorf("asked %d times", count(w.queries, late.node))
	}
	w.runFor(time.Second)
	if len(found) != 3 {
		t.Errorf("found %d", len(found))
	}
	w.t.AddLate(first.node, []*enode.Node{w.newNode(publicIP(98))}) // after the end
	w.verify()
}
