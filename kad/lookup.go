package kad

import (
	"cmp"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
)

const (
	// maxLookups bounds the lookups under way, refreshes apart.
	maxLookups = 64

	// maxQueries bounds the nodes that one lookup asks. An honest lookup asks
	// 20 to 40; a liar that invents ever closer nodes is cut off here.
	maxQueries = 128

	// maxCandidates bounds the candidates kept: six times k leaves enough
	// behind the closest when many of them fail.
	maxCandidates = 6 * BucketSize

	// maxInflight bounds the queries of a lookup that wait for an answer,
	// those that were given up a slot for being slow included.
	maxInflight = 3 * Alpha

	// enoughDry is after how many answers in a row that named nobody new a refresh's
	// lookup ends: two rounds. The rest of the 16 closest would say the same again. One
	// that is to fill a bucket ends after enoughNoRoom that named nobody for whom the
	// table has room.
	enoughDry    = 2 * Alpha
	enoughNoRoom = Alpha

	// stallMin and stallMax bound the time after which a query no longer holds
	// its slot. Between them it is three times what answers take on average.
	stallMin = 50 * time.Millisecond
	stallMax = 400 * time.Millisecond
)

// LookupOptions say what to hear of a lookup. Callbacks must not call the table.
type LookupOptions struct {
	// Filter chooses the nodes that count as results. It is called once for
	// each node that answered, after its record was asked for; a node that
	// didn't send one has a nil Record. All nodes serve as steps on the way.
	Filter func(*enode.Node) bool
	// Found hears of each result as soon as it is known.
	Found func(*enode.Node)
	// Trace hears of each query that ended.
	Trace func(Hop)
}

// Hop is one query of a lookup.
type Hop struct {
	Node     *enode.Node
	Depth    int           // steps from the own table
	Distance int           // log2 distance of Node from the target
	Returned int           // nodes in the answer
	Heard    []*enode.Node // of these not heard of before in this lookup, and near enough to matter
	Took     time.Duration
	Err      error
}

type candidateState uint8

const (
	unasked candidateState = iota
	waiting
	answered
	failed
)

// candidate is a node that a lookup has heard of. It sits in the list: a lookup
// hears of hundreds, and asks 30.
type candidate struct {
	dist    uint64 // the first 64 bits of its distance from the target
	node    *enode.Node
	asked   stamp
	depth   int32
	state   candidateState
	stalled bool
}

// Lookup is an iterative search for the 16 nodes closest to a target
// (discv4.md, "Recursive Lookup"): ask the closest nodes known for closer ones,
// three at a time, until the 16 closest have been asked.
type Lookup struct {
	t        *Table
	number   uint32 // 0: a refresh's
	target   Target
	opts     LookupOptions
	done     func([]*enode.Node)
	list     []candidate   // sorted by distance from the target
	heard    []*enode.Node // those that add found to be new, if there is a Trace
	into     *bucket       // what a refresh's lookup is to fill: it ends when there is no more room
	results  []*enode.Node // that passed the filter, sorted, at most 16
	queries  int
	replies  int
	dry      int  // answers in a row that named nobody new, or for whom there is room
	brief    bool // it is a refresh's, and ends when answers don't
	fallback bool // the starting nodes were added, as nobody replied
	inflight int
	stalled  int
	fetching int // records being fetched for the filter
	finished bool
}

// Lookup starts a lookup from the closest nodes of the table or, if none of
// these answers, from the bootnodes and seeds. done gets up to 16 nodes that
// answered and passed the filter, closest first; it is called exactly once,
// from within this call if there is nobody to ask. ErrBusy says that 64 lookups
// are under way.
func (t *Table) Lookup(target Target, opts LookupOptions, done func([]*enode.Node)) (*Lookup, error) {
	if len(t.lookups)-min(t.refresh.running, 1) >= maxLookups {
		return nil, ErrBusy
	}
	t.begun++
	return t.startLookup(&Lookup{number: t.begun, target: target, opts: opts, done: done}, nil), nil
}

// startLookup starts l, which says what to look for, from the table and the nodes given.
func (t *Table) startLookup(l *Lookup, start []*enode.Node) *Lookup {
	l.t, l.fallback = t, start != nil
	t.lookups = append(t.lookups, l)
	l.add(t.Closest(nil, l.target.ID, BucketSize, 0, nil), 0)
	l.add(start, 0)
	l.pump()
	return l
}

// Cancel ends the lookup with what it has.
func (l *Lookup) Cancel() { l.finish() }

// add merges nodes into the candidates and returns how many were new.
func (l *Lookup) add(nodes []*enode.Node, depth int) (fresh int) {
	for _, n := range nodes {
		id := n.ID()
		i, known := l.find(id)
		if known || i >= maxCandidates || id == l.t.cfg.Self {
			continue // one that was dropped is too far again
		}
		if p, yes := l.guest(n); yes && !l.t.welcome(p, headOf(id)) {
			continue
		}
		fresh++
		if l.opts.Trace != nil {
			l.heard = append(l.heard, n)
		}
		if len(l.list) >= maxCandidates {
			l.dropFarthest()
		} else if len(l.list) == cap(l.list) {
			l.list = slices.Grow(l.list, min(max(2*BucketSize, len(l.list)), maxCandidates-len(l.list)))
		}
		l.list = slices.Insert(l.list, i, candidate{dist: l.dist(id), node: n, depth: int32(depth)})
	}
	return fresh
}

func (l *Lookup) dist(id enode.ID) uint64 { return headOf(id) ^ headOf(l.target.ID) }

// find returns where in the list a node is or would be, and whether it is there.
func (l *Lookup) find(id enode.ID) (int, bool) {
	dist := l.dist(id)
	return slices.BinarySearchFunc(l.list, dist, func(c candidate, dist uint64) int {
		if c.dist != dist {
			return cmp.Compare(c.dist, dist)
		}
		return enode.DistCmp(l.target.ID, c.node.ID(), id)
	})
}

// dropFarthest forgets a candidate that is too far to matter, and takes the
// slot from it if it has one.
func (l *Lookup) dropFarthest() {
	last := len(l.list) - 1
	if c := &l.list[last]; c.state == waiting && !c.stalled {
		l.stalled++
	}
	l.list = l.list[:last]
}

// pump asks the next nodes while slots are free, and ends the lookup when the
// 16 closest that did not fail have answered.
func (l *Lookup) pump() {
	if l.finished {
		return
	}
	if l.toldEnough() {
		l.finish()
		return
	}
	open, rank := false, 0
	for i := 0; i < len(l.list) && rank < BucketSize; i++ {
		c := &l.list[i]
		switch c.state {
		case failed:
			continue
		case waiting:
			open = true
			if c.stalled { // perhaps dead: its place is tried to fill already
				continue
			}
		case unasked:
			if l.queries < maxQueries {
				if l.inflight-l.stalled < Alpha && l.inflight < maxInflight {
					if l.turnsAway(c.node) {
						c.state = failed
						continue
					}
					l.ask(c)
				}
				open = true
			}
		}
		rank++
	}
	switch {
	case open || l.fetching > 0:
	case l.replies == 0 && !l.fallback:
		l.fallback = true
		l.add(l.t.startingNodes(), 0)
		l.pump()
	default:
		l.finish()
	}
}

// toldEnough reports whether the lookup is one of a refresh that need not go on.
func (l *Lookup) toldEnough() bool {
	if l.into == nil {
		return l.brief && l.dry >= enoughDry
	}
	return !l.into.hasRoom() || (l.brief && l.dry >= enoughNoRoom)
}

func (l *Lookup) ask(c *candidate) {
	c.state = waiting
	c.asked = l.t.stamp()
	l.queries++
	l.inflight++
	l.t.stats.Queries++
	l.t.wakeForStall(c)
	n, depth, asked := c.node, int(c.depth), c.asked
	l.t.cfg.Transport.Findnode(n, l.target, func(nodes []*enode.Node, err error) {
		l.inflight--
		state := answered
		if err != nil {
			state = failed
		}
		if i, ok := l.find(n.ID()); !ok {
			l.stalled-- // dropped meanwhile, and its slot taken
		} else {
			if l.list[i].stalled {
				l.stalled--
			}
			l.list[i].state = state
		}
		l.answer(n, depth, time.Duration(l.t.stamp()-asked), nodes, err)
	})
}

// answer takes the outcome of a query of n.
func (l *Lookup) answer(n *enode.Node, depth int, took time.Duration, nodes []*enode.Node, err error) {
	t, news := l.t, l.t.refresh.news
	hop := Hop{Node: n, Depth: depth, Distance: enode.LogDist(l.target.ID, n.ID()), Returned: len(nodes), Took: took, Err: err}
	if err != nil {
		t.stats.QueriesFailed++
		t.guests.leave(n)
		if _, e, isEntry := t.lookupEntry(n.ID()); isEntry {
			t.revalidate(e, false) // it may be dead: find out at once
		}
	} else {
		l.replies++
		t.AddLive(n, t.cfg.Via)
		t.observeQuery(took)
		for _, found := range nodes {
			t.AddFound(found)
		}
	}
	if l.finished {
		return
	}
	if err == nil {
		l.heard = nil
		told := l.add(nodes, depth+1) > 0
		if l.into != nil {
			told = t.refresh.news != news
		}
		if l.dry++; told {
			l.dry = 0
		}
		hop.Heard = l.heard
		l.result(n)
	}
	if l.opts.Trace != nil {
		l.opts.Trace(hop)
	}
	l.pump()
}

// result offers a node that answered to the filter, with its record.
func (l *Lookup) result(n *enode.Node) {
	if l.turnsAway(n) { // others of its network have answered since it was asked
		if i, ok := l.find(n.ID()); ok {
			l.list[i].state = failed
		}
		return
	}
	_, e, _ := l.t.lookupEntry(n.ID())
	if e != nil && e.live() && e.node.Seq() >= n.Seq() {
		n = e.node
	}
	if l.opts.Filter == nil || n.Record() != nil || (e != nil && l.t.second() < e.fetchAfter) {
		l.accept(n)
		return
	}
	l.fetching++
	l.t.cfg.Transport.RequestENR(n, func(full *enode.Node, err error) {
		l.fetching--
		if err == nil {
			l.t.UpdateRecord(full)
			n = full.WithEndpoint(n.IP(), n.UDP())
		} else if _, e, _ := l.t.lookupEntry(n.ID()); e != nil {
			e.fetchAfter = l.t.second() + second(recordRetry/time.Second)
		}
		if !l.finished {
			l.accept(n)
			l.pump()
		}
	})
}

func (l *Lookup) accept(n *enode.Node) {
	if l.opts.Filter != nil && !l.opts.Filter(n) {
		return
	}
	l.results = insertClosest(l.results, 0, n, l.target.ID, BucketSize)
	if l.opts.Found != nil {
		l.opts.Found(n)
	}
}

func (l *Lookup) finish() {
	if l.finished {
		return
	}
	l.finished = true
	t := l.t
	if i := slices.Index(t.lookups, l); i >= 0 {
		t.lookups = slices.Delete(t.lookups, i, i+1)
	}
	t.stats.LookupsDone++
	if t.cfg.Trace != nil {
		t.cfg.Trace(Event{Kind: EventLookup, Time: t.now, Count: len(l.results)})
	}
	l.done(l.results)
}

// AddLate takes nodes that came after the end of the query that asked for them:
// the rest of an answer in several packets that arrived out of order.
func (t *Table) AddLate(from *enode.Node, nodes []*enode.Node) {
	for _, n := range nodes {
		t.AddFound(n)
	}
	for _, l := range slices.Clone(t.lookups) {
		if i, ok := l.find(from.ID()); ok && l.list[i].state == answered {
			l.add(nodes, int(l.list[i].depth)+1)
			l.pump()
		}
	}
}
