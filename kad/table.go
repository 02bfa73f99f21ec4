package kad

import (
	"math"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/prefetch"
)

// Table is the Kademlia table of one node. See the package's documentation for
// the order of calls.
type Table struct {
	cfg     Config
	now     time.Time
	epoch   time.Time // of the first Advance: what stamps count from
	buckets [NumBuckets]bucket
	crowded crowded
	guests  guests
	live    int // entries in all buckets
	stats   Stats

	checks  checker
	fetches fetcher
	reval   revalidator
	refresh refresher

	begun     uint32 // lookups so far, refreshes' not counted
	lookups   []*Lookup
	queryTime time.Duration // average time of the queries that were answered
	nextStall time.Time     // when a query's slot is next taken; zero: none
}

// New returns an empty table. Its first Advance starts the first refresh.
func New(cfg Config) *Table {
	return &Table{cfg: cfg}
}

// Advance sets the time and runs what is due. Two machines that share the table
// both call it: once more with the same time does nothing, and an earlier time
// counts as the same.
func (t *Table) Advance(now time.Time) {
	if now.Before(t.now) {
		now = t.now
	}
	if t.now = now; t.epoch.IsZero() {
		t.epoch = now
	}
	t.advanceRevalidation()
	t.advanceRefresh()
	t.advanceStalls()
	t.runFetches()
}

// NextWake returns when Advance is due again.
func (t *Table) NextWake() time.Time {
	next := t.reval.next
	if t.refresh.running == 0 && t.refresh.next.Before(next) {
		next = t.refresh.next
	}
	if !t.nextStall.IsZero() && t.nextStall.Before(next) {
		next = t.nextStall
	}
	if f := &t.fetches; len(f.queue) > 0 && f.running < maxFetches && f.next.Before(next) {
		next = f.next
	}
	return next
}

// Prefetch asks for what Advance looks at (see package prefetch).
func (t *Table) Prefetch() {
	prefetch.Value(&t.now)
	prefetch.Value(&t.epoch)
	prefetch.Value(&t.fetches)
	prefetch.Value(&t.reval)
	prefetch.Value(&t.refresh)
	prefetch.Value(&t.nextStall)
}

// PrefetchBucket asks for the bucket that a node is in, or would be: first for where its
// lists are, then, some time after, for these.
func (t *Table) PrefetchBucket(id enode.ID, lists bool) {
	b := &t.buckets[t.bucketIndex(id)]
	if !lists {
		prefetch.Value(b)
		return
	}
	prefetch.Slice(b.entries, math.MaxInt)
	prefetch.Slice(b.replacements, math.MaxInt)
}

// AddFound tells the table of a node that somebody else spoke of. It is checked
// at once when its bucket has room besides those that are checked already, and waits
// among the replacements otherwise.
func (t *Table) AddFound(n *enode.Node) {
	if n.ID() == t.cfg.Self {
		return
	}
	b, e, _ := t.lookupEntry(n.ID())
	if e != nil {
		return // what a third party says of a known node changes nothing
	}
	if t.checks.has(n.ID()) {
		return
	}
	switch p := networkOf(n.IP()); {
	case !t.hasRoomForNet(b, p, t.checksOfNet(b, p)):
		t.stats.DroppedDiversity++
	case len(b.entries) < BucketSize && t.without(Liveness):
		t.countNet(b, p)
		t.addEntry(b, t.newEntry(n, 0, V4|V5))
	case b.hasRoom():
		t.enqueueCheck(b, n)
	case t.addReplacement(b, n, 0, 0):
		t.countNet(b, p)
	}
}

// AddLive tells the table of a node that has just answered this one, at n's
// endpoint, by the protocol via; 0 says nothing of a protocol. It joins its
// bucket's entries when there is room, and waits among the replacements otherwise.
func (t *Table) AddLive(n *enode.Node, via Protocol) {
	if n.ID() == t.cfg.Self {
		return
	}
	t.answered(n.ID())
	b, e, isEntry := t.lookupEntry(n.ID())
	if e == nil {
		t.addLive(b, n, via)
		return
	}
	if e = t.moveEndpoint(b, e, n); e == nil {
		return
	}
	b.touch(e, t.second(), via)
	if !isEntry {
		t.fillFromReplacements(b)
	}
}

func (t *Table) addLive(b *bucket, n *enode.Node, via Protocol) {
	p := networkOf(n.IP())
	if !t.addNetLive(b, p) {
		return
	}
	if len(b.entries) < BucketSize {
		t.addEntry(b, t.newEntry(n, t.second(), via))
	} else if !t.addReplacement(b, n, t.second(), via) {
		t.removeNet(b, p)
	}
}

// moveEndpoint follows a known node to the endpoint that it answered from, and returns
// where its entry is now. If that endpoint is in a network that has its share already, it
// returns nil and leaves the node where it was.
func (t *Table) moveEndpoint(b *bucket, e *entry, n *enode.Node) *entry {
	newer := n.Seq() > e.node.Seq() || e.node.Record() == nil
	if e.node.IP() == n.IP() && e.node.UDP() == n.UDP() {
		if newer && (n.Record() != nil || e.node.TCP() != n.TCP()) {
			t.setNode(e, n)
		}
		return e
	}
	was, seen := networkOf(e.node.IP()), e.lastSeen
	t.removeNet(b, was)
	e.lastSeen = t.second() // it is not hearsay itself, which makes room
	moved := t.addNetLive(b, networkOf(n.IP()))
	_, e, _ = t.lookupEntry(n.ID())
	if !moved {
		e.lastSeen = seen
		t.countNet(b, was) // back where it just was
		return nil
	}
	if !newer {
		n = e.node.WithEndpoint(n.IP(), n.UDP())
	}
	t.setNode(e, n)
	return e
}

func (t *Table) setNode(e *entry, n *enode.Node) {
	e.node = n
	t.trace(EventUpdated, n)
}

// UpdateRecord gives the table a node's newer record. The endpoint that the
// node answered from stays: a record says where a node wants to be reached, an
// answer where it was.
func (t *Table) UpdateRecord(n *enode.Node) {
	_, e, _ := t.lookupEntry(n.ID())
	if e == nil || n.Record() == nil || (e.node.Record() != nil && n.Seq() <= e.node.Seq()) {
		return
	}
	t.setNode(e, n.WithEndpoint(e.node.IP(), e.node.UDP()))
}

// Node returns what the table knows of a node, and whether it is a live entry.
func (t *Table) Node(id enode.ID) (n *enode.Node, live bool) {
	_, e, isEntry := t.lookupEntry(id)
	if e == nil {
		return nil, false
	}
	return e.node, isEntry
}

// Known returns what the table knows of an entry or replacement, nil of others.
func (t *Table) Known(id enode.ID) *enode.Node {
	n, _ := t.Node(id)
	return n
}

// Live returns the number of entries in all buckets.
func (t *Table) Live() int { return t.live }

// Buckets describes the table, nearest bucket first.
func (t *Table) Buckets() []BucketInfo {
	out := make([]BucketInfo, NumBuckets)
	for i := range t.buckets {
		b := &t.buckets[i]
		out[i] = BucketInfo{
			Distance:     256 - NumBuckets + 1 + i,
			Entries:      t.infos(b.entries),
			Replacements: t.infos(b.replacements),
		}
	}
	return out
}

func (t *Table) infos(list []entry) []NodeInfo {
	out := make([]NodeInfo, len(list))
	for i := range list {
		out[i] = t.info(&list[i])
	}
	return out
}

// Stats returns the counters.
func (t *Table) Stats() Stats {
	s := t.stats
	s.Entries = t.live
	for i := range t.buckets {
		s.Replacements += len(t.buckets[i].replacements)
	}
	s.Checks = len(t.checks.pending)
	s.Lookups = len(t.lookups)
	return s
}

func (t *Table) trace(kind EventKind, n *enode.Node) {
	if t.cfg.Trace != nil {
		t.cfg.Trace(Event{Kind: kind, Time: t.now, Node: n, Bucket: t.bucketIndex(n.ID())})
	}
}
