package sim

import (
	"fmt"
	"net/netip"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// The address limits that a table promises (kad/diversity.go).
const (
	netsPerBucket = 2
	netsPerTable  = 10
)

// maxPending bounds the requests that a host may have under way: its lookups' and its
// table's checks.
const maxPending = 4096

// Check reports the first rule that a host breaks: buckets within their bounds, no
// entry that never answered, no more nodes of one network than there may be, nobody
// in a wrong bucket or twice, and no more requests under way than there may be.
func (w *World) Check() error {
	for i, h := range w.hosts {
		if h.machine == nil {
			continue
		}
		if err := checkTable(h); err != nil {
			return fmt.Errorf("sim: seed %d, %v: host %d: %w", w.cfg.Seed, w.Now(), i, err)
		}
		if n := h.machine.Stats().Pending; n > maxPending {
			return fmt.Errorf("sim: seed %d, %v: host %d: %d requests under way", w.cfg.Seed, w.Now(), i, n)
		}
	}
	return nil
}

func checkTable(h *Host) error {
	table := make(map[netip.Prefix]int)
	seen := make(map[enode.ID]bool)
	for _, b := range h.machine.Table().Buckets() {
		if len(b.Entries) > kad.BucketSize || len(b.Replacements) > kad.MaxReplacements {
			return fmt.Errorf("bucket %d has %d entries and %d replacements", b.Distance, len(b.Entries), len(b.Replacements))
		}
		bucket := make(map[netip.Prefix]int)
		for i, n := range append(b.Entries, b.Replacements...) {
			id := n.Node.ID()
			d := enode.LogDist(h.node.ID(), id)
			switch p, limited := enode.Network(n.Node.IP()); {
			case i < len(b.Entries) && n.LastSeen.IsZero():
				return fmt.Errorf("entry %s has never answered", id.Short())
			case seen[id]:
				return fmt.Errorf("node %s is there twice", id.Short())
			case d != b.Distance && !(d < b.Distance && b.Distance == 257-kad.NumBuckets):
				return fmt.Errorf("node %s at distance %d is in the bucket of %d", id.Short(), d, b.Distance)
			case limited:
				bucket[p]++
				table[p]++
				if bucket[p] > netsPerBucket || table[p] > netsPerTable {
					return fmt.Errorf("%d nodes of %v in a bucket, %d in the table", bucket[p], p, table[p])
				}
			}
			seen[id] = true
		}
	}
	return nil
}
