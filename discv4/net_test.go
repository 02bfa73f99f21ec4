package discv4

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
)

// testNet wires machines in memory, in virtual time.
type testNet struct {
	testing.TB
	now   time.Time
	delay time.Duration // one way
	labs  []*lab
	queue []datagram // in order of at, then of sending
	// fault, if set, says when each copy of a packet arrives, relative to
	// when it should; none means that it is lost.
	fault func(from, to netip.AddrPort, p *Packet) []time.Duration
	// log, if set, hears of every packet that arrives.
	log func(from, to netip.AddrPort, p *Packet, drop Drop)
}

type datagram struct {
	at       time.Time
	from, to netip.AddrPort
	data     []byte
	packet   Packet // as sent, for log
}

// newTestNet returns a network of n nodes, all but the first of which know the
// first, with endpoints in networks of their own. They start when it runs.
func newTestNet(t testing.TB, n int, change func(i int, c *Config)) *testNet {
	w := &testNet{TB: t, now: epoch, delay: 20 * time.Millisecond}
	for i := range n {
		w.add(i, change)
	}
	return w
}

func (w *testNet) add(i int, change func(i int, c *Config)) *lab {
	l := newLab(w.TB, newActor(i, fmt.Sprintf("5.%d.%d.1:30303", i/200, i%200)), func(c *Config) {
		c.Rand = rand.New(rand.NewPCG(uint64(i), 1))
		if len(w.labs) > 0 {
			c.Bootnodes = []*enode.Node{w.labs[0].node}
		}
		if change != nil {
			change(i, c)
		}
	})
	l.verify = false
	l.now = w.now
	w.labs = append(w.labs, l)
	l.m.Advance(w.now)
	return l
}

// restart puts a new machine in the place of the i-th, which has lost all.
func (w *testNet) restart(i int) *lab {
	rest := slices.Clone(w.labs[i+1:])
	w.labs[i].closed()
	w.labs = w.labs[:i]
	l := w.add(i, nil)
	w.labs = append(w.labs, rest...)
	return l
}

// send takes what a node has to say.
func (w *testNet) send(l *lab) {
	for _, o := range l.m.Flush(nil) {
		data := l.encode(&o.Packet)
		l.m.Sent(&o)
		copies := []time.Duration{0}
		if w.fault != nil {
			copies = w.fault(l.at, o.To, &o.Packet)
		}
		for _, late := range copies {
			d := datagram{w.now.Add(w.delay + late), l.at, o.To, data, o.Packet}
			i, _ := slices.BinarySearchFunc(w.queue, d, func(a, b datagram) int {
				return cmp.Or(a.at.Compare(b.at), -1) // behind those of the same time
			})
			w.queue = slices.Insert(w.queue, i, d)
		}
	}
}

// run lets the network go on for d.
func (w *testNet) run(d time.Duration) {
	w.Helper()
	end := w.now.Add(d)
	for _, l := range w.labs { // what tests have asked for in between
		w.send(l)
	}
	for {
		next := end
		for _, l := range w.labs {
			if at := l.m.NextWake(); at.Before(next) {
				next = at
			}
		}
		if len(w.queue) > 0 && !w.queue[0].at.After(next) {
			w.now = w.queue[0].at
			w.deliver()
			continue
		}
		if !next.Before(end) {
			break
		}
		if next.After(w.now) {
			w.now = next
		}
		for _, l := range w.labs {
			if !l.m.NextWake().After(w.now) {
				l.now = w.now
				l.m.Advance(w.now)
				w.send(l)
			}
		}
	}
	w.now = end
	for _, l := range w.labs {
		l.now = end
		l.m.Advance(end)
		w.send(l)
		if err := checkBounds(l.m); err != nil {
			w.Fatalf("%v: %v", l.at, err)
		}
	}
}

func (w *testNet) deliver() {
	d := w.queue[0]
	w.queue = w.queue[1:]
	i := slices.IndexFunc(w.labs, func(l *lab) bool { return l.at == d.to })
	if i < 0 {
		return
	}
	l := w.labs[i]
	l.now = w.now
	l.m.Advance(w.now)
	drop := l.take(d.from, d.data, false)
	if w.log != nil {
		w.log(d.from, d.to, &d.packet, drop)
	}
	w.send(l)
}

// faulty loses, doubles and delays packets by chance.
func faulty(seed uint64, lose, double float64, reorder time.Duration) func(_, _ netip.AddrPort, _ *Packet) []time.Duration {
	rng := rand.New(rand.NewPCG(seed, seed))
	return func(_, _ netip.AddrPort, _ *Packet) (copies []time.Duration) {
		n := 1
		if rng.Float64() < double {
			n = 2
		}
		for range n {
			if rng.Float64() >= lose {
				copies = append(copies, time.Duration(rng.Int64N(int64(reorder)+1)))
			}
		}
		return copies
	}
}

// filled returns how many of the places that a full table would have are taken
// in the median node.
func (w *testNet) filled() float64 {
	var fills []float64
	for _, l := range w.labs {
		var at [257]int
		for _, o := range w.labs {
			if o != l {
				at[max(240, enode.LogDist(l.node.ID(), o.node.ID()))]++
			}
		}
		possible := 0
		for _, n := range at {
			possible += min(n, 16)
		}
		fills = append(fills, float64(l.m.Table().Live())/float64(possible))
	}
	slices.Sort(fills)
	return fills[len(fills)/2]
}
