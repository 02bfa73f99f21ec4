package kad

import (
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/secp"
)

var errNoAnswer = errors.New("no answer")

// world is a network in memory with its own time: one table under test, and
// fake nodes that it reaches through world's Transport methods. There are no
// goroutines: questions are queued with their outcome, and run drives the table
// as its contract says.
type world struct {
	tb      testing.TB
	t       *Table
	now     time.Time
	rng     *rand.Rand // of the world, apart from the table's
	events  eventHeap
	seq     uint64
	peers   map[enode.ID]*peer
	order   []*peer
	away    bool // the network under test's own node is cut off
	check   bool // invariants after every step
	rtt     time.Duration
	timeout time.Duration
	trace   func(Event)

	pings, fetches, queries []*enode.Node // asked, in order, while recording
	targets                 []Target      // of the queries
	recording               bool
	inflight                int // questions without an outcome yet
}

// peer is a fake node.
type peer struct {
	node    *enode.Node
	table   []*enode.Node
	key     *secp.PrivateKey // only those with a record
	dead    bool
	noENR   bool          // never answers ENRREQUEST
	seq     uint64        // announced in PONGs; 0: its record's
	latency time.Duration // 0: the world's
	answer  func(target enode.ID) []*enode.Node
}

type event struct {
	at  time.Time
	seq uint64
	run func()
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}

// worldStart is when every world begins.
var worldStart = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x6b616465)) }

// newWorld makes a world with an empty table that has not been advanced yet.
func newWorld(tb testing.TB, seed uint64, options ...func(*Config)) *world {
	w := &world{
		tb: tb, now: worldStart, rng: newRand(seed ^ 0x776f726c64), check: true,
		rtt: 20 * time.Millisecond, timeout: 700 * time.Millisecond,
		peers: make(map[enode.ID]*peer),
	}
	key := randomKey(w.rng)
	cfg := Config{
		Self: enode.PubkeyID(&key), SelfKey: key, Transport: w, Rand: newRand(seed),
		Trace: func(e Event) {
			if w.trace != nil {
				w.trace(e)
			}
		},
	}
	for _, o := range options {
		o(&cfg)
	}
	w.t = New(cfg)
	return w
}

func randomKey(rng *rand.Rand) (key secp.PublicKey) {
	for i := 0; i < len(key); i += 8 {
		binary.BigEndian.PutUint64(key[i:], rng.Uint64())
	}
	return key
}

// publicIP returns the i-th of addresses that are each in a /24 of their own.
func publicIP(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(20 + i>>16), byte(i >> 8), byte(i), 1})
}

// newNode makes a node without a record at an address.
func (w *world) newNode(ip netip.Addr) *enode.Node {
	return enode.NewV4(randomKey(w.rng), ip, 30303, 30303)
}

// newNodeIn makes a node that belongs in a bucket of the table.
func (w *world) newNodeIn(bucket int, ip netip.Addr) *enode.Node {
	for range 1 << 20 {
		if n := w.newNode(ip); w.t.bucketIndex(n.ID()) == bucket {
			return n
		}
	}
	w.tb.Fatalf("no ID for bucket %d found", bucket)
	return nil
}

// add puts a live node into the world. The table doesn't hear of it by that.
func (w *world) add(n *enode.Node) *peer {
	p := &peer{node: n}
	w.peers[n.ID()] = p
	w.order = append(w.order, p)
	return p
}

// addIn adds a node for a bucket, in a /24 of its own.
func (w *world) addIn(bucket int) *peer {
	return w.add(w.newNodeIn(bucket, publicIP(len(w.order))))
}

// addWithRecord adds a node for a bucket that has a signed record.
func (w *world) addWithRecord(bucket int, seq uint64) *peer {
	for range 1 << 12 {
		key, err := secp.ReadKey(chacha(w.rng.Uint64()))
		if err != nil {
			w.tb.Fatal(err)
		}
		pub := key.Public()
		if w.t.bucketIndex(enode.PubkeyID(&pub)) != bucket {
			continue
		}
		p := w.add(signed(w.tb, key, publicIP(len(w.order)), seq))
		p.key = key
		return p
	}
	w.tb.Fatalf("no key for bucket %d found", bucket)
	return nil
}

func chacha(seed uint64) *rand.ChaCha8 {
	var b [32]byte
	binary.BigEndian.PutUint64(b[:], seed)
	return rand.NewChaCha8(b)
}

// signed makes a node with a record.
func signed(tb testing.TB, key *secp.PrivateKey, ip netip.Addr, seq uint64) *enode.Node {
	r, err := new(enr.Builder).SetIP(ip).SetUDP(30303).SetTCP(30303).Sign(key, seq)
	if err != nil {
		tb.Fatal(err)
	}
	n, err := enode.FromRecord(r)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// bare is a node as NEIGHBORS tell of it: without its record.
func bare(n *enode.Node) *enode.Node {
	if n.Record() == nil {
		return n
	}
	return enode.NewV4(n.PublicKey(), n.IP(), n.TCP(), n.UDP())
}

// ask queues the outcome of a question to n: answer when the node is there and
// answers, fail after the timeout. Whether it is there is seen at the end.
func (w *world) ask(n *enode.Node, answer func(*peer), fail func()) {
	p := w.peers[n.ID()]
	reachable := func() bool {
		return p != nil && !p.dead && !w.away && p.node.IP() == n.IP() && p.node.UDP() == n.UDP()
	}
	w.inflight++
	if !reachable() {
		w.after(w.timeout, func() { w.inflight--; fail() })
		return
	}
	latency := p.latency
	if latency == 0 { // spread by half to either side
		latency = w.rtt/2 + time.Duration(w.rng.Int64N(int64(w.rtt)))
	}
	w.after(latency, func() {
		if reachable() {
			w.inflight--
			answer(p)
			return
		}
		w.after(w.timeout-latency, func() { w.inflight--; fail() })
	})
}

func (w *world) after(d time.Duration, run func()) {
	w.seq++
	heap.Push(&w.events, event{w.now.Add(d), w.seq, run})
}

func (w *world) Ping(n *enode.Node, done func(uint64, error)) {
	if w.recording {
		w.pings = append(w.pings, n)
	}
	w.ask(n, func(p *peer) { done(max(p.seq, p.node.Seq()), nil) }, func() { done(0, errNoAnswer) })
}

func (w *world) RequestENR(n *enode.Node, done func(*enode.Node, error)) {
	if w.recording {
		w.fetches = append(w.fetches, n)
	}
	fail := func() { done(nil, errNoAnswer) }
	w.ask(n, func(p *peer) {
		if p.noENR || p.node.Record() == nil {
			w.inflight++
			w.after(w.timeout, func() { w.inflight--; fail() })
			return
		}
		done(p.node, nil)
	}, fail)
}

func (w *world) Findnode(n *enode.Node, target Target, done func([]*enode.Node, error)) {
	if w.recording {
		w.queries = append(w.queries, n)
		w.targets = append(w.targets, target)
	}
	w.ask(n, func(p *peer) {
		if p.answer != nil {
			done(p.answer(target.ID), nil)
			return
		}
		nodes := trueClosest(p.table, target.ID)
		for i := range nodes {
			nodes[i] = bare(nodes[i])
		}
		done(nodes, nil)
	}, func() { done(nil, errNoAnswer) })
}

// trueClosest returns the 16 of nodes that are closest to target: the oracle.
func trueClosest(nodes []*enode.Node, target enode.ID) []*enode.Node {
	nodes = slices.Clone(nodes)
	slices.SortFunc(nodes, func(a, b *enode.Node) int { return enode.DistCmp(target, a.ID(), b.ID()) })
	return nodes[:min(len(nodes), BucketSize)]
}

// maxIdleWakes is how often in a row NextWake may name the present instant
// before the table counts as stuck in a busy loop.
const maxIdleWakes = 64

// runFor lets d pass.
func (w *world) runFor(d time.Duration) { w.runUntil(d, func() bool { return false }) }

// runUntil lets time pass until stop agrees, d at most, and reports whether it did.
func (w *world) runUntil(d time.Duration, stop func() bool) bool {
	w.tb.Helper()
	end := w.now.Add(d)
	idle := 0
	for {
		w.t.Advance(w.now)
		w.verify()
		if stop() {
			return true
		}
		at, has := w.t.NextWake(), false
		if len(w.events) > 0 && !w.events[0].at.After(at) {
			at, has = w.events[0].at, true
		}
		if at.After(end) {
			w.now = end
			w.t.Advance(end)
			return stop()
		}
		if idle++; has || at.After(w.now) {
			idle = 0
		}
		if idle > maxIdleWakes {
			w.tb.Fatalf("NextWake says %v again and again", at.Sub(worldStart))
		}
		if at.After(w.now) {
			w.now = at
		}
		if has {
			w.t.Advance(w.now)
			heap.Pop(&w.events).(event).run()
		}
	}
}

// start advances the table for the first time.
func (w *world) start() { w.t.Advance(w.now) }

// found and live tell the table of a node, and check its invariants.
func (w *world) found(n *enode.Node) { w.tb.Helper(); w.t.AddFound(n); w.verify() }
func (w *world) live(n *enode.Node)  { w.tb.Helper(); w.t.AddLive(n, V4); w.verify() }

// join starts the table in a network of so many live nodes, of which it knows one, and lets
// time pass.
func (w *world) join(nodes int, d time.Duration) {
	w.tb.Helper()
	w.populate(nodes, 0)
	w.t.cfg.Bootnodes = []*enode.Node{w.order[0].node}
	w.start()
	w.runFor(d)
}

// fill adds count live nodes to a bucket of the table.
func (w *world) fill(bucket, count int) (peers []*peer) {
	w.tb.Helper()
	for range count {
		p := w.addIn(bucket)
		w.live(p.node)
		peers = append(peers, p)
	}
	return peers
}

// isLive reports whether a node is among the entries.
func (w *world) isLive(n *enode.Node) bool {
	_, live := w.t.Node(n.ID())
	return live
}

func (w *world) verify() {
	w.tb.Helper()
	if !w.check {
		return
	}
	if err := checkInvariants(w.t); err != nil {
		w.tb.Fatalf("after %v: %v", w.now.Sub(worldStart), err)
	}
}

// record starts to note what the table asks.
func (w *world) record() {
	w.recording = true
	w.pings, w.fetches, w.queries, w.targets = nil, nil, nil, nil
}

// populate adds count nodes, a share of them dead, that know each other as well
// as nodes do in a network that has run for a while: every bucket of each has up
// to 16 nodes, drawn at random from all that belong in it.
func (w *world) populate(count, deadPercent int) {
	first := len(w.order)
	for range count {
		w.add(w.newNode(publicIP(len(w.order))))
	}
	nodes := slices.Clone(w.order[first:])
	slices.SortFunc(nodes, func(a, b *peer) int { return compareIDs(a.node.ID(), b.node.ID()) })
	for _, i := range w.rng.Perm(count)[:count*deadPercent/100] {
		nodes[i].dead = true
	}
	for _, p := range nodes {
		for d := 256; d >= 240; d-- {
			for _, q := range w.sample(subtree(nodes, p.node.ID(), d), BucketSize) {
				p.table = append(p.table, q.node)
			}
		}
	}
}

func compareIDs(a, b enode.ID) int { return slices.Compare(a[:], b[:]) }

// subtree returns those of the sorted nodes that are at log distance d from id;
// for 240 all that are nearer, too.
func subtree(nodes []*peer, id enode.ID, d int) []*peer {
	low, high := id, id
	for bit := range d {
		low[31-bit/8] &^= 1 << (bit % 8)
		high[31-bit/8] |= 1 << (bit % 8)
	}
	if d > 240 { // the half of the range that id is not in
		bit := d - 1
		half := byte(1) << (bit % 8)
		if id[31-bit/8]&half == 0 {
			low[31-bit/8] |= half
		} else {
			high[31-bit/8] &^= half
		}
	}
	find := func(id enode.ID) int {
		i, _ := slices.BinarySearchFunc(nodes, id, func(p *peer, id enode.ID) int { return compareIDs(p.node.ID(), id) })
		return i
	}
	return slices.DeleteFunc(slices.Clone(nodes[find(low):find(high)]), func(p *peer) bool { return p.node.ID() == id })
}

// sample draws up to n of the peers.
func (w *world) sample(peers []*peer, n int) (drawn []*peer) {
	for len(peers) > n && len(drawn) < n {
		if p := peers[w.rng.IntN(len(peers))]; !slices.Contains(drawn, p) {
			drawn = append(drawn, p)
		}
	}
	if drawn == nil {
		drawn = peers
	}
	return drawn
}

// alive returns the nodes that answer.
func (w *world) alive() (nodes []*enode.Node) {
	for _, p := range w.order {
		if !p.dead {
			nodes = append(nodes, p.node)
		}
	}
	return nodes
}

// lookup runs a lookup to its end and returns what it found and its hops.
func (w *world) lookup(target Target, opts LookupOptions) (found []*enode.Node, hops []Hop) {
	w.tb.Helper()
	calls := 0
	opts.Trace = func(h Hop) { hops = append(hops, h) }
	w.t.Advance(w.now)
	if _, err := w.t.Lookup(target, opts, func(nodes []*enode.Node) { found = nodes; calls++ }); err != nil {
		w.tb.Fatal(err)
	}
	if !w.runUntil(time.Minute, func() bool { return calls > 0 }) {
		w.tb.Fatal("the lookup did not end within a minute")
	}
	if calls != 1 {
		w.tb.Fatalf("done was called %d times", calls)
	}
	return found, hops
}

// describe gives the state of the table as a hash, to compare runs.
func (w *world) describe() uint64 {
	h := fnv.New64a()
	for _, b := range w.t.Buckets() {
		fmt.Fprint(h, b.Distance, len(b.Entries), len(b.Replacements))
		for _, n := range slices.Concat(b.Entries, b.Replacements) {
			fmt.Fprint(h, n.Node.ID(), n.Node.IP(), n.Node.Seq(), n.Added.UnixNano(), n.LastSeen.UnixNano())
		}
	}
	fmt.Fprintf(h, "%+v", w.t.Stats())
	return h.Sum64()
}
