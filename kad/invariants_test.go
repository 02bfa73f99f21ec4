package kad

import (
	"fmt"
	"slices"

	"github.com/kithnet/kith/enode"
)

// checkInvariants returns the first of the package's promises that t breaks.
// It counts everything anew, from the lists alone.
func checkInvariants(t *Table) error {
	seen := make(map[enode.ID]bool)
	live, all := 0, netCount{}
	for i := range t.buckets {
		b := &t.buckets[i]
		if len(b.entries) > BucketSize || len(b.replacements) > MaxReplacements {
			return fmt.Errorf("bucket %d has %d entries and %d replacements", i, len(b.entries), len(b.replacements))
		}
		live += len(b.entries)
		own := netCount{}
		for _, e := range slices.Concat(b.entries, b.replacements) {
			id := e.node.ID()
			switch {
			case seen[id]:
				return fmt.Errorf("node %s is there twice", id.Short())
			case id == t.cfg.Self:
				return fmt.Errorf("the own node is in bucket %d", i)
			case t.bucketIndex(id) != i:
				return fmt.Errorf("node %s is in bucket %d, belongs in %d", id.Short(), i, t.bucketIndex(id))
			case e.speaks > V4|V5 || (e.speaks != 0 && !e.live()):
				return fmt.Errorf("node %s, seen %v, speaks %d", id.Short(), e.lastSeen, e.speaks)
			case e.lastSeen > t.second() || e.added > t.second():
				return fmt.Errorf("node %s was added %v and seen %v, in the future", id.Short(), e.added, e.lastSeen)
			}
			seen[id] = true
			if p := networkOf(e.node.IP()); p != 0 {
				own.add(p)
				all.add(p)
			}
		}
		if err := sameCounts(b.nets, own, netsPerBucket); err != nil {
			return fmt.Errorf("bucket %d: %w", i, err)
		}
		for _, list := range [2][]entry{b.entries, b.replacements} {
			for _, e := range list {
				if e.head != headOf(e.node.ID()) {
					return fmt.Errorf("%s is looked for as %x", e.node.ID().Short(), e.head)
				}
			}
		}
		for _, e := range b.entries {
			if !e.live() {
				return fmt.Errorf("entry %s never answered", e.node.ID().Short())
			}
		}
		if len(b.entries) < BucketSize && slices.ContainsFunc(b.replacements, func(e entry) bool { return e.live() }) {
			return fmt.Errorf("bucket %d has %d entries and yet a live replacement", i, len(b.entries))
		}
	}
	var crowd crowded
	for _, n := range all {
		*crowd.at(network(n >> 8)) += uint8(n)
		if p := network(n >> 8); n&0xff > netsPerTable || t.inNet(p) != int(n&0xff) {
			return fmt.Errorf("network %x is counted %d times, is there %d times", p, t.inNet(p), n&0xff)
		}
	}
	if crowd != t.crowded {
		return fmt.Errorf("networks are counted as %v, are there as %v", t.crowded, crowd)
	}
	if live != t.live || live != t.Live() {
		return fmt.Errorf("live count is %d, entries are %d", t.live, live)
	}
	for _, l := range t.lookups {
		if err := checkOrder(l); err != nil {
			return err
		}
	}
	return checkQueues(t)
}

func sameCounts(have, want netCount, limit uint64) error {
	if len(have) != len(want) {
		return fmt.Errorf("%d networks are counted, %d are there", len(have), len(want))
	}
	for i, n := range want {
		if have[i] != n {
			return fmt.Errorf("network %x is counted %d times, network %x is there %d times", have[i]>>8, have[i]&0xff, n>>8, n&0xff)
		}
		if n&0xff > limit {
			return fmt.Errorf("network %x is there %d times, %d are allowed", n>>8, n&0xff, limit)
		}
	}
	return nil
}

// checkQueues checks the bounds of what is under way.
func checkQueues(t *Table) error {
	c := &t.checks
	switch {
	case c.running < 0 || c.running > maxChecksRunning:
		return fmt.Errorf("%d checks running", c.running)
	case len(c.pending) != c.running+len(c.queue):
		return fmt.Errorf("%d checks pending, of these %d running and %d queued", len(c.pending), c.running, len(c.queue))
	case c.running < maxChecksRunning && len(c.queue) > 0:
		return fmt.Errorf("%d checks queued while only %d run", len(c.queue), c.running)
	case len(t.lookups) > maxLookups+1:
		return fmt.Errorf("%d lookups", len(t.lookups))
	case t.refresh.running < 0 || t.refresh.running > 1+randomLookups:
		return fmt.Errorf("%d lookups of the refresh", t.refresh.running)
	}
	var checking [NumBuckets]int
	for _, p := range c.pending {
		checking[t.bucketIndex(p.node.ID())]++
	}
	for i, n := range checking {
		if n != int(t.buckets[i].checking) || n > BucketSize {
			return fmt.Errorf("bucket %d: %d checks pending, %d counted", i, n, t.buckets[i].checking)
		}
	}
	for _, l := range t.lookups {
		if err := checkLookup(l); err != nil {
			return err
		}
	}
	return nil
}

func checkOrder(l *Lookup) error {
	for i := 1; i < len(l.list); i++ {
		if enode.DistCmp(l.target.ID, l.list[i-1].node.ID(), l.list[i].node.ID()) >= 0 {
			return fmt.Errorf("a lookup's candidates are out of order")
		}
	}
	return nil
}

func checkLookup(l *Lookup) error {
	switch {
	case l.finished:
		return fmt.Errorf("a finished lookup is among those under way")
	case len(l.list) > maxCandidates || l.queries > maxQueries || len(l.results) > BucketSize:
		return fmt.Errorf("a lookup has %d candidates, %d queries, %d results", len(l.list), l.queries, len(l.results))
	case l.inflight > maxInflight || l.stalled > l.inflight || l.inflight-l.stalled > Alpha:
		return fmt.Errorf("a lookup has %d in flight, %d of them stalled", l.inflight, l.stalled)
	case l.inflight == 0 && l.fetching == 0:
		return fmt.Errorf("a lookup waits for nothing")
	}
	return nil
}
