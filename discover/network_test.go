package discover

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
)

func TestNetworkForms(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.net.Link = slow(20 * time.Millisecond)
		w.grow(scale(40))
		w.filled(0.9, 1, 10*time.Second)
		w.findable(16)
	})
}

func TestSmallNetworks(t *testing.T) {
	for _, nodes := range []int{2, 3, scale(17)} {
		inWorld(t, func(t *testing.T, w *world) {
			w.grow(nodes)
			w.filled(1, 1, 10*time.Second)
			w.findable(3)
		})
	}
}

// Where no packet is lost and none overtakes another, each is of use: a reply
// that nobody awaits, or a query that its receiver can't answer yet, would have
// been sent in vain. One worker, since two can overtake each other.
func TestCalmNetworkWastesNothing(t *testing.T) {
	for _, latency := range []time.Duration{0, 15 * time.Millisecond} {
		inWorld(t, func(t *testing.T, w *world) {
			w.workers = 1
			w.net.Link = slow(latency)
			w.grow(scale(16))
			w.filled(0.9, 1, 10*time.Second)
			w.findable(6)
			for _, n := range w.nodes[1:] {
				if _, err := n.RequestENR(t.Context(), w.nodes[0].Self()); err != nil {
					t.Error(err)
				}
			}
			time.Sleep(time.Minute)
			for _, n := range w.nodes {
				s := n.Stats()
				if d := dropped(n); len(d) > 0 || s.Table.Removed > 0 || s.Table.QueriesFailed > 0 || s.SendErrors > 0 {
					t.Errorf("latency %v: %v dropped %v, removed %d, failed %d", latency, n.Self().IP(), d, s.Table.Removed, s.Table.QueriesFailed)
				}
			}
			if s := w.net.Stats(); s.NoConn+s.QueueFull > 0 {
				t.Errorf("latency %v: %+v", latency, s)
			}
		})
	}
}

// dice is a random source for the links of a world.
type dice struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func newDice(seed uint32) *dice { return &dice{rng: rand.New(rand.NewChaCha8(seedOf(seed)))} }

func (d *dice) float() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.Float64()
}

func (d *dice) duration(below time.Duration) time.Duration {
	return time.Duration(d.float() * float64(below))
}

// badLink loses and duplicates packets, and has them overtake each other.
func badLink(d *dice, loss, twice float64, spread time.Duration) func(netip.AddrPort, netip.AddrPort, []byte) []time.Duration {
	return func(netip.AddrPort, netip.AddrPort, []byte) (at []time.Duration) {
		if d.float() < loss {
			return nil
		}
		at = append(at, 5*time.Millisecond+d.duration(spread))
		if d.float() < twice {
			at = append(at, 5*time.Millisecond+d.duration(spread))
		}
		return at
	}
}

func TestBadLinks(t *testing.T) {
	for _, c := range []struct {
		name        string
		loss, twice float64
		spread      time.Duration
		within      time.Duration
		found       float64 // part of the lookups that find their node
	}{
		{name: "duplicated", twice: 0.5, within: 10 * time.Second, found: 1},
		{name: "reordered", spread: 80 * time.Millisecond, within: 10 * time.Second, found: 1},
		// A node is found when it answers, so the loss on the way to it and back
		// counts even if everybody else names it.
		{name: "10% lost", loss: 0.1, within: time.Minute, found: 0.7},
		{name: "30% lost", loss: 0.3, within: 2 * time.Minute, found: 0.25},
		{name: "all of it", loss: 0.1, twice: 0.1, spread: 50 * time.Millisecond, within: time.Minute, found: 0.7},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.net.Link = badLink(newDice(1), c.loss, c.twice, c.spread)
				w.grow(scale(14))
				w.filled(0.8, 0.9, c.within)
				// Fifty lookups and more, or luck decides.
				rounds, part := 50/(len(w.nodes)*(len(w.nodes)-1))+1, 0.0
				for range rounds {
					part += w.found(1)
				}
				part /= float64(rounds)
				if part < c.found {
					t.Errorf("%.3f of the lookups find their node, expected %.2f", part, c.found)
				}
				for _, n := range w.nodes {
					if d := dropped(n, discv4.DropUnsolicited, discv4.DropUnproven); len(d) > 0 {
						t.Errorf("%v dropped %v", n.Self().IP(), d)
					}
				}
			})
		})
	}
}

// The network of all, or of one, is away. The bootnode knows no other way back
// than the nodes that it knew before.
func TestNetworkAwayAndBack(t *testing.T) {
	for _, c := range []struct {
		name   string
		outage time.Duration
		away   func(w *world, from, to netip.AddrPort) bool
	}{
		{"everyone", 2 * time.Minute, func(w *world, _, _ netip.AddrPort) bool { return true }},
		{"one", 2 * time.Minute, func(w *world, from, to netip.AddrPort) bool { return w.concerns(3, from, to) }},
		{"one for long", 10 * time.Minute, func(w *world, from, to netip.AddrPort) bool { return w.concerns(3, from, to) }},
		{"bootnode", 2 * time.Minute, func(w *world, from, to netip.AddrPort) bool { return w.concerns(0, from, to) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				var away atomic.Bool
				w.net.Link = func(from, to netip.AddrPort, _ []byte) []time.Duration {
					if away.Load() && c.away(w, from, to) {
						return nil
					}
					return []time.Duration{10 * time.Millisecond}
				}
				w.grow(scale(12))
				w.filled(0.9, 1, 10*time.Second)
				away.Store(true)
				time.Sleep(c.outage)
				away.Store(false)
				w.filled(0.9, 0.9, time.Minute)
				w.findable(6)
			})
		})
	}
}

// concerns reports whether a packet is from or to a node.
func (w *world) concerns(node int, from, to netip.AddrPort) bool {
	at := w.nodes[node].conn.LocalAddr()
	return from == at || to == at
}

// Half of the network leaves; the rest notices and stays connected.
func TestHalfLeaves(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.net.Link = slow(10 * time.Millisecond)
		w.settled(scale(20))
		for range len(w.nodes) / 2 {
			w.stop(w.nodes[len(w.nodes)-1])
		}
		w.findable(3)
		w.filled(1, 1, time.Minute)
		living := make(map[enode.ID]bool)
		for _, n := range w.nodes {
			living[n.Self().ID()] = true
		}
		poll(t, 10*time.Minute, func() (bool, string) {
			for _, n := range w.nodes {
				for _, b := range n.Buckets() {
					for _, e := range b.Entries {
						if !living[e.Node.ID()] {
							return false, "a dead node is still an entry"
						}
					}
				}
			}
			return true, ""
		})
	})
}
