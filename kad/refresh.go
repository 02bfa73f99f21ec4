package kad

import (
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
)

const (
	// refreshThin is the time between refreshes while the table is thin: often
	// enough that a network that comes back is found within a minute.
	refreshThin = 30 * time.Second

	// refreshFull is what the time between refreshes grows to. A table that
	// is full learns of newcomers from their own pings.
	refreshFull = 30 * time.Minute

	// refreshGrowing is the pause before the next refresh while each one still
	// makes the table a tenth larger, as it does when a whole network starts
	// together. It doubles each time; maxGrowing such refreshes follow each
	// other at most.
	refreshGrowing = 250 * time.Millisecond
	maxGrowing     = 6

	// refreshEmpty is the first pause after a refresh that left the table
	// empty. It doubles up to refreshThin, so that a bootnode that is just
	// starting is found soon and one that is down is not pestered.
	refreshEmpty = time.Second

	// refreshGap is the least time between the starts of two refreshes that a
	// draining table asks for.
	refreshGap = 5 * time.Second

	// thinBelow is the number of live entries under which a table is thin, and
	// asks the nodes of its Config again.
	thinBelow = BucketSize

	// maxSeeds is how many nodes of an earlier run are tried at a refresh of a
	// thin table.
	maxSeeds = 30

	// randomLookups is how many lookups for random targets, in buckets that have room,
	// go with the one for the own ID.
	randomLookups = 3

	// roomDraws is how many targets are drawn to find one in the bucket that is to be
	// looked into: as many as reach the eighth from afar as a rule, in which a network
	// has nodes enough to fill it from 4,000 on. Each costs a hash.
	roomDraws = 256
)

// refresher fills the table by lookups.
type refresher struct {
	next     time.Time
	started  time.Time
	running  int // lookups that the running refresh has still to end; 0 when none runs
	before   int // live entries when it started
	news     int // nodes with room for them that were heard of since its last lookup began
	interval time.Duration
	empty    time.Duration // next pause while the table is empty
	growing  int           // refreshes in a row that made the table grow
	again    bool          // another one is to follow at once
	settled  bool          // the last one did not make the table grow
	mark     int           // most live entries since the last one
	aimed    int           // the bucket with room that was looked into last
	waiting  []func()
}

// Refresh runs a refresh now, or joins the running one, and calls done at its end.
func (t *Table) Refresh(done func()) {
	r := &t.refresh
	if done != nil {
		r.waiting = append(r.waiting, done)
	}
	if r.running == 0 {
		r.growing = 0
		t.startRefresh()
	}
}

// Refreshing reports whether a refresh is under way.
func (t *Table) Refreshing() bool { return t.refresh.running > 0 }

func (t *Table) advanceRefresh() {
	if r := &t.refresh; r.running == 0 && !t.now.Before(r.next) {
		t.startRefresh()
	}
}

func (t *Table) startRefresh() {
	r := &t.refresh
	r.started = t.now
	r.before = t.live
	r.next = t.now.Add(refreshFull) // a bound; refreshLookupDone sets it
	t.stats.Refreshes++
	if t.cfg.Trace != nil {
		t.cfg.Trace(Event{Kind: EventRefresh, Time: t.now, Count: t.live})
	}
	start := t.startingNodes()
	for _, n := range start {
		t.AddFound(n)
	}
	r.running = 1 + randomLookups
	l := t.refreshLookup(Target{ID: t.cfg.Self, Key: t.cfg.SelfKey}, nil, start)
	if n := len(t.cfg.Bootnodes); n > 0 && !t.thin() {
		t.askBootnode(t.cfg.Bootnodes[t.cfg.Rand.IntN(n)], l)
	}
}

// askBootnode asks a bootnode what the lookup asks others. Half of a network that was
// split in two knows enough of its own never to look for the other, and lookups ask
// the nearest, which are of the own half: a bootnode has both.
func (t *Table) askBootnode(n *enode.Node, l *Lookup) {
	t.AddFound(n)
	t.stats.Queries++
	t.cfg.Transport.Findnode(n, l.target, func(nodes []*enode.Node, err error) {
		if err != nil {
			t.stats.QueriesFailed++
			return
		}
		for _, found := range nodes {
			t.AddFound(found)
		}
		if !l.finished {
			l.add(nodes, 1)
			l.pump()
		}
	})
}

// refreshLookup starts one of a refresh's lookups: to fill a bucket, or nil for that of the
// own ID. While the table grows it ends when it has filled that; later its aim is as well to
// meet others. Only those of the first refresh ask all of the closest, which have met few
// others then.
func (t *Table) refreshLookup(target Target, into *bucket, start []*enode.Node) *Lookup {
	r := &t.refresh
	r.news = 0
	l := t.startLookup(&Lookup{target: target, done: t.refreshLookupDone}, start)
	if l.brief = r.interval > 0 || r.growing > 0; r.interval == 0 {
		l.into = into
	}
	return l
}

// thin reports whether the table needs the nodes of its Config: it has few of
// its own, or none of these answers.
func (t *Table) thin() bool { return t.live < thinBelow || t.reval.away() }

// startingNodes are the nodes to begin from besides those of the table: some
// while it is thin, and those that were lost while the network was away. Of
// several endpoints of a node the first counts: a bootnode's is the one that
// somebody vouches for.
func (t *Table) startingNodes() []*enode.Node {
	var nodes []*enode.Node
	if t.thin() {
		nodes = slices.Clone(t.cfg.Bootnodes)
		if t.cfg.Seeder != nil {
			nodes = append(nodes, t.cfg.Seeder.Seeds(t.cfg.Rand, maxSeeds, t.now)...)
		}
	}
	return append(nodes, t.reval.lost...)
}

// refreshLookupDone goes on with the next lookup. They run one after the other:
// each begins with what the last has found, and a network that starts together
// does not choke on itself.
func (t *Table) refreshLookupDone([]*enode.Node) {
	r := &t.refresh
	if r.running--; r.running > 0 && t.refreshGoesOn() {
		target, into := t.targetWithRoom()
		t.refreshLookup(target, into, t.startingNodes())
		return
	}
	r.running = 0
	if t.live > 0 && !t.reval.away() && !r.again {
		t.reval.lost = nil
	}
	pause := t.refreshPause()
	if r.again {
		r.again, r.growing, pause = false, 0, refreshGrowing
	}
	r.mark = t.live
	r.next = t.now.Add(t.jitter(pause))
	waiting := r.waiting
	r.waiting = nil
	for _, done := range waiting {
		done()
	}
}

// refreshGoesOn reports whether another lookup is worth its packets. Once the table has
// stopped growing, a refresh ends with the second that brings nobody for whom there is
// room.
func (t *Table) refreshGoesOn() bool {
	r := &t.refresh
	return r.interval == 0 || r.running == randomLookups || r.news > 0 || t.thin()
}

// refreshPause decides how long to wait after the refresh that just ended.
func (t *Table) refreshPause() time.Duration {
	r := &t.refresh
	grew := t.live > r.before+r.before/10
	r.settled = !grew
	if t.live > 0 {
		r.empty = 0
	}
	switch {
	case grew && r.growing < maxGrowing:
		r.growing++
		r.interval = 0
		return refreshGrowing << (r.growing - 1)
	case t.live == 0:
		r.interval = 0
		r.empty = min(max(2*r.empty, refreshEmpty), refreshThin)
		return r.empty
	case t.thin() || grew:
		r.interval = refreshThin
	default:
		r.interval = min(max(2*r.interval, refreshThin), refreshFull)
	}
	if !grew {
		r.growing = 0
	}
	return r.interval
}

// grown counts a new entry.
func (t *Table) grown() {
	t.live++
	t.refresh.mark = max(t.refresh.mark, t.live)
}

// drained brings the next refresh forward when the table has lost half of its
// entries since the last one, or all.
func (t *Table) drained() {
	if t.live == 0 || t.live*2 < t.refresh.mark {
		t.refreshSoon()
	}
}

// refreshSoon brings the next refresh forward.
func (t *Table) refreshSoon() {
	r := &t.refresh
	if r.running > 0 {
		r.again = true
		return
	}
	r.mark = t.live
	r.interval, r.growing = 0, 0
	at := t.now
	if earliest := r.started.Add(refreshGap); at.Before(earliest) {
		at = earliest
	}
	if at.Before(r.next) {
		r.next = at
	}
}

// jitter spreads d by a tenth to either side, so that nodes that started
// together don't stay together.
func (t *Table) jitter(d time.Duration) time.Duration {
	return d - d/10 + time.Duration(t.cfg.Rand.Int64N(int64(d/5)+1))
}

// RandomTarget returns a target drawn evenly from the ID space. Its key is not
// a point of the curve, which no implementation of FINDNODE asks for.
func (t *Table) RandomTarget() Target {
	var key [64]byte
	for i := 0; i < len(key); i += 8 {
		v := t.cfg.Rand.Uint64()
		for j := range 8 {
			key[i+j] = byte(v >> (8 * j))
		}
	}
	return TargetOf(key)
}

// targetWithRoom returns a target in a bucket that has room, and that bucket; in each of
// them by turns, the farthest first. A lookup is told of nodes near its target, so that
// whoever asks for targets in his own half alone, as chance has it now and then, meets
// nobody of the other. If none has room, the target is anywhere and the bucket nil.
func (t *Table) targetWithRoom() (target Target, into *bucket) {
	i := t.nextWithRoom(t.refresh.aimed)
	if i < 0 {
		i = t.nextWithRoom(NumBuckets)
	}
	t.refresh.aimed = i
	for n := range roomDraws {
		drawn := t.RandomTarget()
		if i < 0 {
			return drawn, nil
		}
		b := &t.buckets[t.bucketIndex(drawn.ID)]
		if b == &t.buckets[i] {
			return drawn, b
		}
		if b.hasRoom() {
			target, into = drawn, b
		} else if n == 0 {
			target = drawn
		}
	}
	return target, into
}

// nextWithRoom returns the farthest bucket below another that has room, but for those that
// hold the 16 closest nodes known, which the lookup for the own ID finds; -1 if there is none.
func (t *Table) nextWithRoom(before int) int {
	known, next := 0, -1
	for i := range max(before, 0) {
		b := &t.buckets[i]
		if known += len(b.entries); known >= BucketSize && b.hasRoom() {
			next = i
		}
	}
	return next
}

// AddBootnode adds a node to begin from, in place of an earlier one with the
// same ID, and refreshes at once while the table is empty.
func (t *Table) AddBootnode(n *enode.Node) {
	list := slices.DeleteFunc(slices.Clone(t.cfg.Bootnodes), func(o *enode.Node) bool { return o.ID() == n.ID() })
	t.cfg.Bootnodes = append(list, n)
	switch {
	case t.live > 0:
	case t.refresh.running == 0:
		t.startRefresh()
	default: // the refresh under way began without it
		t.AddFound(n)
	}
}
