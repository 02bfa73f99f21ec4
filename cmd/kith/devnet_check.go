package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

const (
	// lookupsAtOnce is how many lookups the check runs at a time. A lookup on
	// loopback is all computing, and spread over three nodes at a time: more at
	// once would only measure how long each waits for the others.
	lookupsAtOnce = 2

	// lookupTimeout is when a lookup counts as lost.
	lookupTimeout = 10 * time.Second

	// retryPause is the time between two looks for the pairs not found.
	retryPause = 500 * time.Millisecond

	// steadyPause is the time between lookups when all is found.
	steadyPause = 100 * time.Millisecond

	// traceEvery is how many lookups there are for each that is traced for its
	// hops: only a lookup by ID can be, and it takes some 30 ms before it asks
	// anybody (discover.UDP.LookupID). Its time is not counted.
	traceEvery = 16

	// keptLookups is how many of the latest lookups figures are made of.
	keptLookups = 1 << 14

	// recentLookups is how many lookups the live view shows.
	recentLookups = 8
)

// pair is a node that looks another up, by their places in devnet.nodes.
type pair struct{ from, to int }

// choosePairs returns all pairs of n nodes if they are at most limit, else
// a sample of about limit, at least one for each node: each node is as often
// on one side as on the other. Those that can't talk to each other are left out then.
func choosePairs(rng *rand.Rand, speaks []kad.Protocol, limit int) []pair {
	n := len(speaks)
	each := pairsEach(n, limit)
	order := rng.Perm(n)
	steps := rng.Perm(n - 1)[:each]
	var pairs []pair
	for _, step := range steps {
		for i, from := range order {
			if to := order[(i+step+1)%n]; speaks[from]&speaks[to] != 0 {
				pairs = append(pairs, pair{from, to})
			}
		}
	}
	return pairs
}

// pairsEach is how many others each of n nodes looks for.
func pairsEach(n, limit int) int { return min(n-1, max(1, (limit+n-1)/n)) }

// look is the outcome of one lookup.
type look struct {
	pair
	found bool
	took  time.Duration
	hops  int // steps on the way to the node found, 0 if not traced
}

// checker has nodes look each other up, and keeps count.
type checker struct {
	net   *devnet
	pairs []pair
	rng   *rand.Rand
	begun atomic.Uint64 // lookups

	mu       sync.Mutex
	looked   int // pairs looked up at least once
	found    int // pairs found
	first    int // pairs found by the first lookup
	doneAt   time.Time
	lookups  int    // all lookups
	latest   []look // at most keptLookups, as a ring
	next     int    // place in the ring
	notFound []pair // of the last pass
}

func newChecker(net *devnet, seed uint64, limit int) *checker {
	rng := rand.New(rand.NewPCG(seed, 0))
	return &checker{net: net, rng: rng, pairs: choosePairs(rng, net.speaks[:len(net.nodes)], limit)}
}

// run looks all pairs up, those not found again and again, then closes found
// and goes on with a few lookups until ctx ends.
func (c *checker) run(ctx context.Context, found chan<- struct{}) {
	todo := c.pairs
	for first := true; len(todo) > 0; first = false {
		if !first && !pause(ctx, retryPause) {
			return
		}
		if todo = c.pass(ctx, todo, first); ctx.Err() != nil {
			return
		}
	}
	c.mu.Lock()
	c.doneAt = time.Now()
	c.mu.Unlock()
	close(found)
	for pause(ctx, steadyPause) {
		l := c.look(ctx, c.pairs[c.rng.IntN(len(c.pairs))])
		if ctx.Err() == nil {
			c.mu.Lock()
			c.record(l)
			c.mu.Unlock()
		}
	}
}

// pass looks pairs up, a few at a time, and returns those not found.
func (c *checker) pass(ctx context.Context, todo []pair, first bool) (missing []pair) {
	work := make(chan pair)
	var wg sync.WaitGroup
	for range lookupsAtOnce {
		wg.Go(func() {
			for p := range work {
				l := c.look(ctx, p)
				if ctx.Err() != nil {
					continue // cut short: it says nothing
				}
				c.mu.Lock()
				c.record(l)
				if first {
					c.looked++
				}
				switch {
				case !l.found:
					missing = append(missing, p)
				case first:
					c.first++
					fallthrough
				default:
					c.found++
				}
				c.mu.Unlock()
			}
		})
	}
feed:
	for _, p := range todo {
		select {
		case work <- p:
		case <-ctx.Done():
			break feed
		}
	}
	close(work)
	wg.Wait()
	c.mu.Lock()
	c.notFound = missing
	c.mu.Unlock()
	return missing
}

func (c *checker) look(ctx context.Context, p pair) look {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	from, key, id := c.net.nodes[p.from], c.net.keys[p.to].Public(), c.net.ids[p.to]
	l := look{pair: p}
	var nodes []*enode.Node
	if c.begun.Add(1)%traceEvery == 0 {
		nodes, _ = from.LookupID(ctx, id, func(h kad.Hop) {
			if h.Node.ID() == id {
				l.hops = h.Depth + 1
			}
		})
	} else {
		start := time.Now()
		nodes, _ = from.Lookup(ctx, key)
		l.took = time.Since(start)
	}
	l.found = slices.ContainsFunc(nodes, func(n *enode.Node) bool { return n.ID() == id })
	return l
}

// record keeps a lookup. The caller holds the lock.
func (c *checker) record(l look) {
	c.lookups++
	if len(c.latest) < keptLookups {
		c.latest = append(c.latest, l)
		return
	}
	c.latest[c.next] = l
	c.next = (c.next + 1) % keptLookups
}

// recent returns the last few lookups, the latest first. The caller holds the
// lock.
func (c *checker) recent() []look {
	n := len(c.latest)
	var list []look
	for i := range min(n, recentLookups) {
		list = append(list, c.latest[(c.next-1-i+2*n)%n])
	}
	return list
}
