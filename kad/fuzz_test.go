package kad

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

// FuzzTable drives a table by calls and outcomes that the input names, checks
// its promises after each, and lets everything end.
func FuzzTable(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(randomScript(seed, 600))
	}
	f.Fuzz(func(t *testing.T, script []byte) { newCaller(t, script[:min(len(script), 1024)]).run() })
}

func randomScript(seed uint64, length int) []byte {
	rng := newRand(seed)
	script := make([]byte, length)
	for i := range script {
		script[i] = byte(rng.Uint64())
	}
	return script
}

// TestRandomCalls is FuzzTable over random inputs.
func TestRandomCalls(t *testing.T) {
	for seed := range uint64(25) {
		newCaller(t, randomScript(1000+seed, 2000)).run()
	}
}

// TestDeterminism: the same calls and the same random source, the same events.
func TestDeterminism(t *testing.T) {
	different := make(map[uint64]bool)
	for seed := range uint64(10) {
		script := randomScript(2000+seed, 2000)
		a, b := newCaller(t, script).run(), newCaller(t, script).run()
		if a != b {
			t.Errorf("seed %d: two runs differ", seed)
		}
		different[a] = true
	}
	if len(different) != 10 {
		t.Error("runs of different inputs are the same")
	}
	var states []uint64
	for range 2 {
		w := newWorld(t, 7)
		w.check = false
		h := fnv.New64a()
		w.trace = func(e Event) { fmt.Fprint(h, e.Kind, e.Time.UnixNano(), e.Bucket, e.Count, idOf(e.Node)) }
		w.populate(200, 10)
		w.t.cfg.Bootnodes = []*enode.Node{w.order[0].node}
		w.start()
		w.walk()
		w.runFor(time.Hour)
		states = append(states, w.describe()^h.Sum64())
	}
	if states[0] != states[1] {
		t.Error("two runs of the same world differ")
	}
}

func idOf(n *enode.Node) (id enode.ID) {
	if n != nil {
		id = n.ID()
	}
	return id
}

// caller is a Transport whose questions wait until the script says how they end.
type caller struct {
	t       *testing.T
	table   *Table
	now     time.Time
	script  []byte
	waiting []question
	asked   map[string]int // waiting questions by kind
	lookups []*Lookup
	started int // lookups
	ended   int
	asks    int // Refresh calls
	asksEnd int
	trace   uint64
	steps   int
}

type question struct {
	kind string
	end  func(ok bool)
}

// cast are the nodes that scripts are about: they fall into few buckets and few
// networks, so that limits are met.
var cast struct {
	once  sync.Once
	key   secp.PublicKey // of the table's own node
	nodes []*enode.Node
	newer []*enode.Node // the first of nodes, with records
}

func makeCast(tb testing.TB) {
	w := newWorld(tb, 99)
	cast.key = w.t.cfg.SelfKey
	for i := range 240 {
		ip := publicIP(i % 24).As4()
		ip[3] = byte(i)
		addr := netip.AddrFrom4(ip)
		switch i % 12 {
		case 0:
			addr = hostIn(netip.MustParseAddr("2001:db8::"), i)
		case 1:
			addr = hostIn(netip.MustParseAddr("192.168.3.0"), i)
		}
		bucket := 16 - i%4
		if i >= 24 {
			cast.nodes = append(cast.nodes, w.newNodeIn(bucket, addr))
			continue
		}
		p := w.addWithRecord(bucket, 1)
		cast.nodes = append(cast.nodes, bare(p.node).WithEndpoint(addr, 30303))
		cast.newer = append(cast.newer, signed(tb, p.key, addr, uint64(1+i%5)))
	}
}

func newCaller(t *testing.T, script []byte) *caller {
	cast.once.Do(func() { makeCast(t) })
	c := &caller{t: t, now: worldStart, script: script, asked: make(map[string]int)}
	h := fnv.New64a()
	c.table = New(Config{
		Self: enode.PubkeyID(&cast.key), SelfKey: cast.key, Transport: c, Rand: newRand(uint64(len(script))),
		Bootnodes: cast.nodes[:2], Seeder: seeds(cast.nodes[2:5]),
		Trace: func(e Event) {
			fmt.Fprint(h, e.Kind, e.Time.UnixNano(), e.Bucket, e.Count, idOf(e.Node))
			c.trace = h.Sum64()
		},
	})
	return c
}

func (c *caller) ask(kind string, end func(ok bool)) {
	c.asked[kind]++
	c.waiting = append(c.waiting, question{kind, end})
}

func (c *caller) Ping(_ *enode.Node, done func(uint64, error)) {
	c.ask("ping", func(ok bool) {
		if ok {
			done(uint64(c.next()%8), nil)
		} else {
			done(0, errNoAnswer)
		}
	})
}

func (c *caller) RequestENR(n *enode.Node, done func(*enode.Node, error)) {
	c.ask("enr", func(ok bool) {
		i := slices.IndexFunc(cast.newer, func(o *enode.Node) bool { return o.ID() == n.ID() })
		if ok && i >= 0 {
			done(cast.newer[i], nil)
		} else {
			done(nil, errNoAnswer)
		}
	})
}

func (c *caller) Findnode(_ *enode.Node, _ Target, done func([]*enode.Node, error)) {
	c.ask("find", func(ok bool) {
		if ok {
			done(c.some(), nil)
		} else {
			done(nil, errNoAnswer)
		}
	})
}

// next takes a byte from the script; 0 at its end.
func (c *caller) next() byte {
	if len(c.script) == 0 {
		return 0
	}
	b := c.script[0]
	c.script = c.script[1:]
	return b
}

func (c *caller) node() *enode.Node { return cast.nodes[int(c.next())%len(cast.nodes)] }

// moved is a node at an endpoint that may be another's.
func (c *caller) moved() *enode.Node {
	n := c.node()
	if b := c.next(); b < 64 {
		n = n.WithEndpoint(cast.nodes[int(b)%len(cast.nodes)].IP(), uint16(b))
	}
	return n
}

func (c *caller) some() []*enode.Node {
	i, n := int(c.next())%len(cast.nodes), int(c.next())%(BucketSize+4)
	return cast.nodes[i:min(i+n, len(cast.nodes))]
}

// run plays the script, ends everything, and returns a hash of the events.
func (c *caller) run() uint64 {
	c.advance(0)
	for len(c.script) > 0 {
		c.step(c.next())
		c.verify()
	}
	// With everything that waits failing, each lookup and refresh ends.
	for i := 0; len(c.waiting) > 0 || c.ended < c.started || c.asksEnd < c.asks; i++ {
		if i > 20000 {
			c.t.Fatalf("%d of %d lookups and %d of %d refreshes ended, %d questions wait", c.ended, c.started, c.asksEnd, c.asks, len(c.waiting))
		}
		if len(c.waiting) > 0 {
			c.answer(0, false)
		} else {
			c.wake()
		}
		c.verify()
	}
	if c.ended != c.started || c.asksEnd != c.asks {
		c.t.Errorf("%d lookups ended %d times, %d refreshes %d times", c.started, c.ended, c.asks, c.asksEnd)
	}
	return c.trace
}

func (c *caller) step(op byte) {
	switch op % 16 {
	case 0:
		c.advance(time.Duration(c.next()) * time.Millisecond)
	case 1:
		c.advance(time.Duration(c.next()) * 100 * time.Millisecond)
	case 2:
		c.wake()
	case 3, 4, 5:
		c.answer(int(c.next()), true)
	case 6:
		c.answer(int(c.next()), false)
	case 7, 8:
		c.table.AddFound(c.node())
	case 9, 10:
		c.table.AddLive(c.moved(), Protocol(c.next()&3))
	case 11:
		c.table.Announced(c.node().ID(), uint64(c.next()%8))
	case 12:
		c.lookup()
	case 13:
		c.table.AddLate(c.node(), c.some())
	case 14:
		if len(c.lookups) > 0 {
			c.lookups[int(c.next())%len(c.lookups)].Cancel()
		}
	default:
		c.rare()
	}
}

func (c *caller) rare() {
	switch c.next() % 6 {
	case 0:
		c.asks++
		c.table.Refresh(func() { c.asksEnd++ })
	case 1:
		c.table.AddBootnode(c.moved())
	case 2:
		c.table.UpdateRecord(cast.newer[int(c.next())%len(cast.newer)])
	case 3:
		n, via := c.node(), Protocol(c.next()&3)
		before := c.table.Speaks(n.ID())
		if c.table.Stopped(n.ID(), via); before != 0 && c.table.Speaks(n.ID()) == 0 {
			c.t.Error("a node's last protocol was taken")
		}
	case 4:
		if n, speaks := c.table.Untried(time.Second); n != nil && (speaks == 0 || c.table.Speaks(n.ID()) != speaks) {
			c.t.Errorf("to be tried: a node that speaks %d, named with %d", c.table.Speaks(n.ID()), speaks)
		}
	default:
		for range 4 { // many at once
			c.table.AddLive(c.node(), V5)
		}
	}
}

func (c *caller) advance(d time.Duration) {
	c.now = c.now.Add(d)
	c.table.Advance(c.now)
}

// wake advances to where NextWake says, which must lead on.
func (c *caller) wake() {
	before := c.now
	for range maxIdleWakes {
		at := c.table.NextWake()
		if at.IsZero() || at.Sub(c.now) > revalidateWithin {
			c.t.Fatalf("NextWake is %v after now", at.Sub(c.now))
		}
		c.advance(max(0, at.Sub(c.now)))
		if c.now.After(before) {
			return
		}
	}
	c.t.Fatal("NextWake names the present instant again and again")
}

func (c *caller) answer(i int, ok bool) {
	if len(c.waiting) == 0 {
		return
	}
	i %= len(c.waiting)
	q := c.waiting[i]
	c.waiting = slices.Delete(c.waiting, i, i+1)
	c.asked[q.kind]--
	q.end(ok)
}

func (c *caller) lookup() {
	var opts LookupOptions
	kind := c.next()
	if kind&1 == 1 {
		opts.Filter = func(n *enode.Node) bool { return n.Record() != nil || kind&2 == 2 }
	}
	if kind&4 == 4 {
		opts.Found = func(n *enode.Node) {
			if n == nil {
				c.t.Error("found nothing")
			}
		}
		opts.Trace = func(h Hop) {
			if len(h.Heard) > h.Returned || h.Took < 0 {
				c.t.Errorf("hop %+v", h)
			}
		}
	}
	calls := 0
	l, err := c.table.Lookup(c.table.RandomTarget(), opts, func(nodes []*enode.Node) {
		if calls++; calls > 1 || len(nodes) > BucketSize {
			c.t.Errorf("done was called %d times, with %d nodes", calls, len(nodes))
		}
		c.ended++
	})
	if err != nil {
		if c.table.Stats().Lookups < maxLookups {
			c.t.Errorf("%d lookups under way: %v", c.table.Stats().Lookups, err)
		}
		return
	}
	c.started++
	c.lookups = append(c.lookups, l)
}

// verify checks the queues after each step, and all promises now and then: a
// broken count does not heal.
func (c *caller) verify() {
	check := checkQueues
	if c.steps++; c.steps%8 == 0 || len(c.waiting) == 0 {
		check = checkInvariants
	}
	if err := check(c.table); err != nil {
		c.t.Fatal(err)
	}
	lookups := maxLookups + 1
	for kind, most := range map[string]int{
		"ping": maxChecksRunning + NumBuckets*BucketSize,
		"enr":  maxFetches + (lookups+c.ended)*BucketSize,
		"find": (lookups + c.ended) * maxInflight,
	} {
		if c.asked[kind] > most {
			c.t.Fatalf("%d questions of kind %s wait", c.asked[kind], kind)
		}
	}
}
