package scenario

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/sim"
	"github.com/kithnet/kith/sim/adversary"
)

// TestSameEverywhere: small runs have the hashes that they had on other machines. Whoever
// changes what nodes do, or what is drawn for them, changes these: the test says to what.
// If nobody did, something depends on the machine (see sim/exact.go).
func TestSameEverywhere(t *testing.T) {
	for _, c := range []struct {
		name     string
		nodes    int
		duration time.Duration
		hash     uint64
	}{
		{"lossy-churn", 60, 2 * time.Minute, 0xc55c6b1056f1f13e},
		{"harsh-churn", 40, time.Minute, 0xdf9062e6d88bdc0e},
		{"nat-70", 40, time.Minute, 0x5ef0bc46d524a78a},
		{"shared-networks", 60, 30 * time.Second, 0x54ae2c8c3a48460c},
		{"home-lines", 40, 30 * time.Second, 0x2b5b9ae152f4d21e},
		{"peers-churn", 40, time.Minute, 0xf5b430577a602cae},
		{"mixed-ten-thousand", 50, time.Minute, 0x156227452a6a0602},
		{"real-wire-mixed", 20, 10 * time.Second, 0x67a3eaf3858eff09},
		{"churn-mix", 40, time.Minute, 0x284b22515be2ae4d},
		{"eclipse-v5", 40, time.Minute, 0xde7832cec5db32cf},
	} {
		if testing.Short() && c.name == "real-wire-mixed" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			s, err := Load(c.name)
			if err != nil {
				t.Fatal(err)
			}
			r := run(t, s, Options{Nodes: c.nodes, Duration: c.duration})
			if r.Hash != c.hash {
				t.Errorf("the hash is %#x, not %#x", r.Hash, c.hash)
			}
		})
	}
	t.Run("every-draw", func(t *testing.T) {
		if hash, want := everyDraw(t), uint64(0x32e2295033cadc3e); hash != want {
			t.Errorf("the hash is %#x, not %#x", hash, want)
		}
	})
}

// everyDraw is the hash of a world in which whatever can be drawn is: all distributions of
// sessions, each with each, begun and settled, late packets, lost and double ones, networks
// of unequal size, and what an adversary and who measures draw.
func everyDraw(t *testing.T) uint64 {
	w := sim.New(sim.Config{Seed: 11, Workers: 2, CheckEvery: -1, Link: sim.Link{Jitter: 30 * time.Millisecond, Tail: 5 * time.Millisecond, Loss: 0.05, Duplicate: 0.02},
		Regions: [][]time.Duration{{5 * time.Millisecond, 40 * time.Millisecond}, {41 * time.Millisecond, 3 * time.Millisecond}}})
	spans := []sim.Span{sim.Constant(20 * time.Second), sim.Exponential(20 * time.Second),
		sim.Weibull{Shape: 0.52, Scale: 10 * time.Second}, sim.LogNormal{Median: 15 * time.Second, Sigma: 1.5}}
	const hosts = 2 * 4 * 4
	addrs, ok := sim.Clusters{Networks: 0.5, Skew: 1.1}.Addresses(11, 2+hosts)
	if !ok {
		t.Fatal("no room for their addresses")
	}
	boot, err := w.AddAll(2, func(i int) sim.Node { return sim.Node{Addr: addrs[i], Protocols: kad.V4 | kad.V5} })
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.AddAll(hosts, func(i int) sim.Node {
		n := sim.Node{Addr: addrs[2+i], Region: i / 3 % 2, Bootnodes: boot, Protocols: kad.Protocol(1 + i%3), NAT: sim.NAT{Kind: sim.NATKind(i % 7 % 5)},
			Sessions: sim.Sessions{Up: spans[i%4], Down: spans[i/4%4], Settled: i/16 == 1}, Server: &sim.Server{MaxPeers: 6}}
		if i%5 == 0 {
			n.Up, n.Down = 16_000, 64_000
		}
		return n
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := adversary.Deploy(w, adversary.Plan{Kind: "liar", IDs: 6, Addresses: 3, Rate: 3}); err != nil {
		t.Fatal(err)
	}
	w.Probe(700 * time.Millisecond)
	for range 4 {
		if err := w.Run(20 * time.Second); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Lookups(rand.New(w.Stream(1)), 5); err != nil {
			t.Fatal(err)
		}
	}
	return w.Hash()
}
