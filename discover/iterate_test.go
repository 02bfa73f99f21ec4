package discover

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/rlp"
)

// slow delays every packet by the same time, which keeps their order.
func slow(by time.Duration) func(netip.AddrPort, netip.AddrPort, []byte) []time.Duration {
	return func(netip.AddrPort, netip.AddrPort, []byte) []time.Duration { return []time.Duration{by} }
}

// settled starts nodes that know each other and have nothing under way.
func (w *world) settled(nodes int) {
	w.t.Helper()
	w.grow(nodes)
	w.filled(0.9, 1, 20*time.Second)
	w.settle()
}

// settle waits until no node looks anything up for a while. The next refresh is
// then some twenty seconds away.
func (w *world) settle() {
	w.t.Helper()
	quiet := time.Now()
	poll(w.t, time.Minute, func() (bool, string) {
		for _, n := range w.nodes {
			if n.Stats().Table.Lookups > 0 {
				quiet = time.Now()
			}
		}
		return time.Since(quiet) > 3*time.Second, "the network does not settle"
	})
}

func TestLookupSeq(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.net.Link = slow(20 * time.Millisecond)
		w.settled(scale(18))
		n, target := w.nodes[1], w.nodes[len(w.nodes)-1].Self()
		yieldsAsFound(t, n, target, min(16, len(w.nodes)-1))
		breakStopsLookup(t, n, target)
		endsWithContext(t, n, target)
		slowBodyLosesNothing(t, n, target, min(16, len(w.nodes)-1))
		meetsAll(t, n, len(w.nodes)-1)
	})
}

func yieldsAsFound(t *testing.T, n *UDP, target *enode.Node, atLeast int) {
	start := time.Now()
	var first time.Duration
	found := make(map[enode.ID]int)
	for o := range n.LookupSeq(context.Background(), target.PublicKey(), nil) {
		if len(found) == 0 {
			first = time.Since(start)
		}
		found[o.ID()]++
	}
	if whole := time.Since(start); first == 0 || first > whole/2 {
		t.Errorf("first node after %v of %v", first, whole)
	}
	if found[target.ID()] == 0 || len(found) < atLeast || found[n.Self().ID()] > 0 {
		t.Errorf("found %d nodes, the target among them %d times and the own %d times",
			len(found), found[target.ID()], found[n.Self().ID()])
	}
	for id, times := range found {
		if times > 1 {
			t.Errorf("%s came %d times", id.Short(), times)
		}
	}
}

func breakStopsLookup(t *testing.T, n *UDP, target *enode.Node) {
	for range n.LookupSeq(context.Background(), target.PublicKey(), nil) {
		break
	}
	before := n.Stats().Table
	if before.Lookups != 0 {
		t.Errorf("%d lookups under way after the loop", before.Lookups)
	}
	time.Sleep(time.Second)
	if asked := n.Stats().Table.Queries - before.Queries; asked != 0 {
		t.Errorf("%d nodes asked after the loop", asked)
	}
}

// endsWithContext ends the context in the body: what was found and not yielded
// is lost.
func endsWithContext(t *testing.T, n *UDP, target *enode.Node) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	count := 0
	for range n.LookupSeq(ctx, target.PublicKey(), nil) {
		count++
		time.Sleep(time.Second) // the lookup finds more meanwhile
		cancel()
	}
	if count != 1 {
		t.Errorf("%d nodes, expected one", count)
	}
}

// slowBodyLosesNothing takes its time for each node, and uses the node meanwhile.
func slowBodyLosesNothing(t *testing.T, n *UDP, target *enode.Node, atLeast int) {
	met := make(map[enode.ID]bool)
	for o := range n.LookupSeq(context.Background(), target.PublicKey(), nil) {
		met[o.ID()] = true
		time.Sleep(time.Second)
		if _, err := n.Ping(context.Background(), target); err != nil {
			t.Errorf("Ping in the body: %v", err)
		}
	}
	if len(met) < atLeast {
		t.Errorf("met %d of %d", len(met), atLeast)
	}
}

func meetsAll(t *testing.T, n *UDP, others int) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	met := make(map[enode.ID]bool)
	for o := range n.RandomNodes(ctx, nil) {
		if met[o.ID()] = true; len(met) == others {
			break
		}
	}
	if len(met) != others || met[n.Self().ID()] {
		t.Errorf("met %d of %d others in half a minute, itself: %v", len(met), others, met[n.Self().ID()])
	}
}

func TestFilterSeesRecords(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.net.Link = slow(5 * time.Millisecond)
		w.grow(9)
		var marked []enode.ID
		for i, n := range w.nodes {
			if i%3 == 0 {
				if err := n.LocalNode().Set("kith", rlp.AppendUint(nil, 7)); err != nil {
					t.Fatal(err)
				}
				marked = append(marked, n.Self().ID())
			}
		}
		w.filled(0.9, 1, 20*time.Second)
		isMarked := func(n *enode.Node) bool {
			if n.Record() == nil {
				return false
			}
			_, ok := n.Record().Get("kith")
			return ok
		}
		n := w.nodes[1]
		found := make(map[enode.ID]bool)
		start := time.Now()
		for o := range n.RandomNodes(context.Background(), isMarked) {
			if found[o.ID()] = true; !slices.Contains(marked, o.ID()) {
				t.Errorf("%v is not marked", o.IP())
			}
			if len(found) == len(marked) || time.Since(start) > time.Minute {
				break
			}
		}
		if len(found) != len(marked) {
			t.Errorf("%d of %d marked nodes came within a minute", len(found), len(marked))
		}
	})
}

// Who wants no more nodes than the table has causes no lookup, and a filter is heeded.
func TestRandomNodesKnown(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.settled(40)
		n := w.nodes[0]
		before := n.Stats().Table.LookupsDone
		var avoided enode.ID
		got := make(map[enode.ID]bool)
		for o := range n.RandomNodes(t.Context(), nil) {
			avoided = o.ID()
			if got[avoided] = true; len(got) == 5 {
				break
			}
		}
		count := 0
		for o := range n.RandomNodes(t.Context(), func(n *enode.Node) bool { return n.ID() != avoided }) {
			if o.ID() == avoided {
				t.Error("the filter is not heeded")
			}
			if count++; count == 8 {
				break
			}
		}
		if after := n.Stats().Table.LookupsDone; after != before {
			t.Errorf("%d lookups", after-before)
		}
	})
}

// A walk through a small network is one lookup each half second, and one through
// nothing slows down.
func TestRandomNodesPace(t *testing.T) {
	for _, c := range []struct {
		nodes    int
		walk     time.Duration
		min, max uint64 // lookups
	}{
		{nodes: 4, walk: 10 * time.Second, min: 20, max: 21},
		{nodes: 1, walk: 10 * time.Minute, min: 24, max: 29},
	} {
		inWorld(t, func(t *testing.T, w *world) {
			if c.nodes > 1 {
				w.settled(c.nodes)
			} else {
				w.grow(1)
			}
			n := w.nodes[0]
			if err := n.Refresh(context.Background()); err != nil {
				t.Error(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), c.walk)
			defer cancel()
			before := n.Stats().Table
			for range n.RandomNodes(ctx, nil) {
			}
			after := n.Stats().Table
			walked := after.LookupsDone - before.LookupsDone - 4*(after.Refreshes-before.Refreshes)
			if walked < c.min || walked > c.max {
				t.Errorf("%d nodes: %d lookups in %v, expected %d to %d", c.nodes, walked, c.walk, c.min, c.max)
			}
		})
	}
}
