package sim

import (
	"cmp"
	"net/netip"
	"sync"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/peering"
)

// What tables promise about networks (kad/diversity.go), machines about memory
// (discv4/calls.go, discv4/peers.go, discv5/link.go, discv5/gate.go, discmux/try.go,
// kad/check.go, kad/lookup.go), and peering about its queues. They are written down a
// second time, so that a change there is noticed here.
const (
	netsPerBucket = 2
	netsPerTable  = 10
	maxPending    = 2048
	maxProven     = 4096
	maxSessions   = 1024
	maxChallenges = 3 * 4096
	maxTries      = 16
	maxChecks     = 17 * 16
	maxLookups    = 64 + 1 // and a refresh's
	maxQueued     = 128
	maxDials      = 16
)

// How long a table may be empty while a bootnode can be reached: that many refreshes
// that fail are no bad luck. With many hosts a bootnode's budget for strangers is a
// queue, of which it serves a hundred a second and more.
const (
	strandedAfter   = 10 * time.Minute
	strandedPerHost = 10 * time.Millisecond
)

// checks is what a host's checks keep from one to the next.
type checks struct {
	broken  *Broken
	turn    uint32
	empty   int64 // since when it is stranded; 0: it is not
	spoofed map[netip.AddrPort]*ledger
	names   []netip.AddrPort // of these
}

// Check reports the first rule that is broken, as a [*Broken], or nil. Run does so
// every [Config].CheckEvery.
func (w *World) Check() error {
	if w.broken != nil {
		return w.broken
	}
	found := make([]*Broken, len(w.workers))
	var wg sync.WaitGroup
	for k := range w.workers {
		wg.Go(func() {
			c := new(checker)
			for i := k; i < len(w.hosts); i += len(w.workers) {
				c.check(w.hosts[i])
				w.hosts[i].m.Trim()
				if b := w.hosts[i].checks.broken; b != nil && b.before(found[k]) {
					found[k] = b
				}
			}
		})
	}
	wg.Wait()
	var first *Broken
	for _, b := range found {
		if b != nil && b.before(first) {
			first = b
		}
	}
	if first == nil {
		return nil
	}
	return first
}

// before orders what was found by time and host, whoever found it.
func (b *Broken) before(o *Broken) bool {
	return o == nil || b.At < o.At || b.At == o.At && b.Host < o.Host
}

// checker checks hosts, one after the other.
type checker struct {
	h        *Host
	distance int
	entries  int // of the bucket at hand
	replaced int
	ids      [kad.BucketSize + kad.MaxReplacements]uint64 // of the bucket, their first bytes
	nets     netCounts
}

func (c *checker) check(h *Host) {
	if h.m.Table == nil || h.checks.broken != nil {
		h.checks.empty = 0
		return
	}
	h.at = h.world.now
	c.h, c.distance = h, 0
	c.nets.reset()
	h.m.Table.Visit(kad.Entries|kad.Replacements, func(distance int, entry bool, n kad.NodeInfo) bool {
		c.node(distance, entry, &n)
		return h.checks.broken == nil
	})
	h.bounds()
	h.strandedFor(h.m.Table.Live())
	h.amplified()
}

// node checks one of a table.
func (c *checker) node(distance int, entry bool, n *kad.NodeInfo) {
	h, id := c.h, n.Node.ID()
	if distance != c.distance {
		c.distance, c.entries, c.replaced = distance, 0, 0
		c.nets.nextBucket()
	}
	count, most, what := &c.replaced, kad.MaxReplacements, "replacements"
	if entry {
		count, most, what = &c.entries, kad.BucketSize, "entries"
	}
	if *count++; *count > most {
		h.breaks(RuleBucket, "the bucket of %d has more than %d %s", distance, most, what)
		return
	}
	if entry && n.LastSeen.IsZero() && h.spec.Without&Liveness == 0 {
		h.breaks(RuleLiveness, "entry %s has never answered", id.Short())
	}
	d := enode.LogDist(h.node.ID(), id)
	if d != distance && !(d < distance && distance == 257-kad.NumBuckets) {
		h.breaks(RuleBucket, "node %s at distance %d is in the bucket of %d", id.Short(), d, distance)
	}
	word := first8(id)
	at := c.entries + c.replaced - 1
	for _, other := range c.ids[:at] {
		if other == word {
			h.breaks(RuleBucket, "node %s is there twice", id.Short())
		}
	}
	c.ids[at] = word
	if h.spec.Without&Diversity != 0 {
		return
	}
	if table, bucket := c.nets.add(n.Node.IP()); bucket > netsPerBucket || table > netsPerTable {
		p, _ := enode.Network(n.Node.IP())
		h.breaks(RuleDiversity, "%d nodes of %v in a bucket, %d in the table", bucket, p, table)
	}
}

// bounds checks what a machine keeps.
func (h *Host) bounds() {
	over := func(what string, n, most int) {
		if n > most {
			h.breaks(RuleBounds, "%d %s, at most %d", n, what, most)
		}
	}
	if h.m.V4 != nil {
		s := h.m.V4.Stats()
		over("requests under way by v4", s.Pending, maxPending)
		over("proofs", s.Proven, maxProven)
	}
	if h.m.V5 != nil {
		s := h.m.V5.Stats()
		over("requests under way by v5", s.Pending, maxPending)
		over("sessions", s.Sessions, cmp.Or(max(h.spec.Limits5.Sessions, 0), maxSessions))
		over("challenges", s.Challenges, cmp.Or(max(3*h.spec.Limits5.ChallengesPerSecond, 0), maxChallenges))
	}
	t := h.m.Table.Stats()
	over("checks", t.Checks, maxChecks)
	over("lookups", t.Lookups, maxLookups)
	if h.speaks == bothProtocols {
		over("tries by another protocol", h.m.Stats().Trying, maxTries)
	}
	if h.server == nil {
		return
	}
	p := h.Peering()
	spec := h.spec.Server
	apart := len(spec.Static) + len(spec.Trusted) // places of their own
	all, _ := h.Places()
	pending := spec.MaxPending
	if pending == 0 {
		pending = peering.DefaultMaxPending
	}
	over("peers", p.Peers, all+apart)
	over("nodes to dial", p.Queued, maxQueued)
	over("dials", p.Dialing, maxDials)
	over("handshakes", p.Pending, pending)
}

// strandedFor checks that a host whose table is empty is not left so.
func (h *Host) strandedFor(entries int) {
	w := h.world
	if entries > 0 || !h.couldJoin() {
		h.checks.empty = 0
		return
	}
	if h.checks.empty == 0 {
		h.checks.empty = w.now
	}
	limit := strandedAfter + time.Duration(len(w.hosts))*strandedPerHost
	if alone := time.Duration(w.now - h.checks.empty); alone > limit {
		h.breaks(RuleStranded, "its table has been empty for %v, and a bootnode is there", alone)
	}
}

// couldJoin reports whether a bootnode of the host runs and can be reached.
func (h *Host) couldJoin() bool {
	w := h.world
	for _, b := range h.spec.Bootnodes {
		sameKind := h.spec.Addr.Addr().Is4() == b.spec.Addr.Addr().Is4()
		if b.m.Table != nil && b.speaks&h.speaks != 0 && b != h && b.nat == nil && sameKind && !w.apart(h, b) && !w.apart(b, h) {
			return w.cfg.Link.Loss <= 0.5
		}
	}
	return false
}
